"""What a task costs the database: a fixed number of statements for a life, and no more of them for many at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from souk.engine.steps import CLAIM
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
    handed_in: list[tuple[str, asyncio.Future[Any]]] = []
    unanswered: list[bool] = []
    put = souk.house.lane.put

    def noted(kind: Kind[Any, Any], op: Any, **options: Any) -> Any:
        if kind is CLAIM:
            unanswered.extend(not answer.done() for name, answer in handed_in if name == "create")
        answer = put(kind, op, **options)
        handed_in.append((kind.name, answer))
        return answer

    monkeypatch.setattr(souk.house.lane, "put", noted)
    await souk.ended(await souk.create())
    creates = [at for at, (name, _) in enumerate(handed_in) if name == "create"]
    assert [handed_in[at + 1][0] for at in creates] == ["claim"]
    assert unanswered[:1] == [True]
