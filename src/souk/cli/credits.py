"""``souk credits``: what accounts have, and giving them more."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from souk.cli import options, show
from souk.cli.opening import named, with_admin
from souk.cli.options import AsJson, DataDir, InSandbox
from souk.words import Credits, Mode, credits_to_number

if TYPE_CHECKING:
    from souk.operations.admin import Admin
    from souk.store.accounts import BalanceRow

credits = typer.Typer(help="Show and grant credits.", no_args_is_help=True)


# A negative amount would be taken for options otherwise.
@credits.command("grant", context_settings={"ignore_unknown_options": True})
def grant(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Who gets them.")],
    amount: Annotated[
        Credits,
        typer.Argument(
            metavar="AMOUNT", parser=options.credits, help="Credits to give; a negative amount takes back."
        ),
    ],
    sandbox: InSandbox = False,
    note: Annotated[str, typer.Option(help="Why; it stands in the ledger.")] = "",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Give an account credits, or take back what is available."""
    mode = Mode.SANDBOX if sandbox else Mode.LIVE
    balance = with_admin(data_dir, lambda admin: admin.credits.grant(account, mode, amount, note))
    told = f"{account} now has {show.credits(balance.available)} {mode} credits available"
    show.show(as_json, _plain(balance), lambda: show.out(told))


@credits.command("show")
def show_credits(
    account: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="Whose; the first account's if not named.")
    ] = "",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show an account's credits in both modes."""

    async def work(admin: "Admin") -> "list[BalanceRow]":
        return await admin.credits.balances(await named(admin, account))

    rows = with_admin(data_dir, work)
    lines = ((row.mode, show.credits(row.available), show.credits(row.held), row.unfinished) for row in rows)
    head = ("Mode", "Available", "Held", "Unfinished tasks")
    show.show(as_json, list(map(_plain, rows)), lambda: show.table(head, lines))


def _plain(row: "BalanceRow") -> dict[str, Any]:
    return {
        "mode": row.mode,
        "available": credits_to_number(row.available),
        "held": credits_to_number(row.held),
        "unfinished": row.unfinished,
    }
