"""The name of a connection given to another provider: that is not asked about what it did not make."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from souk.net.http import Http
from souk.operations.records import Record
from souk.operations.types import Draft
from souk.providers.base import Access, Done, Failed, Job, OutputFile, Unknown, file_reference
from souk.providers.base import Running as InProgress
from souk.providers.kie import Kie
from souk.providers.registry import PROVIDERS
from souk.store import pieces
from souk.words import TaskId
from tests.engine.edited import HOUR, LIVE, NEVER, connection, edit, listed, only, watching, write
from tests.engine.running import QUICK, Running, prompts, until
from tests.engine.staged import FIRST_SONG, both, upstream_answers
from tests.engine.test_pieces import child
from tests.upstreams.kie import FakeKie

SERVICE = "kling"
"""The provider that is given a name of KIE.AI's."""
AWAITED: dict[str, Any] = LIVE | {"sandbox": "never"}


class Other(Kie):
    """A service of another name: notes what it is asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def poll(self, job: Job, ref: str, http: Http) -> InProgress | Done | Failed:
        self.asked.append(ref)
        return await super().poll(job, ref, http)

    async def recover(self, job: Job, http: Http) -> Unknown:
        self.asked.append(job.attempt_id)
        return Unknown()

    async def access(self, job: Job, url: str, http: Http) -> Access:
        self.asked.append(url)
        return Access()


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Other:
    """The adapter by which the other service is reached."""
    adapter = Other()
    entry = dataclasses.replace(PROVIDERS[SERVICE], factory=lambda: adapter)
    monkeypatch.setitem(PROVIDERS, SERVICE, entry)
    return adapter


def given_away(upstream: FakeKie) -> dict[str, Any]:
    """The connection of this name once it is the other service's."""
    return connection("one", upstream, provider=SERVICE)


async def providers_of(souk: Running, task: TaskId) -> list[str | None]:
    return [attempt.provider for attempt in (await souk.story(task)).attempts]


