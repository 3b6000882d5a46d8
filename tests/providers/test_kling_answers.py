"""Kling: what its answers mean, and what opens it."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent, Unreadable
from souk.providers.base import (
    Accepted,
    Done,
    Failed,
    Hint,
    OutputFile,
    Refused,
    Running,
    Unknown,
    Unreachable,
    WebhookRequest,
)
from souk.providers.kling import Kling
from souk.words import FailKind, Millis
from tests.providers.jobs import job_from
from tests.providers.kling_jobs import TURBO, job_at, job_on, polled
from tests.upstreams.kling import FakeKling
from tests.upstreams.raw import answer, raw_server, says
from tests.upstreams.service import KEY


@pytest.fixture
def kling() -> Iterator[FakeKling]:
    """A fake that finishes at once; whatever it had to complain of fails the test."""
    with FakeKling(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


async def test_clip_has_the_models_documented_result(kling: FakeKling, http: GuardedHttp) -> None:
    done = await polled(job_on(kling), http)
    assert isinstance(done, Done)
    assert done.files == [OutputFile(url=kling.file_url(kling.submits[0], kind="video"))]
    assert done.result == {"resultUrls": [{"$file": 0}]}


async def test_token_that_is_too_old_asks_for_the_clock(kling: FakeKling, http: GuardedHttp) -> None:
    for now in (0, 10**14):
        with pytest.raises(Refused) as refused:
            await Kling().submit(replace(job_on(kling), now=Millis(now)), http)
        assert refused.value.kind is FailKind.AUTH
        assert "clock" in refused.value.message


async def test_single_key_is_sent_as_it_is(http: GuardedHttp) -> None:
    with FakeKling(signed=False) as server:
        assert isinstance(await Kling().submit(job_from(TURBO, "kling", server.url), http), Accepted)


async def test_refusal_repeats_neither_key_nor_token(kling: FakeKling, http: GuardedHttp) -> None:
    wrong = job_on(kling)
    wrong = replace(wrong, connection=replace(wrong.connection, options={"secret_key": "another-secret"}))
    with pytest.raises(Refused) as refused:
        await Kling().submit(wrong, http)
    assert refused.value.kind is FailKind.AUTH
    assert "eyJ" not in refused.value.message + refused.value.upstream
    with pytest.raises(Refused) as quoting:
        await Kling().submit(job_on(kling, prompt="A boat [up:refuse=400] [up:quotes-key]"), http)
    assert KEY not in quoting.value.message + quoting.value.upstream


@pytest.mark.parametrize(
    ("http_code", "code", "kind"),
    [
        (401, 1000, FailKind.AUTH),
        (401, 1001, FailKind.AUTH),
        (401, 1002, FailKind.AUTH),
        (429, 1100, FailKind.QUOTA),
        (429, 1101, FailKind.QUOTA),
        (429, 1102, FailKind.QUOTA),
        (403, 1103, FailKind.UNSUPPORTED),
        (400, 1200, FailKind.BAD_INPUT),
        (400, 1201, FailKind.BAD_INPUT),
        (404, 1202, FailKind.UNSUPPORTED),
        (404, 1203, FailKind.RETIRED),
        (400, 1300, FailKind.MODERATION),
        (400, 1301, FailKind.MODERATION),
        (429, 1302, FailKind.RATE_LIMIT),
        (429, 1303, FailKind.RATE_LIMIT),
        (429, 1304, FailKind.AUTH),
        (200, 1201, FailKind.BAD_INPUT),
        (404, 9999, FailKind.UNSUPPORTED),
        (400, 9999, FailKind.BAD_INPUT),
    ],
)
async def test_refusal_code_decides_its_kind(
    kling: FakeKling, http: GuardedHttp, http_code: int, code: int, kind: FailKind
) -> None:
    with pytest.raises(Refused) as refused:
        prompt = f"A boat [up:refuse={http_code}] [up:code={code}]"
        await Kling().submit(job_on(kling, prompt=prompt), http)
    assert refused.value.kind is kind
    assert refused.value.upstream == f"{http_code} {code}: Not this"
    assert kling.submits == []


async def test_rate_limit_says_when_to_come_back(kling: FakeKling, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Kling().submit(job_on(kling, prompt="A boat [up:429]"), http)
    assert (refused.value.kind, refused.value.retry_after) == (FailKind.RATE_LIMIT, 1.0)


@pytest.mark.parametrize(("http_code", "code"), [(500, 5000), (503, 5001), (504, 5002), (200, 7777)])
async def test_trouble_of_the_service_proves_nothing(
    kling: FakeKling, http: GuardedHttp, http_code: int, code: int
) -> None:
    with pytest.raises(Unreadable):
        await Kling().submit(job_on(kling, prompt=f"A boat [up:refuse={http_code}] [up:code={code}]"), http)


@pytest.mark.parametrize("lie", ["500-after-accept", "html", "no-id", "truncated", "drop-after-accept"])
@pytest.mark.parametrize("by_name", [True, False])
async def test_task_whose_answer_was_lost_is_found_again(http: GuardedHttp, lie: str, by_name: bool) -> None:
    with FakeKling(by_name=by_name) as server:
        given = job_on(server, prompt=f"A boat [up:{lie}]")
        with pytest.raises((Unreadable, MaybeSent)):
            await Kling().submit(given, http)
        (submit,) = server.submits
        assert await Kling().recover(given, http) == Accepted(submit.task_id)


async def test_task_that_is_not_found_may_still_be_there(kling: FakeKling, http: GuardedHttp) -> None:
    await Kling().submit(job_on(kling), http)
    assert await Kling().recover(replace(job_on(kling), attempt_id="b" * 32), http) == Unknown()


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("never", Running()),
        ("queued=9", Running(queued=True)),
        ("unknown-state=9", Running()),
        ("no-file", Running()),
    ],
)
async def test_task_without_a_verdict_still_runs(
    kling: FakeKling, http: GuardedHttp, word: str, verdict: Running
) -> None:
    assert await polled(job_on(kling, prompt=f"A boat [up:{word}]"), http) == verdict


@pytest.mark.parametrize(("word", "kind"), [("moderated", FailKind.MODERATION), ("fail", FailKind.TRANSIENT)])
async def test_failure_is_told_without_the_key(
    kling: FakeKling, http: GuardedHttp, word: str, kind: FailKind
) -> None:
    failed = await polled(job_on(kling, prompt=f"A boat [up:{word}] [up:quotes-key]"), http)
    assert isinstance(failed, Failed)
    assert failed.kind is kind
    assert KEY not in failed.message + failed.upstream


WHATS = ["401", "404", "429", "500", "503", "html", "drop", "truncated", "null"]


@pytest.mark.parametrize("what", WHATS)
async def test_poll_without_a_verdict_ends_nothing(kling: FakeKling, http: GuardedHttp, what: str) -> None:
    with pytest.raises(Unreachable):
        await polled(job_on(kling, prompt=f"A boat [up:{what}-while-polling=9]"), http)


async def test_record_of_another_task_is_no_verdict(kling: FakeKling, http: GuardedHttp) -> None:
    with pytest.raises(Unreachable):
        await polled(job_on(kling, prompt="A boat [up:other]"), http)


async def test_record_without_a_state_is_no_verdict(http: GuardedHttp) -> None:
    told = b'{"code": 0, "message": "SUCCEED", "data": {"task_id": "1"}}'
    async with raw_server(says(answer(told))) as server:
        with pytest.raises(Unreachable):
            await Kling().poll(job_at(server.url("")), "1", http)


async def test_nothing_is_cancelled(kling: FakeKling, http: GuardedHttp) -> None:
    assert await Kling().cancel(job_on(kling), "any", http) is False


async def test_address_for_callbacks_is_sent_where_there_is_one(kling: FakeKling, http: GuardedHttp) -> None:
    await Kling().submit(replace(job_on(kling), webhook_url="https://souk.example/hook"), http)
    assert kling.submits[0].input["callback_url"] == "https://souk.example/hook"


@pytest.mark.parametrize(
    ("ref", "body", "meaning"),
    [
        ("7", {"task_id": "7", "task_status": "succeed"}, Hint("7")),
        ("", {"task_id": "7", "task_status": "processing"}, Hint("7")),
        ("8", {"task_id": "7", "task_status": "succeed"}, None),
        ("7", {"task_status": "succeed"}, None),
        ("7", ["7"], None),
    ],
)
async def test_callback_about_the_task_is_a_hint(
    http: GuardedHttp, ref: str, body: object, meaning: Hint | None
) -> None:
    told = WebhookRequest(job_at("http://127.0.0.1:9"), ref, {}, json.dumps(body).encode())
    assert await Kling().webhook(told, http) == meaning
    assert await Kling().webhook(replace(told, body=b"{"), http) is None
