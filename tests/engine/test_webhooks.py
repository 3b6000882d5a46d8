"""Upstreams that report back: a task is looked at at once, polling goes on, and the address does nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from souk.engine.reports import KEPT_BYTES
from souk.net.http import Http, Unreadable
from souk.providers.base import Accepted, Done, Failed, Hint, Job, Reply, WebhookRequest
from souk.providers.base import Running as Unfinished
from tests.engine.running import Running, running, until
from tests.engine.staged import DONE, Staged
from tests.upstreams.kie import FakeKie

SLOW = {"usual_seconds": 600}
"""Polled once in the first second and then not for most of a minute, so what ends it is the report."""
PUBLIC = "https://souk.example"


class Telling(Staged):
    """An upstream that is done as soon as it says so, and remembers its jobs."""

    def __init__(self, word: Hint | Reply | None = None) -> None:
        super().__init__(Unfinished())
        self.word = word
        self.jobs: list[Job] = []
        self.reports: list[WebhookRequest] = []
        self.polls = 0
        self.refs: set[str] = set()
        self.done = False
        self.loses_answers = False
        self.answering = asyncio.Event()
        self.answering.set()

    async def submit(self, job: Job, http: Http) -> Accepted:
        self.jobs.append(job)
        await self.answering.wait()
        if self.loses_answers:
            raise Unreadable("nobody knows what the upstream said")
        return Accepted("ref")

    async def poll(self, job: Job, ref: str, http: Http) -> Unfinished | Done | Failed:
        self.polls += 1
        self.refs.add(ref)
        return DONE if self.done else Unfinished()

    async def webhook(self, request: WebhookRequest, http: Http) -> Hint | Reply | None:
        self.reports.append(request)
        return self.word


def telling(souk: Running, word: Hint | Reply | None = None) -> Telling:
    provider = Telling(word)
    souk.engine._world.providers["kie"] = provider  # type: ignore[index]
    return provider


async def report(
    souk: Running, url: str, body: object = None, headers: Mapping[str, str] | None = None
) -> bool:
    _, _, attempt, secret = urlsplit(url).path.split("/")
    return await souk.house.hooks.receive(attempt, secret, headers or {}, json.dumps(body).encode())


@asynccontextmanager
async def two(folder: Path, url: str, upstream: FakeKie) -> AsyncIterator[tuple[Running, Running]]:
    """A process that runs tasks, and one that only serves, at which reports arrive."""
    settings = {"models": SLOW, "public_url": PUBLIC, "lease_seconds": 2}
    async with (
        running(folder / "a", url, upstream, **settings) as souk,
        running(folder / "b", url, upstream, engine=False, **settings) as door,
    ):
        yield souk, door


async def test_a_report_ends_the_wait(tmp_path: Path, migrated_url: str, upstream: FakeKie) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SLOW, public_url=PUBLIC) as souk:
        provider = telling(souk, Hint())
        task = await souk.create()
        await until(lambda: provider.polls)
        url = provider.jobs[0].webhook_url
        assert url.startswith(f"{PUBLIC}/hooks/")
        provider.done = True
        assert await report(souk, url)
        assert (await souk.ended(task)).state == "success"
        assert provider.reports[0].ref == "ref"
        for _ in range(2):
            assert await report(souk, url), "a repeated report is taken, and changes nothing"
        assert await souk.verdicts(task) == [("one", "done")]
        assert await souk.problems() == []


async def test_a_whole_and_signed_report_needs_no_poll(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SLOW, public_url=PUBLIC) as souk:
        provider = telling(souk, Reply(DONE))
        task = await souk.create()
        await souk.reached(task, "generating")
        polls = provider.polls
        assert await report(souk, provider.jobs[0].webhook_url)
        assert (await souk.ended(task)).state == "success"
        assert provider.polls <= polls + 1


async def test_a_report_before_the_answer_to_the_submit_is_remembered(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SLOW, public_url=PUBLIC) as souk:
        provider = telling(souk, Hint())
        provider.answering.clear()
        provider.done = True
        task = await souk.create()
        await until(lambda: provider.jobs)
        assert await report(souk, provider.jobs[0].webhook_url)
        assert await souk.sql("SELECT task_id FROM hints") == [(task,)], (
            "it may be the only proof there ever is"
        )
        provider.answering.set()
        assert (await souk.ended(task)).state == "success"
        assert provider.reports[0].ref == "ref"


@pytest.mark.parametrize("change", ["secret", "attempt"])
async def test_an_address_nobody_was_given_is_unknown(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, change: str
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SLOW, public_url=PUBLIC) as souk:
        provider = telling(souk, Hint())
        await souk.create()
        await until(lambda: provider.jobs)
        url = provider.jobs[0].webhook_url
        attempt, secret = url.split("/")[-2:]
        wrong = url.replace(secret, "é" * 43) if change == "secret" else souk.house.hooks.address("0" * 32)
        assert attempt in url
        assert not await report(souk, wrong)
        assert not provider.reports


async def test_a_report_that_is_not_understood_changes_nothing(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SLOW, public_url=PUBLIC) as souk:
        provider = telling(souk, None)
        task = await souk.create()
        await until(lambda: provider.polls)
        polls = provider.polls
        assert await report(souk, provider.jobs[0].webhook_url)
        await asyncio.sleep(0.2)
        assert (await souk.record(task)).inner_state == "generating"
        assert provider.polls == polls


async def test_a_report_at_another_process_reaches_the_one_that_holds_the_task(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
) -> None:
    async with two(tmp_path, migrated_postgres_url, upstream) as (souk, door):
        provider = telling(souk, Hint())
        task = await souk.create()
        await until(lambda: provider.polls)
        provider.done = True
        assert await report(door, provider.jobs[0].webhook_url)
        assert (await souk.ended(task)).state == "success"
        async with asyncio.timeout(20):
            while await souk.sql("SELECT * FROM hints"):  # noqa: ASYNC110 - the database sends no event
                await asyncio.sleep(0.05)


async def test_without_a_public_address_no_upstream_is_told_to_report(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SLOW) as souk:
        provider = telling(souk, Hint())
        await souk.create()
        await until(lambda: provider.jobs)
        assert provider.jobs[0].webhook_url == ""


async def test_kies_callback_about_its_task_ends_the_wait(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    # Only an open network lets a result be fetched from loopback.
    async with running(
        tmp_path, migrated_url, upstream, models=SLOW, public_url=PUBLIC, network_policy="open"
    ) as souk:
        task = await souk.create("[up:slow=2.5]")
        await until(lambda: upstream.submits)
        submit = upstream.submits[0]
        await souk.reached(task, "generating")
        await asyncio.sleep(2.7)
        assert await report(souk, submit.callback, {"data": {"taskId": "another"}})
        await asyncio.sleep(0.3)
        assert (await souk.record(task)).inner_state == "generating"
        assert await report(souk, submit.callback, {"code": 200, "data": {"taskId": submit.task_id}})
        assert (await souk.ended(task)).state == "success"


async def test_a_report_ends_the_doubt_about_a_submit_whose_answer_was_lost(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SLOW, public_url=PUBLIC) as souk:
        provider = telling(souk, Hint("told"))
        provider.loses_answers = provider.done = True
        task = await souk.create()
        await souk.reached(task, "review")
        assert await report(souk, provider.jobs[0].webhook_url)
        assert (await souk.ended(task)).state == "success"
        assert provider.refs == {"told"}
        assert len(provider.jobs) == 1, "it was submitted once"
        (attempt,) = (await souk.story(task)).attempts
        assert (attempt.verdict, attempt.ref) == ("done", "told")
        assert await souk.problems() == []


async def test_a_whole_and_signed_report_about_a_lost_answer_needs_no_poll(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SLOW, public_url=PUBLIC) as souk:
        provider = telling(souk, Reply(DONE, "told"))
        provider.loses_answers = True
        task = await souk.create()
        await souk.reached(task, "review")
        assert await report(souk, provider.jobs[0].webhook_url)
        assert (await souk.ended(task)).state == "success"
        assert provider.polls == 0


async def test_a_report_that_names_no_task_proves_no_acceptance(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(
        tmp_path, migrated_url, upstream, models=SLOW, public_url=PUBLIC, review_seconds=1
    ) as souk:
        provider = telling(souk, Hint())
        provider.loses_answers = True
        task = await souk.create()
        await souk.reached(task, "review")
        assert await report(souk, provider.jobs[0].webhook_url)
        assert (await souk.ended(task)).fail_kind == "unclear"


async def test_a_report_about_a_lost_answer_outlives_the_process_that_took_it(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SLOW, public_url=PUBLIC) as souk:
        deaf = telling(souk, None)
        deaf.loses_answers = True
        task = await souk.create()
        await souk.reached(task, "review")
        body = {"data": {"taskId": "told"}}
        assert await report(souk, deaf.jobs[0].webhook_url, body, {"x-signature": "abc"})
    async with running(tmp_path, migrated_url, upstream, models=SLOW, public_url=PUBLIC) as souk:
        provider = telling(souk, Hint("told"))
        provider.done = True
        assert (await souk.ended(task)).state == "success"
        (heard, *_) = provider.reports
        assert (json.loads(heard.body), heard.headers) == (body, {"x-signature": "abc"})
        assert provider.jobs == [], "nothing was submitted again"


async def test_the_only_proof_that_a_submit_arrived_is_kept_however_old_it_is(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    given: dict[str, Any] = {"models": SLOW, "public_url": PUBLIC, "lease_seconds": 2}
    async with running(tmp_path, migrated_url, upstream, **given) as souk:
        deaf = telling(souk, None)
        deaf.loses_answers = True
        task = await souk.create()
        await souk.reached(task, "review")
        assert await report(souk, deaf.jobs[0].webhook_url)
        await souk.sql("UPDATE hints SET at = 0")
        before = await souk.sql("SELECT lease_until FROM nodes")
        async with asyncio.timeout(20):
            while await souk.sql("SELECT lease_until FROM nodes") == before:  # noqa: ASYNC110 - the database sends no event
                await asyncio.sleep(0.05)
        assert await souk.sql("SELECT task_id FROM hints") == [(task,)]


async def test_a_report_too_long_to_keep_is_a_hint_all_the_same(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
) -> None:
    async with two(tmp_path, migrated_postgres_url, upstream) as (souk, door):
        provider = telling(souk, None)
        task = await souk.create()
        await until(lambda: provider.polls)
        provider.done = True
        assert await report(door, provider.jobs[0].webhook_url, "x" * KEPT_BYTES)
        assert (await souk.ended(task)).state == "success"
        assert provider.reports == []


async def test_a_report_about_a_task_that_has_ended_leaves_nothing(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SLOW, public_url=PUBLIC) as souk:
        provider = telling(souk, Hint("ref"))
        provider.done = True
        task = await souk.create()
        await until(lambda: provider.jobs)
        url = provider.jobs[0].webhook_url
        assert await report(souk, url)
        await souk.ended(task)
        story = await souk.story(task)
        await souk.sql("DELETE FROM hints")
        assert await report(souk, url)
        assert await souk.sql("SELECT * FROM hints") == []
        assert await souk.story(task) == story
