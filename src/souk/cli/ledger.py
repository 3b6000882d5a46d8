"""``souk ledger``: proof that every balance, hold and charge adds up."""

from typing import TYPE_CHECKING

import typer

from souk.cli.failure import Exit, Failure
from souk.cli.opening import load, open_desk, run
from souk.cli.options import AsJson, DataDir
from souk.cli.show import out, show

if TYPE_CHECKING:
    from souk.accounts.verify import Verification
    from souk.settings import Settings

ledger = typer.Typer(help="Verify the books.", no_args_is_help=True)


@ledger.callback()
def _group() -> None:
    """A group although it has one command, so that the command keeps its name."""


@ledger.command("verify")
def verify(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Compare every balance with its ledger entries and every task with its own."""
    found = run(_verify(load(data_dir).settings))
    show(as_json, found, lambda: _print(found))
    if found.problems:
        raise Failure(f"the ledger does not add up in {len(found.problems)} places", Exit.NEGATIVE)


def _print(found: "Verification") -> None:
    for problem in found.problems:
        out(problem)
    if not found.problems:
        out(f"all {found.purses} balances add up")


async def _verify(settings: "Settings") -> "Verification":
    from souk.accounts.verify import verify

    async with open_desk(settings) as desk:
        return await desk.reads.run(verify)