async def test_a_task_whose_connections_name_was_given_away_waits_until_it_is_given_back(
    tmp_path: Path,
    migrated_url: str,
    upstream: FakeKie,
    second_upstream: FakeKie,
    other: Other,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder, before = tmp_path / "data", only(connection("one", upstream))
    upstream.run_seconds = HOUR
    write(folder, before)
    async with watching(folder, migrated_url, **LIVE) as souk:
        task = await souk.create("a tram")
        await souk.reached(task, "generating")
    write(folder, only(given_away(second_upstream)))
    async with watching(folder, migrated_url, **AWAITED) as souk:
        await until(lambda: "task waits for its configuration" in caplog.messages)
        (told, *_) = [vars(each) for each in caplog.records if each.message.startswith("task waits for its")]
        assert (
            told["reason"]
            == f"the connection one was given to {SERVICE}, and not back to kie, which has this task"
        )
        assert (await souk.record(task)).state == "generating"
        upstream.run_seconds = 0
        await edit(folder, before, souk)
        assert (await souk.ended(task)).state == "success"
        assert await souk.verdicts(task) == [("one", "done")]
        assert await providers_of(souk, task) == ["kie"]
        assert await souk.problems() == []
    assert (other.asked, prompts(upstream), second_upstream.tries.total()) == ([], ["a tram"], 0)


async def test_a_task_whose_connections_name_is_never_given_back_fails_uncharged_and_says_why(
    tmp_path: Path, sqlite: str, upstream: FakeKie, second_upstream: FakeKie, other: Other
) -> None:
    folder = tmp_path / "data"
    write(folder, only(connection("one", upstream)))
    async with watching(folder, sqlite, **LIVE) as souk:
        before = await souk.balance()
        task = await souk.create(NEVER)
        await souk.reached(task, "generating")
    write(folder, only(given_away(second_upstream)))
    async with watching(folder, sqlite, sandbox="never") as souk:
        await souk.sql("UPDATE tasks SET deadline_at = 0 WHERE id = :id", id=task)
    async with watching(folder, sqlite, **AWAITED) as souk:
        record = await souk.ended(task)
        assert record.state == "fail"
        assert f"given to {SERVICE}, and not back to kie" in (record.fail_message or "")
        assert await souk.balance() == before
        assert await souk.problems() == []
    assert other.asked == []


async def test_an_unclear_submit_is_not_looked_up_at_the_provider_that_has_the_name_by_now(
    tmp_path: Path, sqlite: str, upstream: FakeKie, second_upstream: FakeKie, other: Other
) -> None:
    folder = tmp_path / "data"
    write(folder, only(connection("one", upstream)))
    async with watching(folder, sqlite, **LIVE) as souk:
        task = await souk.create("[up:drop-after-accept]")
        await souk.reached(task, "review")
    write(folder, only(given_away(second_upstream)))
    async with watching(folder, sqlite, **AWAITED, review_seconds=0) as souk:
        assert (await souk.ended(task)).fail_kind == "unclear"
        assert await souk.problems() == []
    assert other.asked == []


async def test_a_file_is_not_opened_with_the_key_of_the_provider_that_has_the_name_by_now(
    tmp_path: Path,
    sqlite: str,
    upstream: FakeKie,
    second_upstream: FakeKie,
    other: Other,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = tmp_path / "data"
    write(folder, only(connection("one", upstream)))
    async with watching(folder, sqlite, **LIVE) as souk:
        locked = OutputFile(url=f"{second_upstream.url}/files/locked.png", keyed=True)
        upstream_answers(souk, Done([locked], {"resultUrls": [file_reference(0)]}))
        task = await souk.create("a tram")
        await souk.reached(task, "storing")
    write(folder, only(given_away(second_upstream)))
    async with watching(folder, sqlite, **AWAITED) as souk:
        await until(lambda: "task waits for its configuration" in caplog.messages)
        assert (await souk.record(task)).inner_state == "storing"
    assert other.asked == []


async def test_an_attempt_of_before_providers_were_noted_is_followed_by_its_connections_name(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    upstream.run_seconds = HOUR
    write(folder, only(connection("one", upstream)))
    async with watching(folder, sqlite, **LIVE) as souk:
        task = await souk.create("a tram")
        await souk.reached(task, "generating")
    async with watching(folder, sqlite) as souk:
        await souk.sql("UPDATE attempts SET provider = NULL")
    upstream.run_seconds = 0
    async with watching(folder, sqlite, **LIVE) as souk:
        assert (await souk.ended(task)).state == "success"
        assert await souk.verdicts(task) == [("one", "done")]
        assert await providers_of(souk, task) == [None]


async def test_a_task_that_failed_at_one_provider_may_run_at_the_next_one_of_the_name(
    tmp_path: Path,
    sqlite: str,
    upstream: FakeKie,
    second_upstream: FakeKie,
    other: Other,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("souk.engine.submitting.FIRST_BACKOFF", HOUR)
    folder, two = tmp_path / "data", connection("two", upstream, base_url="http://127.0.0.1:9")
    write(folder, only(connection("one", upstream), two))
    async with watching(folder, sqlite, **LIVE) as souk:
        task = await souk.create("[up:fail=500]")
        await until(lambda: souk.engine._roads._resting)
        route = {"provider": SERVICE, "model": "z-image"}
        await edit(folder, listed(given_away(second_upstream), routes=[route]), souk)
        await souk.ended(task)
        assert await souk.verdicts(task) == [("one", "failed"), ("two", "never_sent"), ("one", "failed")]
        assert await providers_of(souk, task) == ["kie", "kie", SERVICE]
        assert set(other.asked) == {submit.task_id for submit in second_upstream.submits}


async def songs_child(
    folder: Path, url: str, field: str, second: dict[str, Any], upstream: FakeKie, forget: str = ""
) -> Record:
    """A child of a task or song that KIE.AI made as connection "one", created when this is what "one" is."""
    cut = child({"provider": "kie"}, {"provider": SERVICE, "model": "cut"})
    models = {"models": {"z-image": QUICK["z-image"], "cut": cut}}
    write(folder, models | {"connections": [connection("one", upstream)]})
    async with watching(folder, url, **LIVE) as souk:
        upstream_answers(souk, both(FIRST_SONG))
        parent = await souk.create("a song")
        await souk.ended(parent)
        song = (await souk.house.reads.run(lambda db: pieces.of_task(db, parent)))[1].id
        if forget:
            await souk.sql(forget)
    write(folder, models | {"connections": [second]})
    async with watching(folder, url, **LIVE) as souk:
        named = {"taskId": parent, "audioId": song}[field]
        made = await souk.house.operations.create(souk.caller, Draft("cut", {field: named}, "jobs"))
        return await souk.ended(made.task_id)


@pytest.mark.parametrize("field", ["taskId", "audioId"])
async def test_a_child_is_not_sent_to_a_provider_that_does_not_know_its_parent(
    field: str, tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie, other: Other
) -> None:
    second = given_away(second_upstream)
    record = await songs_child(tmp_path / "data", migrated_url, field, second, upstream)
    assert (record.state, record.fail_kind) == ("fail", "unsupported")
    assert not second_upstream.tries


async def test_a_child_of_work_whose_provider_was_not_noted_goes_by_the_connections_name(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    forget = "UPDATE attempts SET provider = NULL"
    same = connection("one", upstream)
    record = await songs_child(tmp_path / "data", sqlite, "audioId", same, upstream, forget)
    assert (record.state, record.connection) == ("success", "one")
