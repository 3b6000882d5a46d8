"""A client's webhook receiver: a real HTTP server that keeps what it is told and answers as a test wants."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Received:
    """One request. Header names are lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Received], Awaitable[web.StreamResponse]]


@dataclass
class Receiver:
    """Where the server listens and what it got. ``answer`` may be changed between requests."""

    answer: Answer
    port: int = 0
    got: list[Received] = field(default_factory=list[Received])
    most_at_once: int = 0
    _open: int = 0
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def wait(self, count: int, seconds: float = 30) -> list[Received]:
        """What was received, once it is this much."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(lambda: len(self.got) >= count)
        return self.got

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(request.path_qs, headers, await request.read())
        self.got.append(received)
        async with self._news:
            self._news.notify_all()
        try:
            return await self.answer(received)
        finally:
            self._open -= 1


def statuses(*codes: int) -> Answer:
    """Answers with these statuses one after the other; the last stays."""
    left = list(codes)

    async def answer(_received: Received) -> web.Response:
        return web.Response(status=left.pop(0) if len(left) > 1 else left[0], text="said the receiver")

    return answer


async def silent(_received: Received) -> web.Response:
    """Never answers, as far as anyone waits."""
    await asyncio.sleep(60)
    return web.Response()


@contextlib.asynccontextmanager
async def receiver(answer: Answer | None = None, host: str = "127.0.0.1") -> AsyncIterator[Receiver]:
    """A receiver on a loopback port; it answers 200 unless told otherwise."""
    state = Receiver(answer or statuses(200))
    server = web.Server(state.handle)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    state.port = runner.addresses[0][1]
    try:
        yield state
    finally:
        await runner.cleanup()
