"""What DashScope's refusals, states and failures mean, and how files get there that it cannot fetch."""

from pathlib import Path

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent, Unreadable
from souk.providers.base import Accepted, Failed, Refused, Running, Unknown, Unreachable
from souk.providers.dashscope import DashScope
from souk.words import FailKind
from tests.providers.dashscope_jobs import ROUTED, job_at, polled, submitted
from tests.providers.jobs import CATALOG
from tests.upstreams.dashscope import PICTURES, TAKES, TASK_PICTURES, FakeDashScope
from tests.upstreams.raw import answer, raw_server, says

CLIP = "wan/2-6-text-to-video"
PICTURE = "qwen/text-to-image"
FROM_PICTURE = "wan/2-7-image-to-video"


def test_every_route_names_a_model_of_the_service() -> None:
    routes = [route for id in ROUTED for route in CATALOG.models[id].routes if route.provider == "dashscope"]
    assert {route.model for route in routes} == {*TAKES, *PICTURES, *TASK_PICTURES}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("400:InvalidParameter", FailKind.BAD_INPUT),
        ("400:InvalidURL", FailKind.BAD_INPUT),
        ("400:BadRequest.EmptyInput", FailKind.BAD_INPUT),
        ("400:DataInspectionFailed", FailKind.MODERATION),
        ("400:InvalidParameter.DataInspection", FailKind.MODERATION),
        ("400:IPInfringementSuspect", FailKind.MODERATION),
        ("400:Arrearage", FailKind.QUOTA),
        ("403:AllocationQuota.FreeTierOnly", FailKind.QUOTA),
        ("429:Throttling.AllocationQuota", FailKind.QUOTA),
        ("401:InvalidApiKey", FailKind.AUTH),
        ("403:AccessDenied.Unpurchased", FailKind.AUTH),
        ("403:Model.AccessDenied", FailKind.AUTH),
        ("404:ModelNotFound", FailKind.RETIRED),
        ("404:ModelNotExist", FailKind.RETIRED),
        ("429:Throttling.BurstRate", FailKind.RATE_LIMIT),
        ("400:InvalidFile.DownloadFailed", FailKind.INPUT_UNREACHABLE),
        ("418:Teapot", FailKind.BAD_INPUT),
    ],
)
@pytest.mark.parametrize("model", [CLIP, PICTURE])
async def test_refusals_code_decides_its_kind(
    dashscope: FakeDashScope, http: GuardedHttp, model: str, code: str, kind: FailKind
) -> None:
    with pytest.raises(Refused) as refused:
        await submitted(job_at(dashscope, model, prompt=f"A boat [up:code={code}]"), http)
    assert refused.value.kind is kind
    assert dashscope.submits == []


async def test_input_that_was_not_fetched_is_no_moderation(
    dashscope: FakeDashScope, http: GuardedHttp
) -> None:
    with pytest.raises(Refused) as refused:
        await submitted(job_at(dashscope, FROM_PICTURE, prompt="A boat [up:unfetched]"), http)
    assert refused.value.kind is FailKind.INPUT_UNREACHABLE


async def test_rate_limit_says_when_to_come_back(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await submitted(job_at(dashscope, CLIP, prompt="A boat [up:429]"), http)
    assert (refused.value.kind, refused.value.retry_after) == (FailKind.RATE_LIMIT, 1.0)


async def test_key_is_never_repeated(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    lie = "A boat [up:code=400:InvalidParameter] [up:quotes-key]"
    with pytest.raises(Refused) as refused:
        await submitted(job_at(dashscope, CLIP, prompt=lie), http)
    assert "Refused." in refused.value.message
    assert dashscope.key not in refused.value.message + refused.value.upstream


@pytest.mark.parametrize("lie", ["500-after-accept", "html", "no-id", "truncated", "drop-after-accept"])
@pytest.mark.parametrize("model", [CLIP, PICTURE])
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(
    dashscope: FakeDashScope, http: GuardedHttp, model: str, lie: str
) -> None:
    job = job_at(dashscope, model, prompt=f"A boat [up:{lie}]")
    with pytest.raises((Unreadable, MaybeSent)):
        await submitted(job, http)
    assert dashscope.count("A boat") == 1
    assert await DashScope().recover(job, http) == Unknown()


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("queued", Running(queued=True)),
        ("never", Running()),
        ("unknown-state=9", Running()),
        ("state=UNKNOWN", Running()),
        ("state=SUSPENDED", Running(queued=True)),
        ("no-file", Running()),
    ],
)
async def test_task_without_a_verdict_still_runs(
    dashscope: FakeDashScope, http: GuardedHttp, word: str, verdict: Running
) -> None:
    assert await polled(job_at(dashscope, CLIP, prompt=f"A boat [up:{word}]"), http) == verdict


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("moderated", FailKind.MODERATION),
        ("blocked", FailKind.MODERATION),
        ("fail", FailKind.TRANSIENT),
        ("fail=InvalidParameter", FailKind.BAD_INPUT),
        ("fail=InvalidFile.DownloadFailed", FailKind.INPUT_UNREACHABLE),
        ("fail=Arrearage", FailKind.QUOTA),
        ("fail=Novel", FailKind.TRANSIENT),
        ("state=CANCELED", FailKind.TRANSIENT),
    ],
)
async def test_failures_code_decides_its_kind(
    dashscope: FakeDashScope, http: GuardedHttp, word: str, kind: FailKind
) -> None:
    failed = await polled(job_at(dashscope, CLIP, prompt=f"A boat [up:{word}] [up:quotes-key]"), http)
    assert isinstance(failed, Failed)
    assert failed.kind is kind
    assert dashscope.key not in failed.message + failed.upstream


