"""``souk serve``: the HTTP server, and in the same process the engine unless told otherwise."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from souk.cli.failure import Exit, Failure
from souk.cli.opening import Loaded, load
from souk.cli.options import DataDir

if TYPE_CHECKING:
    from souk.cli.handing import Receiver
    from souk.house import House
    from souk.settings import Settings

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def rereads_config() -> bool:
    """Whether SIGHUP asks to read souk.yaml again. Where there is a terminal, it says that the terminal is gone."""
    return not os.isatty(0)


def _flag(help_text: str, *names: str) -> object:
    return typer.Option(*names, help=help_text, show_default=False)


def serve(
    host: Annotated[str | None, _flag("Address to listen on (SOUK_HOST).")] = None,
    port: Annotated[int | None, _flag("Port; 0 picks a free one (SOUK_PORT).")] = None,
    workers: Annotated[int | None, _flag("Processes; more than 1 needs PostgreSQL (SOUK_WORKERS).")] = None,
    engine: Annotated[
        bool | None, _flag("Run tasks too, as is the default, or only serve.", "--engine/--no-engine")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Serve the API. Makes whatever is missing, prints the address and the API key, stops at SIGTERM."""
    from souk.logs import set_up

    loaded = load(data_dir, host=host, port=port, workers=workers, engine=engine)
    settings = loaded.settings
    set_up(settings.log_level, settings.log_format)
    if settings.workers > 1 and settings.sqlite:
        raise Failure(
            f"{settings.workers} workers need PostgreSQL: set SOUK_DATABASE_URL, or serve with one worker",
            Exit.CONFIGURATION,
        )
    with _listening(settings) as listener:
        if settings.workers > 1:
            from souk.cli.supervise import supervise

            supervise(loaded, listener)
        else:
            run_server(loaded, url_of(settings, listener), listener, _announce)


def run_server(
    loaded: Loaded,
    url: str,
    entrance: "socket.socket | Receiver",
    started: "Callable[[House], None] | None" = None,
) -> None:
    """Serve in this process until told to stop: whoever connects to a socket, or whom a parent hands on.

    ``url`` is where clients reach it; ``started`` is called once requests are answered.
    """
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(loaded, url, entrance, started))


async def _serve(
    loaded: Loaded,
    url: str,
    entrance: "socket.socket | Receiver",
    started: "Callable[[House], None] | None",
) -> None:
    from souk.app import asgi
    from souk.cli.garbage import look_seldom
    from souk.cli.http_server import HttpServer
    from souk.house import House

    settings = loaded.settings
    house = await House.open(settings, loaded.config, engine=settings.engine, public_url=url)
    look_seldom()
    try:
        server = HttpServer(asgi(house), (lambda: started(house)) if started else None)
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        if rereads_config():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, house.watch.read_again)
        await server.serve_at(entrance)
    finally:
        await house.close()


def _announce(house: "House") -> None:
    from souk.cli.announce import announce

    announce(house)


@contextmanager
def _listening(settings: "Settings") -> Generator[socket.socket]:
    """The socket clients connect to; they wait in its queue until the house is open. Raises Failure."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen()
        except OSError as error:
            raise Failure(
                f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}; "
                "choose another with --port (SOUK_PORT) or --host (SOUK_HOST)",
                Exit.CONFIGURATION,
            ) from error
        yield listener


def url_of(settings: "Settings", listener: socket.socket) -> str:
    """The address a client on this machine reaches the server at, with the port it really has."""
    from souk.operations.address import default_url

    return default_url(settings.model_copy(update={"port": listener.getsockname()[1]}))
