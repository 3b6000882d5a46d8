"""A Souk that answers chats while the makers' own blocking clients call it: it runs in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tests.wire.serving import KEY, open_souk

START_SECONDS = 60
NO_KEY = "sk-nobody"


class Weather(BaseModel):
    """A form to fill in, and the arguments of a tool."""

    city: str
    days: int


@dataclass(frozen=True)
class Chatting:
    """Where it is, and the keys of two accounts."""

    url: str
    poor_key: str
    """Of an account without credits."""
    key: str = KEY


@contextmanager
def chatting_souk(folder: Path, **given: Any) -> Iterator[Chatting]:
    """Serve Souk with these settings, changes to the catalogue (``models``) and variables (``env``)."""
    opened: asyncio.Future[Chatting]
    loop = asyncio.new_event_loop()
    opened = loop.create_future()
    over = asyncio.Event()

    async def serve() -> None:
        async with open_souk(folder, **given) as souk:
            poor = await souk.another_account("poor", credits=0)
            opened.set_result(Chatting(souk.client.url, poor.key, souk.client.key))
            await over.wait()

    async def there() -> Chatting:
        return await asyncio.wait_for(asyncio.shield(opened), START_SECONDS)

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = asyncio.run_coroutine_threadsafe(serve(), loop)
    serving.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        yield asyncio.run_coroutine_threadsafe(there(), loop).result()
    finally:
        loop.call_soon_threadsafe(over.set)
        serving.result(START_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
