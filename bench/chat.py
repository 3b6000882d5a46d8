"""Chat: requests a second and CPU a stream, beside the barest ASGI and aiohttp proxy, before the same maker."""

import asyncio
import json
import time
from statistics import median

import uvloop

from bench.chat_servers import MAKER, PROXY
from bench.load import drive, post
from bench.servers import KEY, Server, script, souk

CONNECTIONS = 32
STREAMS = 400
STREAMS_AT_ONCE = 20
PACE_SECONDS = 0.004
PATH = "/v1/chat/completions"
MODEL = "gpt-5-2"
SAID = "Say something about a paper lantern floating over a quiet harbour at dusk. " * 6


def run(count: int = 8_000) -> None:
    """Print the figures."""
    with script(MAKER, str(PACE_SECONDS)) as maker:
        to = f"http://127.0.0.1:{maker.port}"
        with script(PROXY, str(maker.port)) as bare:
            proxied = _measure("bare proxy", bare, count)
        with souk(None, "--no-engine", OPENAI_API_KEY="bench", SOUK_OPENAI_BASE_URL=to) as server:
            ours = _measure("souk", server, count)
    print(f"ratio of requests a second {ours[0] / proxied[0]:.2f}, added p50 {ours[1] - proxied[1]:.2f} ms")


def _measure(name: str, server: Server, count: int) -> tuple[float, float]:
    whole = post(PATH, KEY, _body(stream=False))
    uvloop.run(drive(server.port, lambda _: whole, count // 10, CONNECTIONS, b"Hello there"))
    before = server.cpu_seconds
    load, _ = uvloop.run(drive(server.port, lambda _: whole, count, CONNECTIONS, b"Hello there"))
    each = (server.cpu_seconds - before) / count
    alone, _ = uvloop.run(drive(server.port, lambda _: whole, count // 10, 1, b"Hello there"))
    print(load.line(name))
    print(alone.line(f"{name}, one at a time"))
    before = server.cpu_seconds
    first = uvloop.run(_streams(server.port))
    cpu = (server.cpu_seconds - before) / STREAMS
    print(
        f"{name}: {each * 1e6:.0f} us of CPU a request, {cpu * 1e3:.2f} ms a stream of 50 chunks, "
        f"first byte after {first * 1e3:.1f} ms"
    )
    return load.per_second, alone.p50


def _body(*, stream: bool) -> bytes:
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": SAID}],
        "max_tokens": 100,
        "stream": stream,
    }
    return json.dumps(body, separators=(",", ":")).encode()


async def _streams(port: int) -> float:
    """The median of the times to the first byte."""
    request = post(PATH, KEY, _body(stream=True))
    gate = asyncio.Semaphore(STREAMS_AT_ONCE)

    async def one() -> float:
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            started = time.perf_counter()
            writer.write(request)
            data = await reader.read(65536)
            first = time.perf_counter() - started
            while not data.endswith(b"0\r\n\r\n"):
                data = data[-8:] + await reader.read(65536)
            writer.close()
            return first

    return median(await asyncio.gather(*(one() for _ in range(STREAMS))))
