"""What a task costs the database: a fixed number of statements for a life, and no more of them for many at once."""

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from souk.store.lane import Kind
from tests.engine.running import Running, running, until
from tests.engine.statements import counted, gathering
from tests.upstreams.kie import FakeKie

TOGETHER = 12

LIFE = {"create": 6, "advance": 4, "finish": 6}
"""Statements of the writes of one task alone, from create to end, on either database."""


async def lived(souk: Running) -> None:
    await until(lambda: souk.engine.running == 0)


async def test_life_of_a_task_takes_a_fixed_number_of_statements(
    souk: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await souk.ended(await souk.create())
    await lived(souk)
    with counted(monkeypatch) as counts:
        task = await souk.create()
        await until(lambda: counts.of_writes["finish"])
        await lived(souk)
    assert {kind: counts.of(kind) for kind in LIFE} == LIFE
    assert [len(counts.of_writes[kind]) for kind in LIFE] == [1, 2, 1]
    assert (await souk.record(task)).state == "success"


async def test_task_is_not_read_back_while_it_lives(souk: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await souk.ended(await souk.create())
    await lived(souk)
    with counted(monkeypatch) as counts:
        await souk.create()
        await until(lambda: counts.of_writes["finish"])
    # The health of connections is looked at once a second, for all tasks together.
    assert [text for text in counts.reads if "FROM connections" not in text] == []


async def test_many_tasks_at_once_take_no_more_statements_than_one(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, migrated_url, upstream, lease_seconds=600) as souk:
        lane = souk.house.lane
        await souk.ended(await souk.create())
        await lived(souk)
        with counted(monkeypatch) as counts, gathering(lane, TOGETHER, monkeypatch):
            # The first of them goes alone: the lane begins to wait when it has written something.
            first = await souk.create()
            others = await asyncio.gather(*(souk.create() for _ in range(TOGETHER)))
            await until(lambda: counts.of_writes["finish"])
        await lived(souk)
        assert [(await souk.record(task)).state for task in (first, *others)] == ["success"] * (TOGETHER + 1)
    assert max(counts.of_writes["create"]) == (TOGETHER, 6)
    assert {statements for _, statements in counts.of_writes["advance"]} == {2}
    assert max(counts.of_writes["advance"])[0] >= TOGETHER
    assert max(counts.of_writes["finish"]) in {(TOGETHER, 6), (TOGETHER + 1, 6)}


async def test_task_is_claimed_right_behind_its_create(
    souk: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await souk.ended(await souk.create())
    await lived(souk)
    handed_in = followed(souk, monkeypatch)
    await souk.ended(await souk.create())
    assert handed_in["create"] == ["claim"]


async def test_callback_is_claimed_right_behind_the_end_it_tells_of(
    souk: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_in = followed(souk, monkeypatch)
    await souk.ended(await souk.create(callback_url="http://receiver.example/"))
    await until(lambda: "outbox.tried" in handed_in)
    assert handed_in["finish"] == ["outbox.claim"]
    assert "outbox.body" not in handed_in


def followed(souk: Running, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """By the kind of each write: what was handed in right behind it, while it was unanswered."""
    found: dict[str, list[str]] = defaultdict(list)
    put = souk.house.lane.put
    last: list[tuple[str, asyncio.Future[Any]]] = []

    def noted(kind: Kind[Any, Any], op: Any, **options: Any) -> Any:
        if last and not last[0][1].done():
            found[last[0][0]].append(kind.name)
        answer = put(kind, op, **options)
        last[:] = [(kind.name, answer)]
        found.setdefault(kind.name, [])
        return answer

    monkeypatch.setattr(souk.house.lane, "put", noted)
    return found
