"""Another secret key in the place of the present one, while two servers work: no callback fails, no key changes.

It is refused while one of them has not been told of it.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.kill import Siege, siege
from tests.faults.process import ServerProcess
from tests.faults.test_moving import souk
from tests.faults.test_nodes import rows
from tests.postgres import free_port

NEW = {"SOUK_SECRET_KEY": "the new key of all the processes"}
QUICK = {"SOUK_DRAIN_SECONDS": "0.2"}
FAILED = "SELECT status, error FROM deliveries WHERE status IS DISTINCT FROM 200"
STANDS_IN_THE_WAY = r"do not know the new secret key.* schema \d+ on 127.0.0.1, [1-9]\d* connection"
SOME = ("", "[up:slow=0.4]", "")


async def restarted(server: ServerProcess, keys: dict[str, str]) -> ServerProcess:
    """The server again, with other secret keys."""
    await server.stop()
    again = replace(server, settings=QUICK | keys, process=None)
    await again.start()
    return again


async def keep_creating(town: Siege, over: asyncio.Event) -> None:
    while not over.is_set():
        await town.load.create()
        await asyncio.sleep(0.1)


async def test_secret_key_is_exchanged_under_work(tmp_path: Path, postgres_url: str) -> None:
    async with siege(tmp_path, postgres_url, settings=QUICK) as town:
        await town.start()
        first = town.server
        both = NEW | {"SOUK_SECRET_KEY_BEFORE_FILE": str(first.folder / "secret.key")}
        second = replace(first, port=free_port(), process=None)
        await second.start()
        over = asyncio.Event()
        working = asyncio.create_task(keep_creating(town, over))
        try:
            for keys in (both, NEW):
                # Clients go to the one that is not being restarted.
                town.load.url = second.url
                first = town.server = await restarted(first, keys)
                await town.load.create_all(SOME)
                town.load.url = first.url
                if keys is both:
                    with pytest.raises(AssertionError, match=STANDS_IN_THE_WAY):
                        await souk(first, "rekey")
                second = await restarted(second, keys)
                await town.load.create_all(SOME)
                if keys is both:
                    assert "1 were not before" in await souk(first, "rekey")
                    await town.load.create_all(SOME)
            over.set()
            await working
            assert await town.broken_promises() == []
            assert rows(postgres_url, FAILED) == []
        finally:
            over.set()
            await asyncio.gather(working, return_exceptions=True)
            await second.kill()
