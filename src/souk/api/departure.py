"""Noticing that a client has gone while its answer is still being made."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.types import Receive

from souk.api.body import Disconnected


@asynccontextmanager
async def while_there(receive: Receive) -> AsyncGenerator[None]:
    """Run the block; cancel it the moment the client goes away, and raise Disconnected in its place.

    The request's body must have been read.
    """
    work = asyncio.current_task()
    assert work is not None  # noqa: S101 - a coroutine runs in a task
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        work.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if gone and work.uncancel() == 0:
            raise Disconnected from None
        raise
    finally:
        watching.cancel()
