"""Souks behind each other: a create says how many it has passed, and one that goes round in a circle ends."""

from pathlib import Path

import pytest

from tests.postgres import free_port
from tests.upstreams.kie import FakeKie
from tests.wire.serving import CHEAP, CREATE, KEY, Souk, open_souk

QUICK = {CHEAP["model"]: {"usual_seconds": 0.2}}


@pytest.fixture
def souk_database(database_url: str) -> str:
    """What is stored is tried on each database."""
    return database_url


async def test_a_souk_that_is_its_own_upstream_ends_the_task(tmp_path: Path) -> None:
    port = free_port()
    upstream = {"KIE_API_KEY": KEY, "SOUK_KIE_BASE_URL": f"http://127.0.0.1:{port}"}
    async with open_souk(tmp_path, engine=True, port=port, env=upstream, models=QUICK) as souk:
        record = await souk.client.record(await souk.client.create(), wait=30)
        assert (record["state"], record["failCode"]) == ("fail", "422")
        assert "passed 4 Souks" in record["failMsg"]
        tasks = (await souk.client.get("/api/v1/jobs/list")).data["tasks"]
        assert [task["state"] for task in tasks] == ["fail"] * 4


async def test_the_upstream_is_told_one_hop_more_than_came_in(tmp_path: Path, souk_database: str) -> None:
    with FakeKie() as kie:
        upstream = {"KIE_API_KEY": kie.key, "SOUK_KIE_BASE_URL": kie.url}
        async with open_souk(
            tmp_path, engine=True, env=upstream, models=QUICK, database_url=souk_database
        ) as souk:
            for headers in ({}, {"X-Souk-Hops": "2"}):
                created = await souk.client.post(CREATE, CHEAP, **headers)
                await souk.client.record(created.data["taskId"], wait=30)
        assert [submit.hops for submit in kie.submits] == ["1", "3"]


@pytest.mark.parametrize(
    ("hops", "code"), [("3", 200), ("4", 422), ("9" * 30, 422), ("-4", 200), ("many", 200), ("", 200)]
)
async def test_only_a_number_past_three_is_refused(souk: Souk, hops: str, code: int) -> None:
    reply = await souk.client.post(CREATE, CHEAP, X_Souk_Hops=hops)
    assert reply.code == code
    if code != 200:
        assert (reply.error["code"], reply.error["retryable"]) == ("loop", False)
