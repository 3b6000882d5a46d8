"""An installation that is moved to PostgreSQL, back to SQLite and on, in the middle of its work."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from souk.store.database import sqlite_url
from souk.words import TaskState
from tests.conftest import ROOT
from tests.faults.kill import siege
from tests.faults.process import ServerProcess
from tests.faults.test_nodes import rows
from tests.upstreams.receiver import statuses

SETTINGS = {"SOUK_ACCOUNT_CONCURRENCY": "6", "SOUK_CONNECTION_CONCURRENCY": "4", "SOUK_REVIEW_SECONDS": "20"}
HERE_ONLY = {"SOUK_API_KEY": "", "SOUK_WEBHOOK_KEY": "", "SOUK_REVIEW_SECONDS": "1"}
"""The new place is not told these keys: it has them from the old one."""
SLOW = "[up:slow=7]"
LIES = (
    *("", "[up:fail=422]", "[up:file-slow=7]", "[up:drop-after-accept]", "[up:slow-create=7]"),
    *[SLOW] * 5,
)
"""In this order, a moment comes at which there is a task in every state."""


async def souk(server: ServerProcess, *words: object) -> str:
    """A command at a server's place; what it said. It must succeed."""
    command = [sys.executable, "-m", "souk", *map(str, words)]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=server.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    return told.decode()


def tables(folder: Path) -> dict[str, bytes]:
    """What was exported, but for the table of facts: each installation has an id of its own."""
    return {path.name: path.read_bytes() for path in (folder / "tables").iterdir() if path.stem != "meta"}


async def test_installation_moves_to_postgresql_and_back_with_all_its_work_under_way(
    tmp_path: Path, postgres_url: str
) -> None:
    old_url = sqlite_url(tmp_path / "data" / "souk.db")
    async with siege(tmp_path, old_url, settings=SETTINGS) as town:
        town.receiver.answer = statuses(503)
        old = town.server
        await town.start()
        for lie in LIES:
            await town.load.create(lie)
        async with asyncio.timeout(30):
            while {row[0] for row in rows(old_url, "SELECT state FROM tasks")} != set(TaskState):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await old.kill()
        assert rows(old_url, "SELECT 1 FROM outbox WHERE state = 'pending'")

        server = replace(old, folder=tmp_path / "server", database_url=postgres_url, settings=HERE_ONLY)
        new = replace(server, folder=tmp_path / "new", database_url=sqlite_url(tmp_path / "new" / "souk.db"))
        first, second, third = (tmp_path / name for name in ("first", "second.tar", "third"))
        await souk(old, "export", first, "--with-secret-key")
        await souk(server, "import", first)
        await souk(server, "export", second, "--with-secret-key")
        await souk(new, "import", second)
        await souk(new, "export", third, "--with-secret-key")
        assert tables(first) == tables(third)
        assert (first / "manifest.json").read_text().count("sha256") > 15

        town.receiver.answer = statuses(200)
        town.server = server
        town.database_url = postgres_url
        await town.start()
        await town.load.create()
        assert await town.broken_promises() == []
