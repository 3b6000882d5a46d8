"""uvicorn as ``souk serve`` runs it: told apart from signals, so that the house is closed after the last request."""

import asyncio
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import uvicorn

from souk.cli.handing import BACKLOG, Receiver
from souk.cli.http_protocol import HttpProtocol

KEEP_ALIVE_SECONDS = 75
PARTING_SECONDS = 1.0
"""How long a stopping server still answers on connections that clients keep: the next request on each, and no more."""
OPEN_REQUEST_SECONDS = 5
"""How long it lets requests end after that, long-polling ones among them."""
LOOK_SECONDS = 0.05


class HttpServer(uvicorn.Server):
    """A uvicorn server that says when it is up and leaves signals to whoever runs it."""

    def __init__(self, app: Any, started: Callable[[], None] | None = None) -> None:
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
        self._receiver: Receiver | None = None
        self._beginning: set[asyncio.Task[None]] = set()

    async def serve_at(self, entrance: socket.socket | Receiver) -> None:
        """Answer those who connect to a socket, or whom a parent hands on, until told to stop."""
        self._receiver = entrance if isinstance(entrance, Receiver) else None
        await self.serve([] if isinstance(entrance, Receiver) else [entrance])

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self._on_start:
            self._on_start()
        if self._receiver:
            self._receiver.start(self._take_in)

    async def shutdown(self, sockets: Any = None) -> None:
        if self._receiver:
            self._receiver.stop()
        for server in self.servers:
            server.close()
        await self._part()
        await super().shutdown(sockets)

    async def _part(self) -> None:
        """Answer a last time on connections that are kept, and say that it was: who is just asking is not cut off."""
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        ends_at = asyncio.get_running_loop().time() + PARTING_SECONDS
        while self.server_state.connections and not self.force_exit:
            if asyncio.get_running_loop().time() >= ends_at:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _take_in(self, connection: socket.socket) -> None:
        task = asyncio.create_task(self._begin(connection))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def _begin(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        except OSError:  # it has ended meanwhile
            connection.close()
            self._ended()

    def _protocol(self) -> HttpProtocol:
        return _Handed(self._ended, config=self.config, server_state=self.server_state, app_state={})

    def _ended(self) -> None:
        if self._receiver:
            self._receiver.ended()

    def stop(self) -> None:
        """Answer what is being asked, then end; at once if told a second time."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield  # uvicorn would raise them again and end the process before the house is closed


class _Handed(HttpProtocol):
    """A connection that a parent handed on, and wants to hear the end of."""

    def __init__(self, ended: Callable[[], None], **named: Any) -> None:
        super().__init__(**named)
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._ended()
