"""An upgrade without a pause: processes of the old and the new version side by side on one database."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from souk.store.database import Database
from souk.store.migrate import upgrade
from souk.store.release import HEAD, Half
from souk.store.version import BadSchema
from tests.faults.kill import siege
from tests.later_release import ADDED, TIGHTENED, later_release
from tests.postgres import free_port

QUICK = {"SOUK_REVIEW_SECONDS": "0.5", "SOUK_DRAIN_SECONDS": "0.2"}
SOME = ("", "", "[up:slow=0.5]", "[up:drop-after-accept]", "[up:fail=422]", "")


async def test_old_and_new_processes_share_the_work_while_the_schema_changes_under_them(
    tmp_path: Path, postgres_url: str
) -> None:
    later = later_release(tmp_path / "steps")
    database = Database(postgres_url, later.process_name)
    async with siege(tmp_path, postgres_url, settings=QUICK) as town:
        old = town.server
        await town.start()
        over = asyncio.Event()
        working = [asyncio.create_task(town.load.go_on(over, pause=0.2)) for _ in range(2)]

        assert await asyncio.to_thread(upgrade, database, (Half.PRE,), later) == [ADDED]
        before = len(town.load.made)
        new = replace(old, port=free_port(), process=None, program=("tests.later_release", str(later.folder)))
        await new.start()
        try:
            await town.load.create_all(SOME)
            with pytest.raises(BadSchema, match=f"schema {HEAD} on 127.0.0.1"):
                await asyncio.to_thread(upgrade, database, (Half.POST,), later)
            assert len(town.load.made) > before + len(SOME), "the old process must have gone on creating"

            town.load.url = new.url
            assert await old.stop() == 0
            assert await asyncio.to_thread(upgrade, database, (Half.POST,), later) == [TIGHTENED]
            await old.start(ready=False)
            assert await old.ended() != 0
            assert "install the newer version" in old.log.read_text()

            await town.load.create_all(SOME)
            over.set()
            await asyncio.gather(*working)
            town.server = new
            assert await town.broken_promises() == []
        finally:
            await new.kill()
