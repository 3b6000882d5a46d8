"""Two more kinds of load: requests at a fixed pace, whatever the answers do, and streams that are read to their end."""

import asyncio
import time
from dataclasses import dataclass
from statistics import median
from typing import cast


@dataclass(frozen=True)
class Paced:
    """How long answers took, in milliseconds."""

    p50: float
    p99: float
    failed: int


@dataclass(frozen=True)
class Streamed:
    """How streams went."""

    first_ms: float
    """Until the first byte of the answer, as a median."""
    failed: int


class Call(asyncio.Protocol):
    """A connection that sends one request at a time; the answer's end is told by ``end``, or by its length."""

    def __init__(self, end: bytes = b"") -> None:
        self._end = end
        self._buffer = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self.began_at = 0.0
        """When the first byte of the last answer came."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self._buffer:
            self.began_at = time.perf_counter()
        self._buffer += data
        if self._answer is not None and not self._answer.done() and self._whole():
            self._answer.set_result(bytes(self._buffer))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed before the answer ended"))

    async def ask(self, request: bytes) -> bytes:
        """Send and wait for the whole answer."""
        self._buffer.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    @property
    def alive(self) -> bool:
        """False once a server that tired of waiting has closed it."""
        return not self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()

    def _whole(self) -> bool:
        if self._end:
            return self._buffer.endswith(self._end)
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return False
        head = bytes(self._buffer[:head_end]).lower()
        length = int(head[head.find(b"content-length:") + 15 :].split(b"\r\n", 1)[0])
        return len(self._buffer) >= head_end + 4 + length


async def paced(port: int, request: bytes, per_second: float, seconds: float, expect: bytes) -> Paced:
    """Send requests at this pace over as many connections as it takes."""
    loop = asyncio.get_running_loop()
    idle: list[Call] = []
    times: list[float] = []
    failed = 0

    async def one() -> None:
        nonlocal failed
        while idle and not idle[-1].alive:
            idle.pop()
        call = idle.pop() if idle else (await loop.create_connection(Call, "127.0.0.1", port))[1]
        started = time.perf_counter()
        answer = await call.ask(request)
        times.append(time.perf_counter() - started)
        failed += expect not in answer
        idle.append(call)

    begun, calls = loop.time(), list[asyncio.Task[None]]()
    for number in range(int(per_second * seconds)):
        await asyncio.sleep(max(0.0, begun + number / per_second - loop.time()))
        calls.append(asyncio.create_task(one()))
    await asyncio.gather(*calls)
    for call in idle:
        call.close()
    ordered = sorted(times)
    return Paced(ordered[len(ordered) // 2] * 1000, ordered[int(len(ordered) * 0.99)] * 1000, failed)


async def streams(port: int, request: bytes, count: int, at_once: int, expect: bytes) -> Streamed:
    """Read this many streams to their end, so many at a time."""
    loop = asyncio.get_running_loop()
    left, failed = count, 0
    firsts: list[float] = []

    async def client() -> None:
        nonlocal left, failed
        _, call = await loop.create_connection(lambda: Call(b"0\r\n\r\n"), "127.0.0.1", port)
        while left > 0:
            left -= 1
            started = time.perf_counter()
            failed += expect not in await call.ask(request)
            firsts.append(call.began_at - started)
        call.close()

    await asyncio.gather(*(client() for _ in range(at_once)))
    return Streamed(median(firsts) * 1000, failed)
