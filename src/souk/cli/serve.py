"""``souk serve``: the HTTP server, and in the same process the engine unless told otherwise."""

from typing import TYPE_CHECKING, Annotated

import typer

from souk.cli.failure import Exit, Failure
from souk.cli.listening import listening
from souk.cli.opening import load
from souk.cli.options import DataDir
from souk.cli.serving import run_server, url_of

if TYPE_CHECKING:
    from souk.house import House


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
    loaded = load(data_dir, unattended=True, host=host, port=port, workers=workers, engine=engine)
    settings = loaded.settings
    if settings.workers > 1 and settings.sqlite:
        raise Failure(
            f"{settings.workers} workers need PostgreSQL: set SOUK_DATABASE_URL, or serve with one worker",
            Exit.CONFIGURATION,
        )
    with listening(settings.host, settings.port, "--port (SOUK_PORT) or --host (SOUK_HOST)") as listener:
        if settings.workers > 1:
            from souk.cli.supervise import supervise

            supervise(loaded, listener)
        else:
            url = url_of(settings.host, listener)
            run_server(loaded, url, listener, lambda house: _announce(house, url))


def _announce(house: "House", url: str) -> None:
    from souk.cli.announce import announce

    announce(house, url)
