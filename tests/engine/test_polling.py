"""From acceptance to the stored result: errors on the way, progress, files that come late, deadlines, cancels."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from souk.engine.pace import Pace
from souk.operations.types import CancelAnswer
from tests.engine.running import MODEL, Running, running, until
from tests.upstreams.kie import FakeKie


async def test_a_results_file_is_in_storage_before_the_task_says_success(
    souk: Running, upstream: FakeKie
) -> None:
    task = await souk.create("a tram")
    await souk.ended(task)
    story = await souk.story(task)
    rows = await souk.sql("SELECT path, size, sha256 FROM assets WHERE task_id = :id", id=task)
    content = (souk.house.settings.data_dir / "files" / rows[0][0]).read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (rows[0][1], rows[0][2])
    assert next(file.url for file in story.files) in (story.record.result or "")
    assert upstream.url not in (story.record.result or "")


async def test_a_file_that_is_missing_once_is_asked_for_again_and_never_made_again(
    souk: Running, upstream: FakeKie
) -> None:
    task = await souk.create("[up:file-404-once]")
    assert (await souk.ended(task)).state == "success"
    assert len(upstream.submits) == 1
    assert upstream.polls[upstream.submits[0].task_id] >= 2, (
        "the record was not read again for a newer address"
    )


async def test_a_success_without_a_file_is_not_believed_yet(souk: Running, upstream: FakeKie) -> None:
    assert (await souk.ended(await souk.create("[up:no-file=2]"))).state == "success"
    assert (await souk.ended(await souk.create("[up:bad-result=2]"))).state == "success"


async def test_a_file_that_never_comes_ends_the_task_at_its_deadline_uncharged(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    models = {"deadline_seconds": 3}
    async with running(tmp_path, migrated_url, upstream, second_upstream, models=models) as souk:
        before = await souk.balance()
        record = await souk.ended(await souk.create("[up:file-404]"))
        assert (record.state, record.fail_kind, record.retryable) == ("fail", "timeout", True)
        assert not second_upstream.tries, "a result that cannot be fetched was made anew elsewhere"
        assert await souk.balance() == before
        assert await souk.problems() == []


async def test_a_task_that_never_ends_upstream_ends_here_at_its_deadline(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models={"deadline_seconds": 1}) as souk:
        task = await souk.create("[up:never]")
        record = await souk.ended(task)
        assert (record.state, record.fail_kind, record.retryable) == ("fail", "timeout", True)
        assert await souk.verdicts(task) == [("one", "timeout")]
        assert await souk.problems() == []


@pytest.mark.parametrize("code", [422, 500, 531])
async def test_the_code_an_upstream_failed_a_task_with_is_told_to_the_client(
    souk: Running, code: int
) -> None:
    task = await souk.create(f"[up:fail={code}]")
    record = await souk.ended(task)
    assert (record.state, record.fail_code) == ("fail", code)
    assert [attempt.upstream for attempt in (await souk.story(task)).attempts] == [f"{code} It failed"]


async def test_a_code_about_the_operators_account_upstream_is_not_told(souk: Running) -> None:
    record = await souk.ended(await souk.create("[up:refuse=402]"))
    assert (record.fail_kind, record.fail_code) == ("quota", None)


async def test_an_unknown_state_is_taken_as_still_running(souk: Running) -> None:
    assert (await souk.ended(await souk.create("[up:unknown-state=3]"))).state == "success"


async def test_another_tasks_record_is_no_verdict(souk: Running) -> None:
    assert (await souk.ended(await souk.create("[up:other-while-polling=2]"))).state == "success"


async def test_what_the_wire_shows_never_goes_back(souk: Running, upstream: FakeKie) -> None:
    order = ["waiting", "queuing", "generating", "success"]
    task = await souk.create("[up:backwards][up:slow=0.6]")
    seen = [record.state async for record in souk.house.operations.events(souk.caller, task)]
    assert seen == sorted(seen, key=order.index)
    assert seen[-1] == "success"


async def test_progress_never_goes_back(souk: Running) -> None:
    task = await souk.create("[up:slow=5]")
    await souk.reached(task, "generating")
    lease = souk.engine._leases[task]
    shown: list[int | None] = []
    for progress in (10, 40, 20, 41, 0):
        await lease.step(progress=progress)
        shown.append((await souk.record(task)).progress)
    assert shown == [10, 40, 40, 41, 41]


async def test_a_waiting_task_is_cancelled_at_once_and_costs_nothing(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, engine=False) as door:
        before = await door.balance()
        task = await door.create("never mind")
        assert await door.balance() < before
        assert await door.house.operations.cancel(door.caller, task) is CancelAnswer.CANCELLED
        record = await door.record(task)
        assert (record.state, record.fail_kind, record.credits) == ("fail", "cancelled", 0)
        assert await door.balance() == before
        assert await door.problems() == []


async def test_a_task_of_an_upstream_that_cannot_cancel_runs_on(souk: Running, upstream: FakeKie) -> None:
    task = await souk.create("[up:slow=0.8]")
    await souk.reached(task, "generating")
    assert await souk.house.operations.cancel(souk.caller, task) is CancelAnswer.TOO_LATE
    assert (await souk.ended(task)).state == "success"
    assert await souk.house.operations.cancel(souk.caller, task) is CancelAnswer.TOO_LATE


async def test_a_task_of_an_upstream_that_confirms_a_cancel_ends_uncharged(
    souk: Running, upstream: FakeKie, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The one upstream there is cannot cancel, so its adapter is taught to hear a yes.
    async def confirmed(*_: object) -> bool:
        return True

    monkeypatch.setattr(souk.engine._world.providers["kie"], "cancel", confirmed)
    before = await souk.balance()
    task = await souk.create("[up:never]")
    await souk.reached(task, "generating")
    assert await souk.house.operations.cancel(souk.caller, task) is CancelAnswer.CANCELLED
    assert (await souk.record(task)).fail_kind == "cancelled"
    assert await souk.balance() == before
    assert await souk.problems() == []


async def test_a_running_sandbox_task_is_cancelled_and_its_folder_goes(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream) as souk:
        caller = await souk.sandbox_caller()
        task = await souk.create("[souk:stall]", caller=caller)
        await souk.reached(task, "generating", caller=caller)
        assert await souk.house.operations.cancel(caller, task) is CancelAnswer.CANCELLED
        assert (await souk.record(task, caller)).fail_kind == "cancelled"
        await until(lambda: not list((tmp_path / "data" / "work").iterdir()))
        assert not upstream.tries
        assert await souk.problems() == []


async def test_a_stalled_sandbox_task_ends_at_its_deadline(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models={"deadline_seconds": 1}) as souk:
        caller = await souk.sandbox_caller()
        record = await souk.ended(await souk.create("[souk:stall]", caller=caller), caller)
        assert record.fail_kind == "timeout"


async def test_a_task_taken_over_is_looked_at_when_its_time_is_over_and_not_a_life_later(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream) as souk:
        task = await souk.create("[up:slow=1]")
        await souk.reached(task, "generating")
    async with running(tmp_path, migrated_url, upstream, engine=False) as souk:
        await souk.sql("UPDATE attempts SET submitted_at = submitted_at - 600000")
        await souk.sql("UPDATE tasks SET due_at = created_at + 3600000")
    async with running(tmp_path, migrated_url, upstream) as souk:
        traffic = souk.engine._roads.of(souk.house.connections["one"])
        pace = traffic.paces[MODEL] = Pace()
        for _ in range(8):
            pace.learn(599, 600)
        await souk.sql("UPDATE tasks SET due_at = 0")
        assert (await souk.ended(task)).state == "success"


async def test_a_cancel_asked_during_review_answers_too_late(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, review_seconds=1) as souk:
        task = await souk.create("[up:drop-after-accept]")
        await souk.reached(task, "review")
        assert await souk.house.operations.cancel(souk.caller, task) is CancelAnswer.TOO_LATE
        assert (await souk.ended(task)).fail_kind == "unclear"


async def test_a_review_is_not_begun_anew_by_each_process_that_takes_it_over(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, review_seconds=600) as souk:
        task = await souk.create("[up:drop-after-accept]")
        began = (await souk.reached(task, "review")).updated_at
    for epoch in (2, 3):
        async with running(tmp_path, migrated_url, upstream, review_seconds=600) as souk:
            while await souk.sql("SELECT epoch FROM tasks") != [(epoch,)]:  # noqa: ASYNC110 - the engine takes it
                await asyncio.sleep(0.05)
            assert (await souk.reached(task, "review")).updated_at == began
    async with running(tmp_path, migrated_url, upstream, review_seconds=0.1) as souk:
        assert (await souk.ended(task)).fail_kind == "unclear"
