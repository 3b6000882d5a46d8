"""A server whose surroundings fail under load: every promise holds once they are well again."""

from pathlib import Path

import pytest

from souk.store.database import sqlite_url
from tests.faults.troubles import ground, suffer
from tests.postgres import fresh_database, running_cluster


async def through(folder: Path, database_url: str, trouble: str) -> list[str]:
    async with ground(folder, database_url, seed=7) as place:
        broken = await suffer(place, [trouble])
        assert len(place.town.load.made) > 5
        return broken


@pytest.mark.parametrize("trouble", ["upstream-cut", "receiver-away"])
async def test_every_promise_holds_while_others_cannot_be_reached(tmp_path: Path, trouble: str) -> None:
    assert await through(tmp_path, sqlite_url(tmp_path / "souk.db"), trouble) == []


@pytest.mark.parametrize("trouble", ["disk-full", "clock-jumps"])
async def test_every_promise_holds_while_the_machine_is_not_well(
    tmp_path: Path, database_url: str, trouble: str
) -> None:
    assert await through(tmp_path, database_url, trouble) == []


async def test_every_promise_holds_while_connections_to_the_database_are_cut(
    tmp_path: Path, postgres_url: str
) -> None:
    async with ground(tmp_path, postgres_url, seed=7) as place:
        assert await suffer(place, ["database-cut"]) == []
        assert place.database is not None
        assert place.database.cuts >= 4


async def test_every_promise_holds_through_a_crash_of_the_database_and_of_the_server(tmp_path: Path) -> None:
    with running_cluster(durable=True) as cluster, fresh_database(cluster.url(), "souk") as url:
        async with ground(tmp_path, url, seed=7, cluster=cluster) as place:
            assert await suffer(place, ["database-gone", "killed", "database-gone"]) == []
