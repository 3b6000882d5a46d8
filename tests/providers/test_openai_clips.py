"""Clips over OpenAI's videos API: what is sent, how they are polled for, and what opens the bytes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import Blocked, MaybeSent, Unreadable
from souk.net.policy import Policy
from souk.providers.base import Access, Done, Failed, Job, OutputFile, Refused, Running, Unreachable
from souk.providers.openai import OpenAI
from souk.words import FailKind, ModelId
from tests.providers.jobs import fetched, job_from
from tests.providers.openai_jobs import drawn, polled, stored, submitted, taken
from tests.upstreams.openai_media import FakeOpenAIMedia
from tests.upstreams.raw import answer, raw_server, says
from tests.upstreams.results import result_file
from tests.upstreams.service import KEY

TEXT, PICTURE = "sora-2-text-to-video", "sora-2-image-to-video"
PRO_TEXT, PRO_PICTURE = "sora-2-pro-text-to-video", "sora-2-pro-image-to-video"
BOAT = "A paper boat sails down a gutter in spring rain, the camera stays close to the water"
LAUGH = "She turns her head and laughs while leaves blow past"


@pytest.fixture
def clips() -> Iterator[FakeOpenAIMedia]:
    """A server that speaks the videos API and makes clips of our lengths, at once."""
    seconds = frozenset({"10", "15"})
    with FakeOpenAIMedia(queue_seconds=0, run_seconds=0, seconds=seconds) as server:
        yield server
        assert server.complaints == []


@pytest.fixture
def sora() -> Iterator[FakeOpenAIMedia]:
    """A server with the lengths that OpenAI's own had."""
    with FakeOpenAIMedia(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


def made_at(url: str, prompt: str = "a boat") -> Job:
    return job_from(TEXT, "openai", url, prompt=prompt)


def with_lengths(job: Job, lengths: str) -> Job:
    return replace(job, connection=replace(job.connection, options={"video_lengths": lengths}))


@pytest.mark.parametrize(
    ("model", "size", "upstream"), [(TEXT, "1280x720", "sora-2"), (PRO_TEXT, "1792x1024", "sora-2-pro")]
)
async def test_example_of_words_is_sent_as_a_form(
    clips: FakeOpenAIMedia, http: GuardedHttp, model: str, size: str, upstream: str
) -> None:
    await taken(job_from(model, "openai", clips.url, remove_watermark=True), http)
    assert [submit.input for submit in clips.submits] == [
        {"model": upstream, "prompt": BOAT, "seconds": "10", "size": size}
    ]


@pytest.mark.parametrize(
    ("model", "size", "upstream"), [(PICTURE, "720x1280", "sora-2"), (PRO_PICTURE, "1024x1792", "sora-2-pro")]
)
async def test_first_picture_is_cut_to_the_pixels_of_the_clip(
    clips: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path, model: str, size: str, upstream: str
) -> None:
    file = drawn(tmp_path, "image_urls", size=(300, 200), media_type="image/jpeg")
    job = job_from(model, "openai", clips.url, files=(file,), aspect_ratio="portrait", n_frames="15")
    if model == PRO_PICTURE:
        job = job_from(
            model, "openai", clips.url, files=(file,), aspect_ratio="portrait", n_frames="15", size="high"
        )
    await taken(job, http)
    pixels = [int(side) for side in size.split("x")]
    assert [submit.input for submit in clips.submits] == [
        {
            "model": upstream,
            "prompt": LAUGH,
            "seconds": "15",
            "size": size,
            "files": [["input_reference", "reference.png", "image/png", pixels]],
        }
    ]


async def test_picture_that_cannot_be_read_is_the_callers_fault(
    clips: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path
) -> None:
    file = stored(tmp_path, "image_urls", 0, b"\x89PNG no", "image/png")
    with pytest.raises(Refused, match="image_urls") as refused:
        await submitted(job_from(PICTURE, "openai", clips.url, files=(file,)), http)
    assert refused.value.kind is FailKind.BAD_INPUT


async def test_length_is_the_next_that_the_server_makes(sora: FakeOpenAIMedia, http: GuardedHttp) -> None:
    await taken(with_lengths(made_at(sora.url), "4,8,12"), http)
    assert sora.submits[0].input["seconds"] == "12"


async def test_length_beyond_the_servers_goes_to_the_next_route(
    sora: FakeOpenAIMedia, http: GuardedHttp
) -> None:
    job = with_lengths(job_from(TEXT, "openai", sora.url, n_frames="15"), "4, 8, 12")
    with pytest.raises(Refused, match="15 seconds") as refused:
        await submitted(job, http)
    assert refused.value.kind is FailKind.UNSUPPORTED


async def test_characters_go_to_the_next_route(clips: FakeOpenAIMedia, http: GuardedHttp) -> None:
    job = job_from(TEXT, "openai", clips.url, character_id_list=["c" * 32])
    with pytest.raises(Refused, match="character_id_list") as refused:
        await submitted(job, http)
    assert refused.value.kind is FailKind.UNSUPPORTED


async def test_second_file_goes_to_the_next_route(
    clips: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path
) -> None:
    files = (drawn(tmp_path, "image_urls"), drawn(tmp_path, "tail_image_url"))
    with pytest.raises(Refused, match="tail_image_url") as refused:
        await submitted(job_from(PICTURE, "openai", clips.url, files=files), http)
    assert refused.value.kind is FailKind.UNSUPPORTED


async def test_model_of_an_operator_is_sent_as_its_input_is(
    clips: FakeOpenAIMedia, http: GuardedHttp
) -> None:
    clips.clip_fields |= {"seed", "loop"}
    job = replace(made_at(clips.url), model=ModelId("acme/clip"))
    await taken(replace(job, input={"prompt": "a fox", "seed": 7, "loop": True}), http)
    assert [submit.input for submit in clips.submits] == [
        {
            "model": "sora-2",
            "prompt": "a fox",
            "seconds": "10",
            "size": "1280x720",
            "seed": "7",
            "loop": "true",
        }
    ]


async def test_length_that_the_model_chooses_is_not_asked_for(
    clips: FakeOpenAIMedia, http: GuardedHttp
) -> None:
    clips.seconds |= {"4"}
    job = made_at(clips.url)
    await taken(replace(job, output={"kind": "video"}), http)
    assert clips.submits[0].input == {"model": "sora-2", "prompt": "a boat"}


async def made(clips: FakeOpenAIMedia, http: GuardedHttp, prompt: str = "a boat") -> tuple[Job, OutputFile]:
    """A job that is done, and its clip."""
    job = made_at(clips.url, prompt)
    done = await polled(job, http)
    assert isinstance(done, Done)
    assert done.result == {"resultUrls": [{"$file": 0}]}
    (file,) = done.files
    return job, file


async def test_finished_clip_is_fetched_with_the_key(
    clips: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path
) -> None:
    job, file = await made(clips, http)
    assert file.media_type == "video/mp4"
    clip = result_file("video", int(clips.submits[0].task_id[:6], 16))
    assert await fetched(OpenAI(), job, file, tmp_path, http) == clip


async def test_key_is_for_the_connections_own_server(clips: FakeOpenAIMedia, http: GuardedHttp) -> None:
    job, file = await made(clips, http)
    assert await OpenAI().access(job, file.url, http) == Access({"Authorization": f"Bearer {KEY}"}, True)
    for foreign in ("https://files.example/clip.mp4", file.url.replace("http://", "https://")):
        assert await OpenAI().access(job, foreign, http) == Access()


async def test_clip_that_lies_elsewhere_is_fetched_without_the_key(
    clips: FakeOpenAIMedia, tmp_path: Path
) -> None:
    clip = answer(result_file("video", 1), "Content-Type: video/mp4")
    async with raw_server(says(clip)) as server, GuardedHttp.open(Policy.OPEN) as http:
        clips.elsewhere = server.url("/clip.mp4")
        job, file = await made(clips, http, "[up:file-elsewhere]")
        assert await fetched(OpenAI(), job, file, tmp_path, http) == result_file("video", 1)
    assert "authorization" not in server.heads[0].lower()


async def test_clip_is_not_fetched_from_where_the_network_policy_forbids(
    clips: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path
) -> None:
    clips.elsewhere = "http://169.254.169.254/latest/meta-data/"
    job, file = await made(clips, http, "[up:file-elsewhere]")
    with pytest.raises(Blocked):
        await fetched(OpenAI(), job, file, tmp_path, http)


async def test_clip_in_the_queue_is_queued(http: GuardedHttp) -> None:
    with FakeOpenAIMedia(queue_seconds=60, seconds=frozenset({"10"})) as server:
        job = made_at(server.url)
        ref = await taken(job, http)
        assert await OpenAI().poll(job, ref, http) == Running(queued=True)
        assert await OpenAI().poll(job, ref, http) == Running(progress=40)


async def test_unknown_state_is_still_running_and_is_logged(
    clips: FakeOpenAIMedia, http: GuardedHttp, caplog: pytest.LogCaptureFixture
) -> None:
    assert await polled(made_at(clips.url, "[up:unknown-state]"), http) == Running()
    assert [record.__dict__["state"] for record in caplog.records] == ["reticulating"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("moderation_blocked", FailKind.MODERATION),
        ("sexual_content", FailKind.MODERATION),
        ("invalid_image", FailKind.BAD_INPUT),
        ("insufficient_quota", FailKind.QUOTA),
        ("server_error", FailKind.TRANSIENT),
        ("video_generation_failed", FailKind.TRANSIENT),
    ],
)
async def test_code_of_a_failed_clip_decides_its_kind(
    clips: FakeOpenAIMedia, http: GuardedHttp, code: str, kind: FailKind
) -> None:
    failed = await polled(made_at(clips.url, f"[up:fail={code}] [up:quotes-key]"), http)
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.upstream.startswith(code)) == (kind, True)
    assert KEY not in failed.message + failed.upstream


