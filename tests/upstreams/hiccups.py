"""An HTTP server in front of another that fails when told to: 503s, slowness, answers cut off or never given.

It has a thread of its own, so any kind of test can use it. What is not made to fail passes through as it came.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from yarl import URL

PIECE_BYTES = 16 * 1024
_HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding"}

Choice = Callable[[str, str], bool]
"""Told the method and the path with its query: whether this request is meant."""


def every(method: str, path: str) -> bool:
    return True


@dataclass
class Fault:
    """What is done to the next ``times`` requests that ``chosen`` names."""

    times: int
    chosen: Choice
    status: int = 0
    """Answered without asking the server; 0 asks it."""
    code: str = "SlowDown"
    """What the answer says in the XML of an S3 service."""
    keep_bytes: int | None = None
    """The answer breaks off after so many bytes of its body; None leaves it whole."""
    lost: bool = False
    """The server does as asked, and its answer never arrives."""
    seconds: float = 0.0
    """To wait before the server is asked."""


class Hiccups:
    """Stands in front of the server at ``target``. Give faults from any thread; they apply in the order given."""

    def __init__(self, target: str, *, mend: bool = False) -> None:
        self.url = ""
        self.seen: Counter[str] = Counter()
        """Requests that came, by method."""
        self.spoilt = 0
        """Those of them that met a fault."""
        self._target = target
        self._mend = mend
        self._faults: list[Fault] = []

    def refuse(
        self, times: int = 1_000_000, *, status: int = 503, code: str = "SlowDown", chosen: Choice = every
    ) -> None:
        """Answer so instead of the server."""
        self._faults.append(Fault(times, chosen, status=status, code=code))

    def cut(self, keep_bytes: int, times: int = 1, *, chosen: Choice = every) -> None:
        """Break the connection after so many bytes of the answer's body."""
        self._faults.append(Fault(times, chosen, keep_bytes=keep_bytes))

    def lose(self, times: int = 1, *, chosen: Choice = every) -> None:
        """Let the server act and keep its answer back."""
        self._faults.append(Fault(times, chosen, lost=True))

    def slow(self, seconds: float, times: int = 1_000_000, *, chosen: Choice = every) -> None:
        """Wait before the server is asked."""
        self._faults.append(Fault(times, chosen, seconds=seconds))

    def heal(self) -> None:
        """No more faults."""
        self._faults.clear()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve in this event loop."""
        async with aiohttp.ClientSession(auto_decompress=False) as self._session:
            runner = web.AppRunner(web.Application(client_max_size=0), access_log=None, shutdown_timeout=0.1)
            runner.app.router.add_route("*", "/{path:.*}", self._answer)
            await runner.setup()
            try:
                site = web.TCPSite(runner, "127.0.0.1", 0)
                await site.start()
                self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                yield
            finally:
                await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.seen[request.method] += 1
        fault = self._fault_for(request)
        if fault.seconds:
            await asyncio.sleep(fault.seconds)
        if fault.status:
            await request.read()
            text = f"<Error><Code>{fault.code}</Code><Message>made to fail</Message></Error>"
            return web.Response(status=fault.status, text=text, content_type="application/xml")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_HEADERS}
        async with self._session.request(
            request.method,
            URL(self._target + request.raw_path, encoded=True),
            headers=headers,
            data=request.content if request.body_exists else None,
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as upstream:
            return await self._pass_on(request, upstream, fault)

    def _fault_for(self, request: web.Request) -> Fault:
        for fault in list(self._faults):
            if fault.times > 0 and fault.chosen(request.method, request.raw_path):
                fault.times -= 1
                self.spoilt += 1
                return fault
        return Fault(0, every)

    async def _pass_on(
        self, request: web.Request, upstream: aiohttp.ClientResponse, fault: Fault
    ) -> web.StreamResponse:
        if fault.lost:
            await upstream.read()
            return _broken_off(request)
        headers = {
            name: value for name, value in upstream.headers.items() if name.lower() not in _HOP_HEADERS
        }
        # rclone says 200 of a part it marks as one; every other service says 206.
        partial = self._mend and upstream.status == 200 and "Content-Range" in upstream.headers
        answer = web.StreamResponse(status=206 if partial else upstream.status, headers=headers)
        await answer.prepare(request)
        sent = 0
        async for piece in upstream.content.iter_chunked(PIECE_BYTES):
            if fault.keep_bytes is not None and sent + len(piece) > fault.keep_bytes:
                await answer.write(piece[: fault.keep_bytes - sent])
                return _broken_off(request, answer)
            await answer.write(piece)
            sent += len(piece)
        await answer.write_eof()
        return answer


def _broken_off(request: web.Request, answer: web.StreamResponse | None = None) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return answer or web.Response()


@contextmanager
def hiccups(target: str) -> Iterator[Hiccups]:
    """A server in front of the one at ``target``, in a thread of its own."""
    server, ready, end = Hiccups(target), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        try:
            async with server.serving():
                ready.set()
                await end.wait()
        finally:
            ready.set()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="hiccups", daemon=True)
    thread.start()
    try:
        ready.wait()
        assert server.url, "the server in front did not start"
        yield server
    finally:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()
