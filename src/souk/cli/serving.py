"""One process that serves: its house, its HTTP server, and the signals that end it."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from souk.cli.opening import Loaded

if TYPE_CHECKING:
    from souk.app import Lookout
    from souk.cli.gathering import Place
    from souk.cli.handing import Receiver
    from souk.house import House

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def rereads_config() -> bool:
    """Whether SIGHUP asks to read souk.yaml again. Where there is a terminal, it says that the terminal is gone."""
    return not os.isatty(0)


def run_server(
    loaded: Loaded,
    url: str,
    entrance: "socket.socket | Receiver",
    started: "Callable[[House], None] | None" = None,
    place: "Place | None" = None,
) -> None:
    """Serve in this process until told to stop: whoever connects to a socket, or whom a parent hands on.

    ``url`` is where clients reach it; ``started`` is called once requests are answered. ``place`` is the one among the
    workers of a server, where it has several.
    """
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(loaded, url, entrance, started, place))


async def _serve(
    loaded: Loaded,
    url: str,
    entrance: "socket.socket | Receiver",
    started: "Callable[[House], None] | None",
    place: "Place | None",
) -> None:
    from souk.app import asgi
    from souk.cli.garbage import look_seldom
    from souk.cli.http_server import HttpServer
    from souk.house import House

    settings = loaded.settings
    house = await House.open(settings, loaded.config, engine=settings.engine, public_url=url)
    look_seldom()
    try:
        async with _lookout(house, place) as lookout:
            server = HttpServer(asgi(house, lookout), (lambda: started(house)) if started else None)
            for number in STOP_SIGNALS:
                asyncio.get_running_loop().add_signal_handler(number, server.stop)
            if rereads_config():
                asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, house.watch.read_again)
            await server.serve_at(entrance)
    finally:
        await house.close()


@asynccontextmanager
async def _lookout(house: "House", place: "Place | None") -> "AsyncGenerator[Lookout]":
    """What is shown of this process; of several workers the one that is asked shows the metrics of all."""
    from souk.app import lookout_of

    own = lookout_of(house)
    if place is None:
        yield own
        return
    from souk.cli.gathering import Gathering

    gathering = Gathering(place, own.page)
    await gathering.open()
    try:
        yield replace(own, page=gathering.page)
    finally:
        await gathering.close()


def url_of(host: str, listener: socket.socket) -> str:
    """The address a client on this machine reaches what listens on ``host`` at, with the port it really has."""
    from souk.operations.address import default_url

    return default_url(host, listener.getsockname()[1])
