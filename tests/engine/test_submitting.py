"""Offering a task to its routes: when the next one may be tried, when not, and what an unclear answer means."""

import asyncio
from pathlib import Path

import pytest

from souk.operations.types import CancelAnswer
from tests.engine.running import Running, prompts, running, until
from tests.upstreams.kie import FakeKie


async def test_a_task_runs_on_its_first_connection(souk: Running, upstream: FakeKie) -> None:
    task = await souk.create("a tram")
    record = await souk.ended(task)
    assert (record.state, record.connection) == ("success", "one")
    assert await souk.verdicts(task) == [("one", "done")]
    assert prompts(upstream) == ["a tram"]
    assert not upstream.complaints
    assert await souk.problems() == []


async def test_a_refused_task_goes_to_the_next_connection(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    upstream.key = "another key"  # so every create there is refused with 401
    async with running(tmp_path, migrated_url, upstream, second_upstream) as souk:
        task = await souk.create("a tram")
        assert (await souk.ended(task)).connection == "two"
        assert await souk.verdicts(task) == [("one", "refused"), ("two", "done")]


@pytest.mark.parametrize("lie", ["[up:refuse=422]", "[up:refuse=400]"])
async def test_a_refusal_that_any_connection_would_repeat_ends_the_task(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie, lie: str
) -> None:
    async with running(tmp_path, migrated_url, upstream, second_upstream) as souk:
        task = await souk.create(lie)
        record = await souk.ended(task)
        assert (record.state, record.fail_kind) == ("fail", "bad_input")
        assert not second_upstream.tries


async def test_a_verified_failure_goes_to_the_next_connection(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, second_upstream) as souk:
        task = await souk.create("[up:fail=500]")
        record = await souk.ended(task)
        assert record.state == "fail"
        assert await souk.verdicts(task) == [("one", "failed"), ("two", "failed")]
        assert (len(upstream.submits), len(second_upstream.submits)) == (1, 1)
        assert await souk.problems() == []


async def test_a_moderated_task_is_not_tried_elsewhere(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, second_upstream) as souk:
        record = await souk.ended(await souk.create("[up:moderated]"))
        assert record.fail_kind == "moderation"
        assert not second_upstream.tries


@pytest.mark.parametrize(
    "lie",
    [
        "[up:drop-after-accept]",
        "[up:drop-before-accept]",
        "[up:500-after-accept]",
        "[up:truncated]",
        "[up:html]",
        "[up:no-id]",
    ],
)
async def test_an_unclear_submit_is_never_repeated_and_fails_uncharged(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie, lie: str
) -> None:
    async with running(tmp_path, migrated_url, upstream, second_upstream, review_seconds=0.3) as souk:
        before = await souk.balance()
        task = await souk.create(lie)
        assert (await souk.reached(task, "review", "fail")).state in ("generating", "fail")
        record = await souk.ended(task)
        assert (record.state, record.fail_kind, record.retryable) == ("fail", "unclear", True)
        assert upstream.tries[lie] == 1
        assert not second_upstream.tries
        assert await souk.balance() == before
        assert await souk.problems() == []


ONCE = {"routes": [{"provider": "kie", "model": "z-image", "resubmit_unclear": "once"}]}


async def test_an_unclear_submit_is_repeated_where_its_route_says_so(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=ONCE, review_seconds=0.3) as souk:
        task = await souk.create("[up:drop-after-accept=1]")
        record = await souk.ended(task)
        assert record.state == "success"
        assert upstream.tries["[up:drop-after-accept=1]"] == 2
        assert await souk.verdicts(task) == [("one", "unclear"), ("one", "done")]
        first, second = (await souk.story(task)).attempts
        assert first.id != second.id
        assert "submitted once more" in (first.message or "")
        assert await souk.problems() == []


async def test_an_unclear_submit_is_repeated_once_only(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    lie = "[up:drop-after-accept]"
    async with running(
        tmp_path, migrated_url, upstream, second_upstream, models=ONCE, review_seconds=0.3
    ) as souk:
        before = await souk.balance()
        task = await souk.create(lie)
        record = await souk.ended(task)
        assert (record.state, record.fail_kind) == ("fail", "unclear")
        assert "sent twice" in record.fail_message
        assert upstream.tries[lie] + second_upstream.tries[lie] == 2
        assert await souk.balance() == before
        assert await souk.problems() == []


async def test_the_one_repetition_survives_the_death_of_the_process_that_made_it(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    lie = "[up:drop-after-accept]"
    async with running(tmp_path, migrated_url, upstream, models=ONCE, review_seconds=0.3) as souk:
        task = await souk.create(lie)
        await until(lambda: upstream.tries[lie] == 2)
    async with running(tmp_path, migrated_url, upstream, models=ONCE, review_seconds=0.3) as souk:
        assert (await souk.ended(task)).fail_kind == "unclear"
        assert upstream.tries[lie] == 2


@pytest.mark.parametrize("code", [401, 404, 422, 429, 500, 503])
async def test_no_error_while_polling_ends_or_moves_an_accepted_task(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie, code: int
) -> None:
    async with running(tmp_path, migrated_url, upstream, second_upstream) as souk:
        record = await souk.ended(await souk.create(f"[up:{code}-while-polling=2]"))
        assert (record.state, record.connection) == ("success", "one")
        assert not second_upstream.tries


async def test_a_rate_limited_submit_waits_as_long_as_it_is_told(souk: Running, upstream: FakeKie) -> None:
    started = asyncio.get_running_loop().time()
    task = await souk.create("[up:429=1]")  # the upstream says Retry-After: 1
    record = await souk.ended(task)
    assert record.state == "success"
    assert asyncio.get_running_loop().time() - started > 1
    assert await souk.verdicts(task) == [("one", "refused"), ("one", "done")]


async def test_a_task_is_not_submitted_after_its_deadline(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, engine=False) as door:
        late = await door.create("late")
        await door.sql("UPDATE tasks SET deadline_at = created_at - 1")
    async with running(tmp_path, migrated_url, upstream) as souk:
        record = await souk.ended(late)
        assert (record.state, record.fail_kind) == ("fail", "timeout")
        assert not upstream.tries
        assert await souk.problems() == []


async def test_a_cancel_asked_before_the_submit_keeps_the_task_from_being_submitted(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, engine=False) as door:
        task = await door.create("never mind")
        # As a node leaves it that was refused once and then ended: no longer fresh, and cancelled meanwhile.
        await door.sql("UPDATE tasks SET state = 'queuing', attempt_id = 'x', attempts = 1, cancel_at = 1")
    async with running(tmp_path, migrated_url, upstream) as souk:
        assert (await souk.ended(task)).fail_kind == "cancelled"
        assert not upstream.tries


async def test_a_task_waiting_for_a_rate_limit_can_be_cancelled(souk: Running, upstream: FakeKie) -> None:
    task = await souk.create("[up:429]")
    await until(lambda: upstream.tries["[up:429]"] == 1)
    await asyncio.sleep(0.1)
    assert await souk.house.operations.cancel(souk.caller, task) is CancelAnswer.CANCELLED
    record = await souk.record(task)
    assert (record.state, record.fail_kind) == ("fail", "cancelled")
    assert upstream.tries["[up:429]"] == 1
