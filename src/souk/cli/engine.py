"""``souk engine``: runs tasks and delivers callbacks without serving, beside servers on the same PostgreSQL."""

import asyncio
import signal
import sys

from souk.cli.failure import Exit, Failure
from souk.cli.garbage import look_seldom
from souk.cli.opening import Loaded, load, open_house
from souk.cli.options import DataDir
from souk.cli.serving import STOP_SIGNALS, rereads_config
from souk.cli.show import out


def engine(data_dir: DataDir = None) -> None:
    """Run tasks without serving; needs PostgreSQL. Stops at SIGTERM."""
    from souk.logs import set_up

    loaded = load(data_dir)
    settings = loaded.settings
    if settings.sqlite:
        raise Failure(
            "an engine of its own needs PostgreSQL: set SOUK_DATABASE_URL (on SQLite, `souk serve` runs the tasks)",
            Exit.CONFIGURATION,
        )
    set_up(settings.log_level, settings.log_format)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(loaded))


async def _run(loaded: Loaded) -> None:
    stopped = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with open_house(loaded, engine=True, create=True) as house:
        if rereads_config():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, house.watch.read_again)
        look_seldom()
        live = ", ".join(item.connection.name for item in house.configured) or "the sandbox"
        out(f"Souk runs tasks on {live}")
        sys.stdout.flush()  # a journal would get it when the engine ends
        await stopped.wait()