@pytest.mark.parametrize("what", ["401", "404", "429", "500", "503", "html", "drop", "truncated", "null"])
async def test_poll_without_a_verdict_ends_nothing(
    dashscope: FakeDashScope, http: GuardedHttp, what: str
) -> None:
    with pytest.raises(Unreachable):
        await polled(job_at(dashscope, CLIP, prompt=f"A boat [up:{what}-while-polling=9]"), http)


async def test_record_of_another_task_is_no_verdict(http: GuardedHttp) -> None:
    told = answer(b'{"output": {"task_id": "other", "task_status": "FAILED"}}')
    async with raw_server(says(told)) as server:
        with pytest.raises(Unreachable):
            await DashScope().poll(job_at(server.url("/api/v1"), CLIP), "mine", http)


@pytest.mark.parametrize(("word", "dropped"), [("queued", True), ("never", False), ("races", False)])
async def test_only_a_task_that_waits_is_cancelled(
    dashscope: FakeDashScope, http: GuardedHttp, word: str, dropped: bool
) -> None:
    job = job_at(dashscope, CLIP, prompt=f"A boat [up:{word}]")
    taken = await submitted(job, http)
    assert isinstance(taken, Accepted)
    assert await DashScope().cancel(job, taken.ref, http) is dropped
    assert (taken.ref in dashscope.dropped) is dropped


async def test_file_the_service_cannot_fetch_is_uploaded_first(
    dashscope: FakeDashScope, http: GuardedHttp, tmp_path: Path
) -> None:
    path = tmp_path / "woman.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    await submitted(job_at(dashscope, FROM_PICTURE, {"first_frame_url": path}), http)
    ((place, content),) = dashscope.uploads.items()
    assert content == path.read_bytes()
    (submit,) = dashscope.submits
    assert submit.input["input"]["media"] == [{"type": "first_frame", "url": place}]


async def test_upload_with_a_wrong_key_is_refused(
    dashscope: FakeDashScope, http: GuardedHttp, tmp_path: Path
) -> None:
    path = tmp_path / "woman.png"
    path.write_bytes(b"not really")
    job = job_at(dashscope, FROM_PICTURE, {"first_frame_url": path}, key="wrong-key-5678")
    with pytest.raises(Refused) as refused:
        await DashScope().prepare(job, http)
    assert refused.value.kind is FailKind.AUTH
    assert "wrong-key-5678" not in refused.value.message


@pytest.mark.parametrize(
    "told",
    [
        b'{"data": {}}',
        b'{"data": {"upload_host": "https://store.invalid"}}',
        b"<html>",
    ],
)
async def test_upload_that_fails_can_be_tried_again(http: GuardedHttp, tmp_path: Path, told: bytes) -> None:
    path = tmp_path / "woman.png"
    path.write_bytes(b"not really")
    async with raw_server(says(answer(told))) as server:
        job = job_at(server.url("/api/v1"), FROM_PICTURE, {"first_frame_url": path})
        with pytest.raises(Refused) as refused:
            await DashScope().prepare(job, http)
    assert refused.value.kind is FailKind.TRANSIENT
