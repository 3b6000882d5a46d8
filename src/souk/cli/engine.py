"""``souk engine``: runs tasks and delivers callbacks without serving, beside servers on the same PostgreSQL."""

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from souk.cli.failure import Exit, Failure
from souk.cli.garbage import look_seldom
from souk.cli.listening import listening
from souk.cli.opening import Loaded, load, open_house
from souk.cli.options import DataDir
from souk.cli.serving import STOP_SIGNALS, rereads_config, url_of

if TYPE_CHECKING:
    from souk.house import House
    from souk.settings import Settings

Metrics = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Where to answer /health, /ready and /metrics (SOUK_ENGINE_METRICS).",
        show_default=False,
    ),
]


def engine(metrics: Metrics = None, data_dir: DataDir = None) -> None:
    """Run tasks without serving; needs PostgreSQL. Stops at SIGTERM."""
    loaded = load(data_dir, unattended=True, engine_metrics=metrics)
    settings = loaded.settings
    if settings.sqlite:
        raise Failure(
            "an engine of its own needs PostgreSQL: set SOUK_DATABASE_URL (on SQLite, `souk serve` runs the tasks)",
            Exit.CONFIGURATION,
        )
    import uvloop

    with _entrance(settings) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(loaded, listener))


def _entrance(settings: "Settings") -> AbstractContextManager[socket.socket | None]:
    """The socket of those who watch over the process; None where nobody is to. Raises Failure."""
    if not settings.engine_metrics:
        return nullcontext()
    host, _, port = settings.engine_metrics.rpartition(":")
    return listening(host.strip("[]"), int(port), "--metrics (SOUK_ENGINE_METRICS)")


async def _run(loaded: Loaded, listener: socket.socket | None) -> None:
    from souk.cli.announce import announce_engine

    stopped = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with open_house(loaded, engine=True, create=True) as house, _watched(house, listener):
        if rereads_config():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, house.watch.read_again)
        look_seldom()
        announce_engine(house, _url(listener))
        await stopped.wait()


def _url(listener: socket.socket | None) -> str:
    return url_of(listener.getsockname()[0], listener) if listener else ""


@asynccontextmanager
async def _watched(house: "House", listener: socket.socket | None) -> AsyncGenerator[None]:
    """Meanwhile answer whoever watches over this process, if anywhere."""
    if listener is None:
        yield
        return
    from souk.app import lookout_asgi
    from souk.cli.http_server import HttpServer

    server = HttpServer(lookout_asgi(house))
    answering = asyncio.create_task(server.serve_at(listener))
    try:
        yield
    finally:
        server.stop()
        await answering
