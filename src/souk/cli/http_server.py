"""uvicorn as ``souk serve`` runs it: told apart from signals, so that the house is closed after the last request."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import uvicorn

from souk.cli.http_protocol import HttpProtocol

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
OPEN_REQUEST_SECONDS = 5
"""How long a stopping server lets requests end, long-polling ones among them."""


class HttpServer(uvicorn.Server):
    """A uvicorn server that says when it is up and leaves signals to whoever runs it."""

    def __init__(self, app: Any, started: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=HttpProtocol,
                ws="none",
                lifespan="off",  # the house is opened before the server and closed after it
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # the application reads them, from trusted proxies only
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=OPEN_REQUEST_SECONDS,
            )
        )
        self._on_start = started

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self._on_start()

    def stop(self) -> None:
        """Answer what is being asked, then end; at once if told a second time."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield  # uvicorn would raise them again and end the process before the house is closed
