"""``souk callbacks``: trying out a receiver before any task depends on it."""

import random
from typing import TYPE_CHECKING, Annotated

import typer

from souk.cli.failure import Exit, Failure
from souk.cli.opening import load, named, open_desk, run
from souk.cli.options import AccountName, AsJson, DataDir
from souk.cli.show import out, show

if TYPE_CHECKING:
    from souk.callbacks.check import TestResult
    from souk.settings import Settings

callbacks = typer.Typer(help="Try out callback receivers.", no_args_is_help=True)


@callbacks.callback()
def _group() -> None:
    """A group although it has one command, so that the command keeps its name."""


@callbacks.command("test")
def test(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the receiver listens.")],
    account: AccountName = "",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Send one signed callback of a task that does not exist, and say what came back."""
    result = run(_send(load(data_dir).settings, url, account))
    times = f"after {result.milliseconds} ms, signed with {result.signatures} key(s)"
    show(
        as_json, result, lambda: out(f"delivered: HTTP {result.status} {times}") if result.delivered else None
    )
    if not result.delivered:
        raise Failure(f"not delivered {times}: {result.error}", Exit.NEGATIVE)


async def _send(settings: "Settings", url: str, account: str) -> "TestResult":
    from souk.callbacks.check import send_test
    from souk.clock import SystemClock
    from souk.net.client import GuardedHttp
    from souk.net.policy import Policy

    async with open_desk(settings) as desk, GuardedHttp.open(Policy(settings.outbound_policy.value)) as http:
        keys = await desk.admin.webhooks.keys(await named(desk.admin, account))
        return await send_test(http, url, keys, clock=SystemClock(), random=random.SystemRandom())
