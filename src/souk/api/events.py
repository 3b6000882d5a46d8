"""A task's life as server-sent events: the record at every change, and a heartbeat while nothing changes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec
from starlette.responses import StreamingResponse

from souk.operations.records import Record

HEARTBEAT_SECONDS: Final = 15.0
"""Shorter than the idle time after which common proxies close a connection."""
HEARTBEAT: Final = b": still here\n\n"

_encode = msgspec.json.Encoder().encode


def event_stream(
    first: Record,
    rest: AsyncIterator[Record],
    data: Callable[[Record], object],
    heartbeat: float = HEARTBEAT_SECONDS,
) -> StreamingResponse:
    """``event: record`` with the record as data for each; ends after the one in a terminal state."""
    return StreamingResponse(
        _events(first, rest, data, heartbeat),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    first: Record, rest: AsyncIterator[Record], data: Callable[[Record], object], heartbeat: float
) -> AsyncIterator[bytes]:
    yield _event(data(first))
    coming = asyncio.ensure_future(anext(rest, None))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=heartbeat)
            if not done:
                yield HEARTBEAT
                continue
            record = coming.result()
            if record is None:
                return
            yield _event(data(record))
            coming = asyncio.ensure_future(anext(rest, None))
    finally:
        coming.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await coming


def _event(data: object) -> bytes:
    return b"event: record\ndata: " + _encode(data) + b"\n\n"
