"""A connection that refuses what every task needs, or fails again and again, is left alone and then tried by one."""

import asyncio
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from souk.engine.breaker import MOST_OPEN_SECONDS, TRIAL_SECONDS, Act, Change, Health, after, needs_trial
from souk.store.connections import ConnectionRow
from souk.words import TaskId
from tests.engine.running import Running, ShiftedClock, running, until
from tests.upstreams.kie import KEY, FakeKie

OK = ConnectionRow("one")
FIRST_MS = 30_000


def told(act: Act, at: int, *, until: int = 0, asked_at: int = 0) -> Change:
    return Change("one", act, at, FIRST_MS, until, asked_at=asked_at)


def test_each_opening_in_a_row_lasts_longer_up_to_ten_minutes() -> None:
    row, at, lasted = OK, 0, list[int]()
    for _ in range(7):
        row = after(row, told(Act.OPEN, at))
        lasted.append((row.until - at) // 1000)
        at = row.until
        row = after(row, told(Act.TRY, at))
    assert lasted == [30, 60, 120, 240, 480, 600, 600]
    row = after(row, told(Act.CLOSE, at, asked_at=at))
    assert (row.state, row.until) == (Health.OK, 0)
    assert after(row, told(Act.OPEN, at)).until == at + 30_000


def test_an_acceptance_of_what_was_submitted_before_it_opened_closes_nothing() -> None:
    row = after(OK, told(Act.OPEN, 1000))
    assert after(row, told(Act.CLOSE, 1500, asked_at=900)) is row


def test_the_time_an_upstream_names_is_waited_for_and_needs_no_trial() -> None:
    row = after(OK, told(Act.PAUSE, 0, until=20_000))
    assert (row.until, needs_trial(row)) == (20_000, False)


def test_a_trial_nobody_hears_of_again_is_followed_by_another() -> None:
    row = after(after(OK, told(Act.OPEN, 0)), told(Act.TRY, 30_000))
    assert after(row, told(Act.TRY, 30_001)) is row
    late = 30_000 + int(TRIAL_SECONDS * 1000)
    assert after(row, told(Act.TRY, late)) is not row


@given(st.lists(st.tuples(st.sampled_from(list(Act)), st.integers(0, 200_000), st.integers(0, 100_000))))
def test_whatever_happens_it_is_tried_again_in_the_end(story: list[tuple[Act, int, int]]) -> None:
    row, now = OK, 0
    for act, passes, named in story:
        now += passes
        trying = row.state == Health.TRIAL and now < row.until
        row = after(row, told(act, now, until=now + named, asked_at=now))
        assert row.until <= now + int(MOST_OPEN_SECONDS * 1000)
        assert not (act is Act.TRY and trying and row.until > now + TRIAL_SECONDS * 1000)
    now = max(now, row.until)
    if needs_trial(row):
        row = after(row, told(Act.TRY, now))
        assert row.state == Health.TRIAL
    assert after(row, told(Act.CLOSE, now, asked_at=now)).until <= now


async def health(souk: Running, name: str = "one") -> tuple[str, int]:
    rows = await souk.sql("SELECT state, failures FROM connections WHERE name = :name", name=name)
    return (rows[0][0], rows[0][1]) if rows else ("ok", 0)


async def test_a_connection_with_a_wrong_key_is_asked_once_and_then_gone_round(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    upstream.key = "another key"
    async with running(tmp_path, migrated_url, upstream, second_upstream) as souk:
        assert await souk.verdicts(await _ended(souk, "first")) == [("one", "refused"), ("two", "done")]
        for number in range(5):
            assert await souk.verdicts(await _ended(souk, f"<{number}>")) == [("two", "done")]
        assert await health(souk) == ("open", 1)
        assert await souk.problems() == []


async def test_tasks_wait_for_their_only_connection_and_one_of_them_tries_it(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    upstream.key = "another key"
    clock = ShiftedClock()
    async with running(tmp_path, migrated_url, upstream, clock=clock) as souk:
        assert (await souk.ended(await souk.create("first"))).fail_kind == "auth"
        tasks = [await souk.create(f"<{number}>") for number in range(6)]
        await asyncio.sleep(0.3)
        assert [(await souk.record(task)).inner_state for task in tasks] == ["queuing"] * 6
        clock.shift(31)  # still refused: one task hears it, the others wait on
        await _reached(souk, ("open", 2))
        await until(lambda: souk.engine.running == 5)
        ends = [await souk.record(task) for task in tasks]
        assert sorted(record.inner_state for record in ends) == ["fail"] + ["queuing"] * 5
        upstream.key = KEY
        clock.shift(61)
        waited = [task for task, end in zip(tasks, ends, strict=True) if end.inner_state == "queuing"]
        assert {(await souk.ended(task)).state for task in waited} == {"success"}
        assert await health(souk) == ("ok", 0)
        assert await souk.problems() == []


async def test_another_process_hears_that_a_connection_is_open(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    upstream.key = "another key"
    async with running(tmp_path, migrated_url, upstream, second_upstream) as souk:
        await _ended(souk, "first")
    async with running(tmp_path, migrated_url, upstream, second_upstream) as souk:
        assert await souk.verdicts(await _ended(souk, "second")) == [("two", "done")]


async def test_a_service_that_cannot_be_reached_is_left_alone_after_five_tries(
    tmp_path: Path, migrated_url: str, second_upstream: FakeKie
) -> None:
    with FakeKie() as gone:
        pass  # from here on nobody listens there
    async with running(tmp_path, migrated_url, gone, second_upstream) as souk:
        for number in range(7):
            verdicts = await souk.verdicts(await _ended(souk, f"<{number}>"))
            expected = [("two", "done")] if number >= 5 else [("one", "never_sent"), ("two", "done")]
            assert verdicts == expected
        assert await health(souk) == ("open", 1)


async def test_a_task_that_waits_for_a_connection_can_be_cancelled_and_times_out(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    upstream.key = "another key"
    async with running(tmp_path, migrated_url, upstream, models={"deadline_seconds": 5}) as souk:
        await souk.ended(await souk.create("first"))
        before = await souk.balance()
        waits, wanted = await souk.create("waits"), await souk.create("not wanted")
        await souk.reached(wanted, "queuing")
        await souk.house.operations.cancel(souk.caller, wanted)
        assert (await souk.ended(wanted)).fail_kind == "cancelled"
        record = await souk.ended(waits)
        assert record.fail_kind == "timeout"
        assert "no connection" in record.fail_message
        assert await souk.balance() == before


async def test_a_connection_that_takes_its_tasks_costs_no_writes(souk: Running) -> None:
    for number in range(3):
        await _ended(souk, f"<{number}>")
    rows = await souk.sql("SELECT state, last_error_at FROM connections WHERE name = 'one'")
    assert rows in ([], [("ok", 0)])


async def _ended(souk: Running, prompt: str) -> TaskId:
    task = await souk.create(prompt)
    await souk.ended(task)
    return task


async def _reached(souk: Running, wanted: tuple[str, int]) -> None:
    async with asyncio.timeout(10):
        while await health(souk) != wanted:  # noqa: ASYNC110 - the database sends no event
            await asyncio.sleep(0.05)
