"""A cable to a server that a test can cut at a chosen byte: a small TCP proxy with a thread for each direction."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Cable:
    """Listens on a loopback port and carries bytes to and from a server."""

    def __init__(self, server_url: str) -> None:
        parts = urlsplit(server_url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        user = f"{parts.username}@" if parts.username else ""
        self.url = parts._replace(netloc=f"{user}127.0.0.1:{self.port}").geturl()
        self._open: list[socket.socket] = []
        self._seen_from_server: Callable[[bytes], bool] = lambda _: False
        self._delay = 0.0
        self._hold = False
        self.down = False
        """Whether new connections are refused."""
        self.cuts = 0
        threading.Thread(target=self._accept, name="cable", daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """End every connection that stands."""
        self.cuts += 1
        while self._open:
            _end(self._open.pop())

    def cut_when_committed(self) -> None:
        """Cut once the server says that a commit was carried out, and let nobody hear of it."""
        self._seen_from_server = lambda data: b"COMMIT\0" in data

    def deliver_late(self, seconds: float) -> None:
        """Cut the client off as it sends the next bytes; the server gets them, but only after a while."""
        self._hold, self._delay = True, seconds

    def close(self) -> None:
        _end(self._listener)
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.down:
                client.close()
                continue
            try:
                server = socket.create_connection(self._server)
            except OSError:
                client.close()
                continue
            self._open += [client, server]
            threading.Thread(target=self._upwards, args=(client, server), daemon=True).start()
            threading.Thread(target=self._downwards, args=(server, client), daemon=True).start()

    def _upwards(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self._hold:
                    self._hold = False
                    self.cuts += 1
                    self._open = [one for one in self._open if one not in (client, server)]
                    _end(client)
                    time.sleep(self._delay)
                server.sendall(data)
        if server in self._open:
            _end(server)

    def _downwards(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if self._seen_from_server(data):
                    self._seen_from_server = lambda _: False
                    self.cut()
                    return
                client.sendall(data)
        _end(client)
        _end(server)


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def cable(server_url: str) -> Iterator[Cable]:
    laid = Cable(server_url)
    try:
        yield laid
    finally:
        laid.close()
