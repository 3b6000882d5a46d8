"""Polling KIE.AI: what ends a task, what it delivered, and what only means to ask again."""

import json
from pathlib import Path
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.providers.base import Done, Failed, NewPiece, OutputFile, Running, Unreachable
from souk.providers.kie import Kie
from souk.words import CREDIT, FailKind, JsonObject
from tests.providers.kie_jobs import accepted, job_at, polled, said
from tests.upstreams.kie import KEY, FakeKie
from tests.upstreams.raw import answer, raw_server, says


async def test_success_gives_files_and_a_result_that_points_to_them(
    upstream: FakeKie, http: GuardedHttp
) -> None:
    done = await polled(job_at(upstream.url, "[up:files=2]"), http)
    assert isinstance(done, Done)
    assert done.result == {"resultUrls": [{"$file": 0}, {"$file": 1}]}
    assert [file.url.startswith(f"{upstream.url}/files/") for file in done.files] == [True, True]
    assert done.cost == 8 * CREDIT


async def test_result_files_are_fetched_without_the_key(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    done = await polled(job_at(upstream.url), http)
    assert isinstance(done, Done)
    file = await http.download(done.files[0].url, tmp_path / "a", timeout=5, max_bytes=100_000, trusted=True)
    assert file.media_type == "image/png"  # and the fixture asserts that no key came along


async def test_waiting_is_queued(http: GuardedHttp) -> None:
    with FakeKie(queue_seconds=60) as upstream:
        assert await polled(job_at(upstream.url), http) == Running(queued=True)


async def test_generating_is_running(upstream: FakeKie, http: GuardedHttp) -> None:
    assert await polled(job_at(upstream.url, "[up:never]"), http) == Running()


async def test_going_backwards_is_still_running(upstream: FakeKie, http: GuardedHttp) -> None:
    job = job_at(upstream.url, "[up:backwards] [up:never]")
    ref = await accepted(job, http)
    assert await Kie().poll(job, ref, http) == Running()
    assert await Kie().poll(job, ref, http) == Running(queued=True)


async def test_unknown_state_is_still_running_and_is_logged(
    upstream: FakeKie, http: GuardedHttp, caplog: pytest.LogCaptureFixture
) -> None:
    assert await polled(job_at(upstream.url, "[up:unknown-state]"), http) == Running()
    assert [record.__dict__["state"] for record in caplog.records] == ["reticulating"]
    assert caplog.records[0].__dict__["task_id"] == "0" * 32


@pytest.mark.parametrize("lie", ["[up:no-file=1]", "[up:bad-result=1]"])
async def test_success_without_a_result_is_still_running(
    upstream: FakeKie, http: GuardedHttp, lie: str
) -> None:
    job = job_at(upstream.url, lie)
    ref = await accepted(job, http)
    assert await Kie().poll(job, ref, http) == Running()
    assert isinstance(await Kie().poll(job, ref, http), Done)


async def test_text_result_needs_no_file(upstream: FakeKie, http: GuardedHttp) -> None:
    done = await polled(job_at(upstream.url, "[up:text]", output={"kind": "text", "count": 0}), http)
    assert isinstance(done, Done)
    assert done.result == {"resultObject": {"text": "words instead of files"}}


CHARACTER: JsonObject = {
    "kind": "json",
    "count": 0,
    "pieces": ["character"],
    "result": {"character_id": {"$piece": 0}},
}


async def test_id_the_upstream_made_becomes_a_piece(upstream: FakeKie, http: GuardedHttp) -> None:
    done = await polled(job_at(upstream.url, "[up:character=ch_7]", output=CHARACTER), http)
    assert isinstance(done, Done)
    assert done.pieces == (NewPiece("character", "ch_7"),)
    assert done.result == {"character_id": {"$piece": 0}}


async def test_success_without_the_id_it_made_is_still_running(upstream: FakeKie, http: GuardedHttp) -> None:
    for lie in ("[up:character=]", "[up:text]"):
        assert await polled(job_at(upstream.url, lie, output=CHARACTER), http) == Running()


async def test_text_instead_of_a_picture_is_still_running(upstream: FakeKie, http: GuardedHttp) -> None:
    assert await polled(job_at(upstream.url, "[up:text]"), http) == Running()


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("[up:fail=422]", FailKind.BAD_INPUT),
        ("[up:fail=400]", FailKind.BAD_INPUT),
        ("[up:fail=451]", FailKind.INPUT_UNREACHABLE),
        ("[up:fail=408]", FailKind.TRANSIENT),
        ("[up:fail=500]", FailKind.TRANSIENT),
        ("[up:fail=503]", FailKind.TRANSIENT),
        ("[up:fail=999]", FailKind.INTERNAL),
        ("[up:fail=whatever]", FailKind.INTERNAL),
        ("[up:moderated]", FailKind.MODERATION),
        ("[up:moderated] [up:fail=500]", FailKind.MODERATION),
    ],
)
async def test_failure_is_final_and_its_code_decides_its_kind(
    upstream: FakeKie, http: GuardedHttp, words: str, kind: FailKind
) -> None:
    failed = await polled(job_at(upstream.url, words), http)
    assert isinstance(failed, Failed)
    assert failed.kind is kind


