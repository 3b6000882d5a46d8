"""A server whose surroundings fail under load: every promise holds once they are well again."""

from pathlib import Path

import pytest

from tests.faults.troubles import ANYWHERE, ground, suffer
from tests.postgres import fresh_database, running_cluster

TWICE = [name for name in ANYWHERE if name != "killed"]


@pytest.mark.parametrize("trouble", TWICE)
async def test_every_promise_holds_through_this_trouble(
    tmp_path: Path, database_url: str, trouble: str
) -> None:
    async with ground(tmp_path, database_url, seed=7) as place:
        assert await suffer(place, [trouble]) == []
        assert len(place.town.load.made) > 5


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
