"""``souk accounts``: accounts, their limits and their webhook keys."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from souk.cli import options
from souk.cli.failure import Exit, Failure, complain
from souk.cli.opening import with_admin
from souk.cli.options import AsJson, DataDir
from souk.cli.show import credits, facts, moment, out, out_json, show, table
from souk.words import credits_to_number

if TYPE_CHECKING:
    from souk.operations.admin import Admin
    from souk.store.accounts import AccountRow, BalanceRow

accounts = typer.Typer(help="Make, list, limit and close accounts.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]


def _limit(help_text: str) -> Any:
    words = f"{help_text}; 0 = no limit, `default` = as the settings say."
    return typer.Option(metavar="NUMBER", help=words, show_default=False)


@accounts.command("create")
def create(name: Name, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Make an account. It has no key and no credits yet."""
    row = with_admin(data_dir, lambda admin: admin.accounts.create(name), create=True)
    show(
        as_json,
        _plain(row),
        lambda: out(f"made {name}; next: souk keys create --account {name}, souk credits grant {name} 100"),
    )


@accounts.command("list")
def list_accounts(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the accounts."""

    async def work(admin: "Admin") -> "list[tuple[AccountRow, list[BalanceRow]]]":
        return [(row, await admin.credits.balances(row.name)) for row in await admin.accounts.list()]

    found = with_admin(data_dir, work)
    head = ("ID", "Name", "State", "Live credits", "Sandbox credits", "Unfinished", "Made")
    lines = (
        (
            row.id,
            row.name,
            "disabled" if row.disabled else "open",
            *(credits(balance.available) for balance in balances),
            sum(balance.unfinished for balance in balances),
            moment(row.created_at),
        )
        for row, balances in found
    )
    data = [_plain(row) | _balances(balances) for row, balances in found]
    show(as_json, data, lambda: table(head, lines, "no accounts; `souk serve` makes the first one"))


@accounts.command("show")
def show_account(
    name: Name,
    webhook_keys: Annotated[
        bool, typer.Option("--webhook-keys", help="Also print the keys its callbacks are signed with.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show one account."""

    async def work(admin: "Admin") -> "tuple[AccountRow, list[BalanceRow], list[str]]":
        row = await admin.accounts.get(name)
        keys = await admin.webhooks.keys(name) if webhook_keys else []
        return row, await admin.credits.balances(name), keys

    row, balances, keys = with_admin(data_dir, work)
    data = _plain(row) | _balances(balances) | ({"webhook_keys": keys} if webhook_keys else {})
    people = {
        "id": row.id,
        "name": row.name,
        "state": "disabled" if row.disabled else "open",
        **{f"{b.mode} credits": f"{credits(b.available)} and {credits(b.held)} held" for b in balances},
        "tasks at once": _told(row.concurrency),
        "unfinished tasks": _told(row.max_waiting),
        "creates per 10 s": _told(row.rate_creates),
        **{f"webhook key {number}": key for number, key in enumerate(keys, 1)},
        "made": moment(row.created_at),
    }
    show(as_json, data, lambda: facts(people))


@accounts.command("limits")
def limits(
    name: Name,
    concurrency: Annotated[str, _limit("Tasks that run at once")] = "",
    max_waiting: Annotated[str, _limit("Unfinished tasks")] = "",
    rate_creates: Annotated[str, _limit("Creates per 10 seconds")] = "",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Change an account's limits. What is not named stays."""
    given = {"concurrency": concurrency, "max_waiting": max_waiting, "rate_creates": rate_creates}
    change = {field: options.limit(text) for field, text in given.items() if text}
    row = with_admin(data_dir, lambda admin: admin.accounts.limit(name, change))
    people = {field.replace("_", " "): _told(getattr(row, field)) for field in given}
    show(as_json, _plain(row), lambda: facts(people))


@accounts.command("disable")
def disable(name: Name, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Close an account to requests. What it already started runs on."""
    row = with_admin(data_dir, lambda admin: admin.accounts.disable(name))
    show(as_json, _plain(row), lambda: out(f"{name} is disabled"))


@accounts.command("enable")
def enable(name: Name, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Open an account again."""
    row = with_admin(data_dir, lambda admin: admin.accounts.disable(name, disabled=False))
    show(as_json, _plain(row), lambda: out(f"{name} is open"))


@accounts.command("rotate-webhook-key")
def rotate_webhook_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")] = "",
    finish: Annotated[bool, typer.Option("--finish", help="Stop signing with the old key.")] = False,
    lost: Annotated[
        bool, typer.Option("--lost", help="Replace the keys of all accounts that a lost secret key held.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Sign an account's callbacks with a new key, and with the old one too until `--finish`."""
    if lost:
        rows = with_admin(data_dir, lambda admin: admin.webhooks.replace_lost())
        names = [row.name for row in rows]
        told = f"made new webhook keys for {', '.join(names) or 'no account'}"
        show(as_json, {"accounts": names}, lambda: out(told))
        return
    if not name:
        raise Failure("name the account: souk accounts rotate-webhook-key NAME", Exit.USAGE)

    async def work(admin: "Admin") -> list[str]:
        return await (admin.webhooks.finish(name) if finish else admin.webhooks.rotate(name))

    keys = with_admin(data_dir, work)
    if as_json:
        out_json({"account": name, "webhook_keys": keys})
        return
    out(keys[0])
    if finish:
        complain(f"callbacks of {name} are signed with this key alone")
        return
    complain(
        f"callbacks of {name} are signed with this key and the old one; once every receiver knows it, run "
        f"souk accounts rotate-webhook-key {name} --finish"
    )


@accounts.command("audit")
def audit(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 50,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show the operators' acts, newest first."""
    rows = with_admin(data_dir, lambda admin: admin.audit(limit))
    lines = ((moment(row.at), row.actor, row.action, row.subject, _details(row.detail)) for row in rows)
    head = ("At", "Who", "What", "To", "Detail")
    show(as_json, rows, lambda: table(head, lines, "nothing is on record"))


def _details(detail: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in detail.items() if value not in (None, "", []))


def _told(limit: int | None) -> str:
    if limit is None:
        return "as the settings say"
    return str(limit) if limit else "no limit"


def _plain(row: "AccountRow") -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "disabled": row.disabled,
        "concurrency": row.concurrency,
        "max_waiting": row.max_waiting,
        "rate_creates": row.rate_creates,
        "created_at": row.created_at,
    }


def _balances(balances: "list[BalanceRow]") -> dict[str, Any]:
    return {
        "balances": {
            balance.mode: {
                "available": credits_to_number(balance.available),
                "held": credits_to_number(balance.held),
                "unfinished": balance.unfinished,
            }
            for balance in balances
        }
    }
