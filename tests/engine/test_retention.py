"""What goes when its time is over and what stays, on a clock that is moved by days."""

from pathlib import Path

import pytest

from souk.engine import retention
from souk.operations.types import Draft, Refusal
from souk.words import TaskId
from tests.engine.running import MODEL, Running, ShiftedClock, running
from tests.upstreams.kie import FakeKie

DAY = 86_400
PATIENT = {"deadline_seconds": 1000 * DAY}


async def sweep_after(souk: Running, clock: ShiftedClock, days: float) -> None:
    clock.shift(days * DAY)
    await retention.sweep(souk.engine._world)


async def files_of(souk: Running, task: TaskId) -> list[Path]:
    """Where a task's files lie, as far as rows still name them."""
    rows = await souk.sql("SELECT path FROM assets WHERE task_id = :id", id=task)
    return [souk.house.settings.data_dir / "files" / row[0] for row in rows]


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


async def test_result_files_go_after_their_days_and_the_record_after_its_own(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, clock: ShiftedClock
) -> None:
    async with running(tmp_path, migrated_url, upstream, clock=clock) as souk:
        task = await souk.create()
        await souk.ended(task)
        files = await files_of(souk, task)
        await sweep_after(souk, clock, 13)
        assert all(file.exists() for file in files)
        await sweep_after(souk, clock, 2)
        assert not any(file.exists() for file in files)
        assert (await souk.record(task)).state == "success"
        await sweep_after(souk, clock, 50)
        assert await souk.house.operations.record(souk.caller, task) is None
        for table in ("attempts", "deliveries", "outbox", "pins", "assets"):
            assert await souk.sql(f"SELECT count(*) FROM {table}") == [(0,)], table  # noqa: S608 - our own names
        assert await souk.problems() == []


async def test_a_kept_task_and_its_files_stay(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, clock: ShiftedClock
) -> None:
    async with running(tmp_path, migrated_url, upstream, clock=clock) as souk:
        task = await souk.create()
        await souk.ended(task)
        await souk.house.operations.keep(souk.caller, task, True)
        files = await files_of(souk, task)
        await sweep_after(souk, clock, 1000)
        assert (await souk.record(task)).state == "success"
        assert files
        assert all(file.exists() for file in files)
        await souk.house.operations.keep(souk.caller, task, False)
        await sweep_after(souk, clock, 0)
        assert await souk.house.operations.record(souk.caller, task) is None


async def test_an_unfinished_task_stays_however_old(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, clock: ShiftedClock
) -> None:
    async with running(tmp_path, migrated_url, upstream, clock=clock, models=PATIENT) as souk:
        task = await souk.create("[up:429]")
        await souk.reached(task, "queuing")
        await sweep_after(souk, clock, 500)
        assert (await souk.record(task)).inner_state == "queuing"


async def test_what_an_unfinished_task_builds_on_stays_until_it_has_ended(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, clock: ShiftedClock
) -> None:
    async with running(tmp_path, migrated_url, upstream, clock=clock, models=PATIENT) as souk:
        parent = await souk.create()
        await souk.ended(parent)
        files = await files_of(souk, parent)
        child = await souk.create("[up:429]")
        await souk.reached(child, "queuing")
        await souk.sql(
            "INSERT INTO pins (task_id, target) VALUES (:child, :parent)", child=child, parent=parent
        )
        await souk.sql("UPDATE tasks SET pins = 1 WHERE id = :child", child=child)
        await sweep_after(souk, clock, 100)
        assert all(file.exists() for file in files)
        assert (await souk.record(parent)).state == "success"
        await souk.house.operations.cancel(souk.caller, child)
        assert await souk.sql("SELECT count(*) FROM pins") == [(0,)]
        await sweep_after(souk, clock, 0)
        assert await souk.house.operations.record(souk.caller, parent) is None
        assert not any(file.exists() for file in files)


async def test_a_task_whose_callback_is_still_being_tried_stays(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, clock: ShiftedClock
) -> None:
    async with running(tmp_path, migrated_url, upstream, clock=clock, logs_days=0.5) as souk:
        task = await souk.create(callback_url="http://127.0.0.1:9/nobody")
        await souk.ended(task)
        await sweep_after(souk, clock, 1)
        assert (await souk.record(task)).state == "success"


async def test_an_idempotency_key_outlives_its_task_and_is_free_after_its_days(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, clock: ShiftedClock
) -> None:
    draft = Draft(MODEL, {"prompt": "a tram", "aspect_ratio": "1:1"}, "jobs", idempotency_key="k")
    async with running(tmp_path, migrated_url, upstream, clock=clock, logs_days=1) as souk:
        first = await souk.house.operations.create(souk.caller, draft)
        await souk.ended(first.task_id)
        await souk.house.operations.delete(souk.caller, first.task_id)
        assert await souk.house.operations.record(souk.caller, first.task_id) is None
        again = await souk.house.operations.create(souk.caller, draft)
        assert (again.task_id, again.replayed) == (first.task_id, True)
        await sweep_after(souk, clock, 3.1)
        third = await souk.house.operations.create(souk.caller, draft)
        assert third.task_id != first.task_id


async def test_a_deleted_tasks_files_are_gone_at_once_and_what_it_cost_stays_on_the_books(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, clock: ShiftedClock
) -> None:
    async with running(tmp_path, migrated_url, upstream, clock=clock) as souk:
        task = await souk.create()
        await souk.ended(task)
        left = await souk.balance()
        files = await files_of(souk, task)
        await souk.house.operations.delete(souk.caller, task)
        await sweep_after(souk, clock, 0.01)
        assert not any(file.exists() for file in files)
        assert await souk.balance() == left
        assert await souk.problems() == []


async def test_an_unfinished_task_cannot_be_deleted(souk: Running) -> None:
    task = await souk.create("[up:slow=1]")
    with pytest.raises(Refusal):
        await souk.house.operations.delete(souk.caller, task)


async def test_folding_the_ledger_changes_no_balance_and_still_verifies(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, clock: ShiftedClock
) -> None:
    async with running(tmp_path, migrated_url, upstream, clock=clock, logs_days=1000) as souk:
        for prompt in ("one", "two", "[up:refuse=422]"):
            await souk.ended(await souk.create(prompt))
        left, before = await souk.balance(), (await souk.sql("SELECT count(*) FROM ledger"))[0][0]
        await sweep_after(souk, clock, 401)
        assert (await souk.sql("SELECT count(*) FROM ledger"))[0][0] < before - 4
        assert await souk.balance() == left
        assert await souk.problems() == []
        await souk.ended(await souk.create("after"))
        await sweep_after(souk, clock, 401)
        assert await souk.problems() == []


async def test_scratch_folders_of_finished_tasks_are_swept_and_those_of_others_stay(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream) as souk:
        done, open_task = await souk.create(), await souk.create("[up:429]")
        await souk.ended(done)
        work = tmp_path / "data" / "work"
        for name in (done, open_task, "0" * 32):
            (work / name / "inputs").mkdir(parents=True, exist_ok=True)
        await retention.sweep(souk.engine._world)
        assert [path.name for path in work.iterdir()] == [open_task]