@pytest.mark.parametrize(
    "what", ["401", "404", "422", "429", "500", "503", "html", "drop", "truncated", "null", "other"]
)
async def test_poll_without_a_verdict_is_asked_again(upstream: FakeKie, http: GuardedHttp, what: str) -> None:
    times = 2 if what == "drop" else 1  # a dropped GET is repeated once within the call
    job = job_at(upstream.url, f"[up:{what}-while-polling={times}]")
    ref = await accepted(job, http)
    with pytest.raises(Unreachable) as unreachable:
        await Kie().poll(job, ref, http)
    assert unreachable.value.retry_after == (1.0 if what == "429" else None)
    assert isinstance(await Kie().poll(job, ref, http), Done)


@pytest.mark.parametrize(
    "data",
    [b"{}", b"[]", said(200, "success"), said(200, "success", {"taskId": "0123", "state": None})],
)
async def test_record_without_a_state_is_no_verdict(http: GuardedHttp, data: bytes) -> None:
    whole = data if data.startswith(b"HTTP") else answer(data)
    async with raw_server(says(whole)) as server:
        with pytest.raises(Unreachable):
            await Kie().poll(job_at(server.url("")), "0123", http)


async def test_poll_of_an_upstream_that_is_down_is_asked_again(upstream: FakeKie, http: GuardedHttp) -> None:
    ref = await accepted(job_at(upstream.url), http)
    upstream.stop()
    with pytest.raises(Unreachable):
        await Kie().poll(job_at(upstream.url), ref, http)


async def test_upstream_words_lose_their_secrets_and_their_length(http: GuardedHttp) -> None:
    record = {"taskId": "0123", "state": "fail", "failCode": "422", "failMsg": f"key {KEY} " + "x" * 2000}
    async with raw_server(says(said(200, "success", record))) as server:
        failed = await Kie().poll(job_at(server.url("")), "0123", http)
    assert isinstance(failed, Failed)
    assert KEY not in failed.message + failed.upstream
    assert len(failed.upstream) <= 510


@pytest.mark.parametrize(
    ("result", "shaped", "urls"),
    [
        (
            {"resultUrls": ["http://a.example/1.mp4"], "firstFrameUrl": "https://a.example/f.png"},
            {"resultUrls": [{"$file": 0}], "firstFrameUrl": {"$file": 1}},
            ["http://a.example/1.mp4", "https://a.example/f.png"],
        ),
        (
            {"resultUrls": ["https://a.example/1", "https://a.example/1"], "note": "ftp://a.example/2"},
            {"resultUrls": [{"$file": 0}, {"$file": 0}], "note": "ftp://a.example/2"},
            ["https://a.example/1"],
        ),
    ],
)
async def test_every_address_of_a_result_becomes_a_file(
    http: GuardedHttp, result: JsonObject, shaped: JsonObject, urls: list[str]
) -> None:
    record = {"taskId": "0123", "state": "success", "resultJson": json.dumps(result)}
    async with raw_server(says(said(200, "success", record))) as server:
        done = await Kie().poll(job_at(server.url("")), "0123", http)
    assert done == Done([OutputFile(url=url) for url in urls], shaped)


@pytest.mark.parametrize("spent", [None, "8", True, -1, 1e300])
async def test_cost_that_is_no_amount_is_unknown(http: GuardedHttp, spent: Any) -> None:
    record = {"taskId": "0123", "state": "success", "resultJson": '{"resultUrls":["https://a.example/1"]}'}
    async with raw_server(says(said(200, "success", record | {"creditsConsumed": spent}))) as server:
        done = await Kie().poll(job_at(server.url("")), "0123", http)
    assert isinstance(done, Done)
    assert done.cost is None


async def test_cancel_is_never_confirmed(upstream: FakeKie, http: GuardedHttp) -> None:
    assert await Kie().cancel(job_at(upstream.url), "0123", http) is False
