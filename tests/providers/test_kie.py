"""The KIE.AI adapter against an upstream that is strict, and one that lies."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import Http, MaybeSent, NeverSent, Unreadable
from souk.net.policy import Policy
from souk.providers.base import (
    Accepted,
    Connection,
    Done,
    Failed,
    Job,
    MediaFile,
    NewPiece,
    OutputFile,
    Refused,
    Running,
    Unknown,
    Unreachable,
)
from souk.providers.kie import Kie
from souk.words import CREDIT, FailKind, JsonObject, Millis, ModelId, TaskId
from tests.upstreams.kie import KEY, FakeKie
from tests.upstreams.raw import answer, raw_server, says


class Files:
    """The input files of a job, already on disk."""

    def __init__(self, *files: MediaFile) -> None:
        self._files = files

    async def files(self, field: str) -> Sequence[MediaFile]:
        return [file for file in self._files if file.field == field]

    async def all(self) -> Sequence[MediaFile]:
        return self._files


@pytest.fixture
def upstream() -> Iterator[FakeKie]:
    with FakeKie(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    async with GuardedHttp.open(Policy.PRIVATE_DENIED) as client:
        yield client


def job_at(base_url: str, prompt: str = "a boat", **changes: Any) -> Job:
    input: JsonObject = {"prompt": prompt, **changes.pop("input", {})}
    job = Job(
        task_id=TaskId("0" * 32),
        attempt_id="a" * 32,
        model=ModelId("seedream/4.5-text-to-image"),
        task="text-to-image",
        input=input,
        upstream_model="seedream/4.5-text-to-image",
        output={"kind": "image", "count": 1},
        media=changes.pop("media", Files()),
        connection=Connection("kie", "kie", base_url=base_url, api_key=KEY),
        now=Millis(0),
    )
    return replace(job, **changes)


async def accepted(job: Job, http: Http) -> str:
    outcome = await Kie().submit(job, http)
    assert isinstance(outcome, Accepted)
    return outcome.ref


async def polled(job: Job, http: Http) -> Running | Done | Failed:
    """The first poll of a new task."""
    return await Kie().poll(job, await accepted(job, http), http)


# Submit


async def test_submit_creates_one_task_and_returns_its_id(upstream: FakeKie, http: GuardedHttp) -> None:
    ref = await accepted(job_at(upstream.url, input={"seed": 7}), http)
    (submit,) = upstream.submits
    assert (submit.task_id, submit.model) == (ref, "seedream/4.5-text-to-image")
    assert submit.input == {"prompt": "a boat", "seed": 7}
    assert submit.callback == ""


async def test_submit_names_the_callback_address_if_there_is_one(
    upstream: FakeKie, http: GuardedHttp
) -> None:
    await accepted(job_at(upstream.url, webhook_url="https://souk.example/hook/s"), http)
    assert upstream.submits[0].callback == "https://souk.example/hook/s"


@pytest.mark.parametrize("hops", [0, 2])
async def test_submit_counts_the_hops_between_souks(upstream: FakeKie, http: GuardedHttp, hops: int) -> None:
    await accepted(job_at(upstream.url, hops=hops), http)
    assert upstream.submits[0].hops == str(hops + 1)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, FailKind.BAD_INPUT),
        (401, FailKind.AUTH),
        (402, FailKind.QUOTA),
        (404, FailKind.UNSUPPORTED),
        (418, FailKind.BAD_INPUT),
        (422, FailKind.BAD_INPUT),
        (429, FailKind.RATE_LIMIT),
        (433, FailKind.QUOTA),
        (451, FailKind.INPUT_UNREACHABLE),
        (455, FailKind.TRANSIENT),
        (505, FailKind.UNSUPPORTED),
    ],
)
async def test_refusal_code_decides_its_kind(
    upstream: FakeKie, http: GuardedHttp, code: int, kind: FailKind
) -> None:
    with pytest.raises(Refused) as refused:
        await Kie().submit(job_at(upstream.url, f"[up:refuse={code}]"), http)
    assert refused.value.kind is kind
    assert refused.value.upstream.startswith(f"{code} ")
    assert upstream.submits == []


async def test_rate_limit_says_when_to_come_back(upstream: FakeKie, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Kie().submit(job_at(upstream.url, "[up:429]"), http)
    assert refused.value.retry_after == 1.0


async def test_wrong_key_is_refused_without_being_told(upstream: FakeKie, http: GuardedHttp) -> None:
    connection = Connection("kie", "kie", base_url=upstream.url, api_key="wrong-key-5678")
    with pytest.raises(Refused) as refused:
        await Kie().submit(job_at(upstream.url, connection=connection), http)
    assert refused.value.kind is FailKind.AUTH
    assert "wrong-key-5678" not in refused.value.message


async def test_unknown_model_is_unsupported(upstream: FakeKie, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Kie().submit(job_at(upstream.url, upstream_model="unknown/model"), http)
    assert refused.value.kind is FailKind.UNSUPPORTED


def said(code: int, msg: str, data: Any = None, status: str = "200 OK") -> bytes:
    return answer(json.dumps({"code": code, "msg": msg, "data": data}).encode(), status=status)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (said(500, "aspect_ratio is required"), FailKind.BAD_INPUT),
        (said(500, "Credits insufficient : Your current balance isn't enough"), FailKind.QUOTA),
        (said(500, "This interface is temporarily paused."), FailKind.UNSUPPORTED),
        (said(422, "Your prompt was flagged as sensitive"), FailKind.MODERATION),
        (said(400, "The content violates our usage policy"), FailKind.MODERATION),
        (said(422, "safety_tolerance must be between 1 and 6"), FailKind.BAD_INPUT),
        (answer(b'{"message": "no such key"}', status="401 Unauthorized"), FailKind.AUTH),
        (answer(b'{"code": "422", "msg": "This field is required"}'), FailKind.BAD_INPUT),
    ],
)
async def test_words_that_prove_a_refusal_decide_its_kind(
    http: GuardedHttp, data: bytes, kind: FailKind
) -> None:
    async with raw_server(says(data)) as server:
        with pytest.raises(Refused) as refused:
            await Kie().submit(job_at(server.url("")), http)
    assert refused.value.kind is kind


@pytest.mark.parametrize(
    "data",
    [
        said(500, "Server exception, please try again later"),
        said(500, "The content violates our usage policy"),
        said(408, "upstream silent for more than 10 minutes"),
        said(409, "record already exists"),
        said(501, "generation failed"),
        said(200, "success"),
        said(200, "success", {}),
        said(200, "success", {"taskId": ""}),
        said(200, "success", {"taskId": 7}),
        said(200, "success", {"taskId": "x" * 1000}),
        said(422, "refused, or not?", {"taskId": "0123"}),
        said(422, "a gateway's guess", status="502 Bad Gateway"),
        said(200, "success", {"taskId": "0123"}, status="500 Internal Server Error"),
        answer(b"<html>", status="404 Not Found"),
        answer(b"<html>", status="502 Bad Gateway"),
        answer(b"<html>"),
        answer(b""),
        answer(b"[]"),
        answer(b"null"),
        answer(b'{"msg": "no code"}'),
        answer(b'{"code": true}'),
        answer(b"", "Location: /elsewhere", status="302 Found"),
    ],
)
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(http: GuardedHttp, data: bytes) -> None:
    async with raw_server(says(data)) as server:
        with pytest.raises(Unreadable):
            await Kie().submit(job_at(server.url("")), http)
        assert len(server.heads) == 1


@pytest.mark.parametrize(
    ("lie", "error"),
    [
        ("[up:drop-after-accept]", MaybeSent),
        ("[up:truncated]", MaybeSent),
        ("[up:500-after-accept]", Unreadable),
        ("[up:html]", Unreadable),
        ("[up:no-id]", Unreadable),
    ],
)
async def test_task_that_was_accepted_without_a_receipt_is_unclear_and_not_repeated(
    upstream: FakeKie, http: GuardedHttp, lie: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await Kie().submit(job_at(upstream.url, lie), http)
    assert upstream.count(lie) == 1


async def test_drop_before_acceptance_looks_the_same(upstream: FakeKie, http: GuardedHttp) -> None:
    with pytest.raises(MaybeSent):
        await Kie().submit(job_at(upstream.url, "[up:drop-before-accept]"), http)
    assert upstream.submits == []


async def test_upstream_that_is_down_was_never_sent_to(upstream: FakeKie, http: GuardedHttp) -> None:
    upstream.stop()
    with pytest.raises(NeverSent):
        await Kie().submit(job_at(upstream.url), http)


async def test_unclear_submit_cannot_be_looked_up(upstream: FakeKie, http: GuardedHttp) -> None:
    assert await Kie().recover(job_at(upstream.url), http) == Unknown()


# Poll


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


# Inputs


def picture(folder: Path, index: int = 0, *, field: str = "image_urls", reachable: bool = False) -> MediaFile:
    path = folder / f"{field[:5]}-{index}"
    path.write_bytes(f"picture {index} of {field}".encode())
    url = f"http://127.0.0.1:8080/files/{field[:5]}-{index}"
    return MediaFile(field, index, path, "image/png", path.stat().st_size, url, reachable)


async def test_unreachable_inputs_are_uploaded_and_named_in_their_place(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    files = [picture(tmp_path, 0), picture(tmp_path, 1)]
    job = job_at(upstream.url, media=Files(*files), input={"image_urls": [file.url for file in files]})
    await accepted(await Kie().prepare(job, http), http)
    sent = upstream.submits[0].input["image_urls"]
    stored = [upstream.uploads[url.removeprefix(f"{upstream.url}/")] for url in sent]
    assert stored == [b"picture 0 of image_urls", b"picture 1 of image_urls"]
    assert all(url.endswith(".png") for url in sent)
    assert job.input["image_urls"] == [file.url for file in files]


async def test_reachable_input_is_left_where_it_is(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    far, near = picture(tmp_path, 0, reachable=True), picture(tmp_path, 1)
    job = job_at(upstream.url, media=Files(far, near), input={"image_urls": [far.url, near.url]})
    prepared = await Kie().prepare(job, http)
    assert prepared.prepared["input"]["image_urls"][0] == far.url
    assert len(upstream.uploads) == 1


async def test_inline_input_becomes_an_address(upstream: FakeKie, http: GuardedHttp, tmp_path: Path) -> None:
    file = picture(tmp_path, field="image_url")
    job = job_at(upstream.url, media=Files(file), input={"image_url": "data:image/png;base64,AAAA"})
    await accepted(await Kie().prepare(job, http), http)
    assert upstream.submits[0].input["image_url"].startswith(f"{upstream.url}/kieai/")


async def test_input_inside_a_list_of_objects_is_replaced(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    field = "elements[].urls"
    files = [picture(tmp_path, index, field=field) for index in range(3)]
    urls = [file.url for file in files]
    elements = [{"name": "cat", "urls": urls[:2]}, {"name": "dog", "urls": urls[2:]}]
    job = job_at(upstream.url, media=Files(*files), input={"elements": elements})
    placed = (await Kie().prepare(job, http)).prepared["input"]["elements"]
    assert [item["name"] for item in placed] == ["cat", "dog"]
    addresses = [url for item in placed for url in item["urls"]]
    contents = [upstream.uploads[url.removeprefix(f"{upstream.url}/")] for url in addresses]
    assert contents == [f"picture {index} of {field}".encode() for index in range(3)]


async def test_parent_id_is_not_replaced_by_an_address(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    file = picture(tmp_path, field="task_id")
    job = job_at(upstream.url, media=Files(file), input={"task_id": "ab" * 16})
    assert (await Kie().prepare(job, http)).prepared["input"]["task_id"] == "ab" * 16


async def test_preparing_twice_uploads_to_the_same_place(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    file = picture(tmp_path)
    job = job_at(upstream.url, media=Files(file), input={"image_urls": [file.url]})
    first = await Kie().prepare(job, http)
    second = await Kie().prepare(job, http)
    assert first.prepared == second.prepared
    assert len(upstream.uploads) == 1


async def test_uploads_go_to_their_own_host_if_one_is_set(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    file = picture(tmp_path)
    connection = Connection(
        "kie", "kie", base_url="http://127.0.0.1:9", api_key=KEY, options={"upload_url": upstream.url}
    )
    job = job_at("", media=Files(file), input={"image_urls": [file.url]}, connection=connection)
    await Kie().prepare(job, http)
    assert len(upstream.uploads) == 1


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (said(401, "Authentication failed: Invalid API Key"), FailKind.AUTH),
        (said(500, "Internal server error"), FailKind.TRANSIENT),
        (said(200, "File uploaded successfully", {"downloadUrl": "file:///etc/passwd"}), FailKind.TRANSIENT),
        (answer(b"<html>"), FailKind.TRANSIENT),
        (b"", FailKind.TRANSIENT),
    ],
)
async def test_upload_that_fails_refuses_the_attempt(
    http: GuardedHttp, tmp_path: Path, data: bytes, kind: FailKind
) -> None:
    file = picture(tmp_path)
    async with raw_server(says(data)) as server:
        job = job_at(server.url(""), media=Files(file), input={"image_urls": [file.url]})
        with pytest.raises(Refused, match="image_urls could not be uploaded") as refused:
            await Kie().prepare(job, http)
    assert refused.value.kind is kind


async def test_private_upstream_of_the_operator_is_reached_though_private_is_denied(
    upstream: FakeKie, http: GuardedHttp
) -> None:
    assert await accepted(job_at(upstream.url), http)
    with pytest.raises(NeverSent, match="SOUK_NETWORK_POLICY"):
        await http.request("GET", upstream.url, timeout=5, max_bytes=100)
