"""A node that lost its lease: whatever it still does changes nothing, at any stage of the task's life."""

from pathlib import Path

import pytest

from souk.engine.steps import LEAVE
from souk.store.statement import Dialect
from souk.words import TaskId
from tests.engine.running import Running, running, until
from tests.upstreams.kie import FakeKie


async def rob(souk: Running, task: TaskId) -> None:
    """Give the task to another node, as happens when this one is declared dead."""
    await souk.sql(
        "UPDATE tasks SET lease_owner = 'another', epoch = epoch + 1, updated_at = 7 WHERE id = :id", id=task
    )


async def row(souk: Running, task: TaskId) -> tuple[object, ...]:
    """Everything a late step could have changed."""
    found = await souk.sql(
        "SELECT state, lease_owner, epoch, updated_at, ref, outputs, captured, completed_at, attempts "
        "FROM tasks WHERE id = :id",
        id=task,
    )
    return found[0]


@pytest.mark.parametrize(
    ("prompt", "state"),
    [
        ("[up:429]", "queuing"),
        ("[up:slow-create=0.5]", "submitting"),
        ("[up:slow=0.5]", "generating"),
        ("[up:file-slow=1.5]", "storing"),
        ("[up:drop-after-accept]", "review"),
    ],
)
async def test_a_step_of_a_lost_lease_changes_nothing(
    souk: Running, upstream: FakeKie, prompt: str, state: str
) -> None:
    task = await souk.create(prompt, callback_url="http://127.0.0.1:9/hook")
    await souk.reached(task, state)
    await rob(souk, task)
    left = await row(souk, task)
    await until(lambda: not souk.engine.running)
    assert await row(souk, task) == left
    story = await souk.story(task)
    assert [entry.kind for entry in story.ledger] == ["hold"]
    assert not story.callbacks
    assert not story.files
    assert await souk.problems() == []


async def test_a_lost_lease_is_not_submitted(tmp_path: Path, migrated_url: str, upstream: FakeKie) -> None:
    async with running(tmp_path, migrated_url, upstream, connections={"concurrency": 1}) as souk:
        first = await souk.create("[up:slow=0.6]")
        await souk.reached(first, "generating")
        second = await souk.create("waits for the slot")
        await souk.reached(second, "queuing")
        await rob(souk, second)
        await souk.ended(first)
        await until(lambda: not souk.engine.running)
        assert upstream.count("waits for the slot") == 0


async def test_the_same_node_that_claimed_a_task_again_is_not_fenced_by_its_former_self(
    souk: Running, upstream: FakeKie
) -> None:
    """Handed back and claimed again, a task has a new epoch: the old claim's steps fail, the new one's count."""
    task = await souk.create("[up:slow=0.6]")
    await souk.reached(task, "generating")
    old = souk.engine._leases[task]
    await souk.sql("UPDATE tasks SET lease_owner = NULL WHERE id = :id", id=task)
    souk.engine.wake()
    await until(lambda: souk.engine._leases.get(task) is not old)
    assert (await souk.ended(task)).state == "success"
    assert len(upstream.submits) == 1


async def test_a_node_declared_dead_starts_over_and_takes_its_tasks_up_again(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, lease_seconds=1) as souk:
        task = await souk.create("[up:slow=1.5]")
        await souk.reached(task, "generating")
        await souk.house.lane.write(LEAVE, souk.engine._world.node)  # as another node does for a dead one
        assert (await souk.ended(task)).state == "success"
        assert len(upstream.submits) == 1
        rows = await souk.sql("SELECT count(*) FROM nodes")
        assert rows == [(1,)]
        assert await souk.problems() == []


NOBODY_ENTERS = {
    Dialect.SQLITE: "CREATE TRIGGER closed BEFORE INSERT ON nodes BEGIN SELECT RAISE(ABORT, 'closed'); END",
    Dialect.POSTGRESQL: "ALTER TABLE nodes ADD CONSTRAINT closed CHECK (lease_until < 0) NOT VALID",
}
ANYBODY_ENTERS = {
    Dialect.SQLITE: "DROP TRIGGER closed",
    Dialect.POSTGRESQL: "ALTER TABLE nodes DROP CONSTRAINT closed",
}


async def test_a_node_that_cannot_start_over_tries_until_it_can(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path, migrated_url, upstream, lease_seconds=1) as souk:
        dialect = souk.house.database.dialect
        await souk.sql(NOBODY_ENTERS[dialect])
        await souk.house.lane.write(LEAVE, souk.engine._world.node)
        await until(lambda: [record.msg for record in caplog.records].count("heartbeat failed") >= 2)
        await souk.sql(ANYBODY_ENTERS[dialect])
        assert (await souk.ended(await souk.create())).state == "success"
        assert souk.engine.alive


async def test_a_loop_that_ends_all_the_same_says_so(souk: Running, caplog: pytest.LogCaptureFixture) -> None:
    souk.engine._loops[1].cancel()
    await until(lambda: not souk.engine.alive)
    await until(lambda: "engine loop ended" in caplog.messages)
