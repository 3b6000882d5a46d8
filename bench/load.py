"""A small load generator: many keep-alive connections, each with one request under way at a time."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True)
class Load:
    """What a run measured. Times in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    worst: float
    refused: int
    """Answers without the expected text."""

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def line(self, name: str) -> str:
        return (
            f"{name:<34} {self.per_second:>8,.0f}/s   p50 {self.p50:6.2f} ms   p99 {self.p99:6.2f} ms   "
            f"worst {self.worst:6.1f} ms   not as expected: {self.refused}"
        )


class _Connection(asyncio.Protocol):
    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(self._buffer) < head_end + 4 + length:
            return
        body, self._buffer = self._buffer[head_end + 4 :], b""
        self._run.answered(time.perf_counter() - self._started, body)
        self._next()

    def _next(self) -> None:
        assert self._transport is not None
        request = self._run.next_request()
        if request is None:
            self._transport.close()
            self._run.closed()
            return
        self._started = time.perf_counter()
        self._transport.write(request)


class _Run:
    def __init__(self, make: Callable[[int], bytes], count: int, connections: int, expect: bytes) -> None:
        self._make = make
        self._count = count
        self._expect = expect
        self._sent = 0
        self._open = connections
        self.times: list[float] = []
        self.refused = 0
        self.answers: list[bytes] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def next_request(self) -> bytes | None:
        if self._sent == self._count:
            return None
        self._sent += 1
        return self._make(self._sent)

    def answered(self, seconds: float, body: bytes) -> None:
        self.times.append(seconds)
        if self._expect not in body:
            self.refused += 1
        elif len(self.answers) < 10_000:
            self.answers.append(body)

    def closed(self) -> None:
        self._open -= 1
        if not self._open and not self.done.done():
            self.done.set_result(None)


async def drive(
    port: int, make: Callable[[int], bytes], count: int, connections: int, expect: bytes
) -> tuple[Load, list[bytes]]:
    """Send ``count`` requests over ``connections`` connections; the figures, and up to 10,000 answers."""
    run = _Run(make, count, connections, expect)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(run), "127.0.0.1", port)
    await run.done
    seconds = time.perf_counter() - started
    ordered = sorted(run.times)
    load = Load(
        requests=len(ordered),
        seconds=seconds,
        p50=ordered[len(ordered) // 2] * 1000,
        p99=ordered[int(len(ordered) * 0.99)] * 1000,
        worst=ordered[-1] * 1000,
        refused=run.refused,
    )
    return load, run.answers


def post(path: str, key: str, body: bytes) -> bytes:
    """A POST request as bytes."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def get(path: str, key: str) -> bytes:
    """A GET request as bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
