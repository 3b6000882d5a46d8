"""Chat passed through: Souk with keys, caps and metering, beside the upstream alone, a bare proxy and LiteLLM."""

import json
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass

import uvloop

from bench.chat_load import Paced, Streamed, paced, streams
from bench.chat_servers import LITELLM_KEY, PATH, Unavailable, bare_proxy, litellm, souk_chat, upstream
from bench.load import Load, drive, post
from bench.servers import KEY, Server

CONNECTIONS = 16
PACE = 100
PACE_SECONDS = 20
STREAMS = 400
STREAMS_AT_ONCE = 20
WARM_UP = 300

_ASK = {
    "model": "gpt-5-2",
    "max_tokens": 200,
    "messages": [
        {"role": "system", "content": "You are the harbour master's assistant. Answer in one sentence."},
        {
            "role": "user",
            "content": "A paper lantern floats over the quiet harbour at dusk. What does it see?",
        },
    ],
}
WHOLE = json.dumps(_ASK).encode()
STREAM = json.dumps({**_ASK, "stream": True, "stream_options": {"include_usage": True}}).encode()
EXPECT = b"harbour harbour"
EXPECT_STREAM = b"[DONE]"


@dataclass(frozen=True)
class Contender:
    """Who is measured, and with how many requests: slow ones get fewer."""

    name: str
    server: Server
    key: str
    requests: int


@dataclass(frozen=True)
class Figures:
    load: Load
    cpu_us: float
    """Of the contender's process, for each whole request."""
    paced: Paced
    streamed: Streamed
    stream_ms: float
    """Its CPU for each stream of 50 chunks."""
    rss: tuple[float, float]
    """Its memory after the first requests and at the end, in MB."""
    failed: int

    def line(self, name: str, beside: "Figures | None") -> str:
        added = [f"{self.paced.p50:.2f}", f"{self.paced.p99:.2f}"]
        if beside is not None:
            added = [f"{self.paced.p50 - beside.paced.p50:+.2f}", f"{self.paced.p99 - beside.paced.p99:+.2f}"]
        told = (
            f"{name:<10} {self.load.per_second:>7,.0f}/s",
            f"CPU {self.cpu_us:,.0f} us a request",
            f"at {PACE}/s p50 {added[0]} ms, p99 {added[1]} ms",
            f"first byte of a stream {self.streamed.first_ms:.1f} ms, CPU {self.stream_ms:.2f} ms",
            f"RSS {self.rss[0]:.0f} -> {self.rss[1]:.0f} MB over {self.load.requests:,}",
            f"not as expected: {self.failed}",
        )
        return "   ".join(told)


def run(requests: int = 100_000) -> None:
    """Print one line for each, all against the same upstream in the same run."""
    with upstream() as maker:
        direct = _measure(Contender("direct", maker, KEY, requests // 5))
        print(direct.line("direct", None), flush=True)
        for contender in _contenders(maker, requests):
            print(_measure(contender).line(contender.name, direct), flush=True)


def _contenders(maker: Server, requests: int) -> Generator[Contender]:
    """Each is running while it is measured, and only then."""
    with bare_proxy(maker) as server:
        yield Contender("bare proxy", server, KEY, requests // 5)
    with souk_chat(maker) as (server, key):
        yield Contender("Souk", server, key, requests)
    with ExitStack() as stack:
        try:
            server = stack.enter_context(litellm(maker))
        except (Unavailable, RuntimeError) as error:
            print(f"LiteLLM    not measured: {error}")
            return
        yield Contender("LiteLLM", server, LITELLM_KEY, requests // 50)


def _measure(contender: Contender) -> Figures:
    server, port = contender.server, contender.server.port
    whole, stream = post(PATH, contender.key, WHOLE), post(PATH, contender.key, STREAM)
    uvloop.run(drive(port, lambda _: whole, WARM_UP, CONNECTIONS, EXPECT))
    at_pace = uvloop.run(paced(port, whole, PACE, PACE_SECONDS, EXPECT))
    before = server.cpu_seconds
    streamed = uvloop.run(streams(port, stream, STREAMS, STREAMS_AT_ONCE, EXPECT_STREAM))
    stream_ms = (server.cpu_seconds - before) / STREAMS * 1000
    rss, before = server.rss_mb, server.cpu_seconds
    load, _ = uvloop.run(drive(port, lambda _: whole, contender.requests, CONNECTIONS, EXPECT))
    cpu_us = (server.cpu_seconds - before) / contender.requests * 1e6
    failed = load.refused + at_pace.failed + streamed.failed
    return Figures(load, cpu_us, at_pace, streamed, stream_ms, (rss, server.rss_mb), failed)
