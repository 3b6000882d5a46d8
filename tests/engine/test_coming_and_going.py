"""Connections that come and go in souk.yaml, while tasks wait, are submitted and run."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from souk import logs
from souk.engine import submitting
from souk.engine.upstream import Upstream
from souk.net.http import Http, MaybeSent
from souk.operations.types import Refusal
from souk.providers.base import Accepted, Job, Unknown
from souk.providers.kie import Kie
from souk.store.attempts import Attempt
from souk.words import Mode, TaskId
from tests.engine.edited import HOUR, LIVE, LONG, NEVER, connection, edit, only, traffic, watching, write
from tests.engine.running import Running, prompts, until
from tests.engine.test_strangers import adopt
from tests.upstreams.kie import FakeKie


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task without a route waits for as long as the test may take."""
    monkeypatch.setattr("souk.engine.life.ROUTE_SECONDS", HOUR)


# --- coming ----------------------------------------------------------------------------------------


async def test_the_first_connection_makes_a_running_sandbox_live(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    async with watching(tmp_path / "data", sqlite, **LIVE) as souk:
        await edit(tmp_path / "data", only(connection("one", upstream)), souk)
        record = await souk.ended(await souk.create("a tram"))
        assert (record.state, record.connection) == ("success", "one")
        assert prompts(upstream) == ["a tram"]


async def test_a_task_that_rests_between_two_tries_takes_the_connection_that_comes(
    tmp_path: Path,
    sqlite: str,
    upstream: FakeKie,
    second_upstream: FakeKie,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("souk.engine.submitting.FIRST_BACKOFF", HOUR)
    folder, one, two = tmp_path / "data", connection("one", upstream), connection("two", second_upstream)
    write(folder, only(one))
    async with watching(folder, sqlite, **LIVE) as souk:
        upstream.stop()
        task = await souk.create("a tram")
        await until(lambda: souk.engine._roads._resting)
        await edit(folder, only(one, two), souk)
        record = await souk.ended(task)
        assert (record.state, record.connection) == ("success", "two")


async def test_a_task_that_waits_for_a_shut_connection_takes_the_one_that_comes(
    tmp_path: Path, sqlite: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    folder, one, two = tmp_path / "data", connection("one", upstream), connection("two", second_upstream)
    upstream.key = "another by now"
    write(folder, only(one))
    async with watching(folder, sqlite, engine=True, initial_credits=100, breaker_seconds=HOUR) as souk:
        assert (await souk.ended(await souk.create("first"))).fail_kind == "auth"
        task = await souk.create("a tram")
        await until(lambda: souk.engine._roads.book._waiting)
        await edit(folder, only(one, two), souk)
        record = await souk.ended(task)
        assert (record.state, record.connection) == ("success", "two")


async def test_a_task_let_in_for_a_connection_that_this_engine_does_not_know_yet_waits_for_it(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie, patience: None
) -> None:
    server, engine, config = tmp_path / "server", tmp_path / "engine", only(connection("one", upstream))
    write(server, config)
    async with (
        watching(server, migrated_postgres_url, initial_credits=100) as door,
        watching(engine, migrated_postgres_url, engine=True) as souk,
    ):
        task = await door.create("a tram")
        await given_back(door, task)
        await edit(engine, config, souk)
        assert (await door.ended(task)).state == "success"
        assert await door.verdicts(task) == [("one", "done")]


async def given_back(souk: Running, task: TaskId) -> None:
    """Wait until an engine has set a task aside, and has it again."""
    async with asyncio.timeout(LONG):
        while (await souk.sql("SELECT epoch FROM tasks WHERE id = :id", id=task))[0][0] < 2:  # noqa: ASYNC110 - an engine claims it
            await asyncio.sleep(0.02)


async def test_a_new_key_is_kept_out_of_the_log_before_anybody_can_use_it(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder, key = tmp_path / "data", "a-key-that-comes-while-we-run"
    told: list[str] = []
    async with watching(folder, sqlite) as souk:
        assert logs.redact(key) == key
        souk.house.watch.prepare.append(lambda _: told.append(logs.redact(key)))
        await edit(folder, only(connection("one", upstream, api_key=key)), souk)
        assert told == [logs.REDACTED]


async def test_routes_follow_the_order_of_the_file(
    tmp_path: Path, sqlite: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    folder, one, two = tmp_path / "data", connection("one", upstream), connection("two", second_upstream)
    write(folder, only(one, two))
    async with watching(folder, sqlite, **LIVE) as souk:
        await edit(folder, only(two, one), souk)
        assert (await souk.ended(await souk.create("a tram"))).connection == "two"


# --- going -----------------------------------------------------------------------------------------


async def test_what_was_taken_is_followed_to_its_end_and_nothing_more_is_submitted(
    tmp_path: Path, sqlite: str, upstream: FakeKie, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "data"
    caplog.set_level(logging.INFO)
    write(folder, only(connection("one", upstream)))
    upstream.run_seconds = HOUR
    async with watching(folder, sqlite, **LIVE) as souk:
        task = await souk.create("a tram")
        await souk.reached(task, "generating")
        await edit(folder, only(), souk)
        with pytest.raises(Refusal, match="no configured connection"):
            await souk.create("too late")
        upstream.run_seconds = 0
        assert (await souk.ended(task)).state == "success"
        assert prompts(upstream) == ["a tram"]
        gone = [vars(each) for each in caplog.records if each.message == "connection gone"]
        assert [(each["connection"], each["running"]) for each in gone] == [("one", 1)]
        assert await souk.problems() == []


async def test_a_submit_that_is_on_its_way_is_answered_and_kept(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    write(folder, only(connection("one", upstream)))
    async with watching(folder, sqlite, **LIVE) as souk:
        task = await souk.create("[up:slow-answer=2]")
        await until(lambda: upstream.submits)
        await edit(folder, only(), souk)
        assert (await souk.ended(task)).state == "success"
        assert await souk.verdicts(task) == [("one", "done")]
        assert len(upstream.submits) == 1


WAITS: dict[str, tuple[dict[str, Any], str]] = {
    "a slot": ({"concurrency": 1}, NEVER),
    "a turn": ({"submits_per_minute": 0.001}, "[up:slow=0]"),
}
"""What keeps a second task from being submitted: the limits of its connection, and the first task."""


@pytest.mark.parametrize("kind", WAITS)
async def test_whoever_waits_at_a_connection_that_goes_takes_the_next_route(
    kind: str, tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    limits, first = WAITS[kind]
    folder, two = tmp_path / "data", connection("two", second_upstream)
    write(folder, only(connection("one", upstream, **limits), two))
    async with watching(folder, migrated_url, **LIVE) as souk:
        before = await souk.create(first)
        await souk.reached(before, "generating", "success")
        task = await souk.create("a tram")
        await until(lambda: traffic(souk, "one")._offers)
        await edit(folder, only(two), souk)
        record = await souk.ended(task)
        assert (record.state, record.connection) == ("success", "two")
        assert prompts(upstream) == [first]
        assert await souk.problems() == []


async def test_a_connection_that_goes_between_the_mark_and_the_submit_is_not_sent_to(
    tmp_path: Path,
    sqlite: str,
    upstream: FakeKie,
    second_upstream: FakeKie,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, two = tmp_path / "data", connection("two", second_upstream)
    write(folder, only(connection("one", upstream), two))
    mark = submitting._marked

    async with watching(folder, sqlite, **LIVE) as souk:

        async def marked(task: Upstream, job: Job, attempt: Attempt) -> Attempt | None:
            written = await mark(task, job, attempt)
            if job.connection.name == "one":
                await edit(folder, only(two), souk)
            return written

        monkeypatch.setattr(submitting, "_marked", marked)
        task = await souk.create("a tram")
        assert (await souk.ended(task)).state == "success"
        assert await souk.verdicts(task) == [("one", "never_sent"), ("two", "done")]
        assert not upstream.tries


async def test_waiting_tasks_without_another_route_fail_uncharged(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder, one = tmp_path / "data", connection("one", upstream, concurrency=1)
    write(folder, only(one))
    async with watching(folder, sqlite, **LIVE) as souk:
        await souk.reached(await souk.create(NEVER), "generating")
        before = await souk.balance()
        task = await souk.create("a tram")
        await souk.reached(task, "queuing")
        await edit(folder, only(), souk)
        record = await souk.ended(task)
        assert (record.state, record.fail_kind) == ("fail", "unsupported")
        assert "no configured connection" in (record.fail_message or "")
        assert await souk.balance() == before
        assert await souk.problems() == []


async def test_waiting_tasks_go_on_when_their_connection_comes_back(
    tmp_path: Path, sqlite: str, upstream: FakeKie, patience: None
) -> None:
    folder = tmp_path / "data"
    write(folder, only(connection("one", upstream, submits_per_minute=0.001)))
    async with watching(folder, sqlite, **LIVE) as souk:
        await souk.ended(await souk.create("first"))
        task = await souk.create("a tram")
        await until(lambda: traffic(souk, "one")._offers)
        await edit(folder, only(), souk)
        await given_back(souk, task)
        await edit(folder, only(connection("one", upstream)), souk)
        assert (await souk.ended(task)).state == "success"
        assert prompts(upstream) == ["first", "a tram"]


async def test_a_task_whose_process_never_knew_its_connection_waits_until_that_comes_back(
    tmp_path: Path, sqlite: str, upstream: FakeKie, caplog: pytest.LogCaptureFixture
) -> None:
    folder, config = tmp_path / "data", only(connection("one", upstream))
    write(folder, config)
    async with watching(folder, sqlite, **LIVE) as souk:
        task = await souk.create(NEVER)
        await souk.reached(task, "generating")
    write(folder, only())
    async with watching(folder, sqlite, **LIVE, sandbox="never") as souk:
        await until(lambda: "task waits for its configuration" in caplog.messages)
        polls = upstream.polls.total()
        await edit(folder, config, souk)
        await until(lambda: upstream.polls.total() > polls)
        assert (await souk.record(task)).state == "generating"
        assert prompts(upstream) == [NEVER]


class Forgetful(Kie):
    """Honours idempotency keys, and loses every answer."""

    idempotent = True

    def __init__(self) -> None:
        self.submits = 0
        self.looks = 0

    async def submit(self, job: Job, http: Http) -> Accepted:
        self.submits += 1
        raise MaybeSent("the answer was lost")

    async def recover(self, job: Job, http: Http) -> Unknown:
        self.looks += 1
        return Unknown()


async def test_an_unclear_submit_is_not_repeated_on_a_connection_that_is_gone(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    write(folder, only(connection("one", upstream)))
    async with watching(folder, sqlite, **LIVE, review_seconds=3) as souk:
        provider = Forgetful()
        adopt(souk, provider)
        task = await souk.create("a tram")
        await until(lambda: provider.submits > 1)
        await edit(folder, only(), souk)
        sent = provider.submits
        assert (await souk.ended(task)).fail_kind == "unclear"
        assert provider.submits == sent
        assert provider.looks
        assert await souk.problems() == []


async def test_when_the_last_connection_goes_nobody_is_led_to_the_sandbox(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    write(folder, only(connection("one", upstream)))
    async with watching(folder, sqlite, **LIVE) as souk:
        task = await souk.create("a tram")
        await souk.ended(task)
        await edit(folder, only(), souk)
        assert souk.house.operations.mode_of(souk.caller) is Mode.LIVE
        assert (await souk.record(task)).state == "success"