@pytest.mark.parametrize("what", ["401", "404", "429", "500", "503", "html", "truncated", "null", "other"])
async def test_nothing_but_a_verdict_ends_a_clip(
    clips: FakeOpenAIMedia, http: GuardedHttp, what: str
) -> None:
    job = made_at(clips.url, f"[up:{what}-while-polling]")
    ref = await taken(job, http)
    with pytest.raises(Unreachable):
        await OpenAI().poll(job, ref, http)
    assert isinstance(await OpenAI().poll(job, ref, http), Done)


async def test_dropped_poll_is_no_verdict(clips: FakeOpenAIMedia, http: GuardedHttp) -> None:
    with pytest.raises(Unreachable):
        await polled(made_at(clips.url, "[up:drop-while-polling=9]"), http)


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
async def test_clip_that_was_accepted_without_a_receipt_is_unclear_and_not_repeated(
    clips: FakeOpenAIMedia, http: GuardedHttp, lie: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await submitted(made_at(clips.url, lie), http)
    assert clips.count(lie) == 1


async def test_id_of_a_clip_is_never_a_path(http: GuardedHttp) -> None:
    async with raw_server(says(answer(b"{}"))) as server:
        with pytest.raises(Unreachable):
            await OpenAI().poll(made_at(server.url("/v1")), "../files?x=1", http)
    assert server.heads[0].startswith("GET /v1/videos/..%2Ffiles%3Fx%3D1 ")


async def test_server_without_a_key_is_asked_without_one(http: GuardedHttp) -> None:
    async with raw_server(says(answer(b'{"id": "v_1"}'))) as server:
        await taken(job_from(TEXT, "openai", server.url("/v1"), key=""), http)
    assert "authorization" not in server.heads[0].lower()
