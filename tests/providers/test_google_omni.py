"""Gemini Omni video: how a clip is asked for, what its record says, and where the key goes."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import BadStatus, MaybeSent, Unreadable
from souk.net.policy import Policy
from souk.providers.base import (
    Accepted,
    Access,
    Done,
    Failed,
    Job,
    OutputFile,
    Refused,
    Running,
    Unknown,
    Unreachable,
)
from souk.providers.google import Google
from souk.providers.google.omni import plain
from souk.words import FailKind
from tests.providers.jobs import fetched, job_from, picture
from tests.upstreams.google_omni import FakeOmni, clip_of

OMNI = "gemini-omni-video"
WISH = {"type": "video", "delivery": "uri", "aspect_ratio": "16:9", "duration": "8s", "resolution": "720p"}


@pytest.fixture
def omni() -> Iterator[FakeOmni]:
    """A fake that finishes at once; whatever it had to complain of fails the test."""
    with FakeOmni(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


def clip_job(omni: FakeOmni, prompt: str = "A boat", **changes: Any) -> Job:
    return job_from(OMNI, "google", omni.url, prompt=prompt, **changes)


async def polled(job: Job, http: GuardedHttp, times: int = 1) -> Running | Done | Failed:
    """The last of so many polls of a new task."""
    accepted = await Google().submit(job, http)
    assert isinstance(accepted, Accepted)
    for _ in range(times - 1):
        await Google().poll(job, accepted.ref, http)
    return await Google().poll(job, accepted.ref, http)


async def failure(job: Job, http: GuardedHttp) -> Failed:
    verdict = await polled(job, http)
    assert isinstance(verdict, Failed)
    return verdict


async def test_words_alone_are_the_input(omni: FakeOmni, http: GuardedHttp) -> None:
    await Google().submit(clip_job(omni, seed=7), http)
    assert omni.submits[0].input == {
        "model": "gemini-omni-1.1-flash",
        "input": "A boat",
        "background": True,
        "generation_config": {"video_config": {"task": "text_to_video"}, "seed": 7},
        "response_format": WISH,
    }


async def test_pictures_are_references_by_their_place(
    omni: FakeOmni, http: GuardedHttp, tmp_path: Path
) -> None:
    files = (picture(tmp_path, "image_urls"), picture(tmp_path, "image_urls", 1, reachable=True))
    await Google().submit(clip_job(omni, files=files, resolution="4k", aspect_ratio="9:16"), http)
    data = base64.b64encode(files[0].path.read_bytes()).decode()
    image = {"type": "image", "mime_type": "image/png", "data": data}
    head = "[# References <IMAGE_REF_0>@Image1 <IMAGE_REF_1>@Image2]"
    assert omni.submits[0].input == {
        "model": "gemini-omni-1.1-flash",
        "input": [
            {"type": "user_input", "content": [{"type": "text", "text": f"{head}\nA boat"}, image, image]}
        ],
        "background": True,
        "generation_config": {"video_config": {"task": "reference_to_video"}},
        "response_format": WISH | {"aspect_ratio": "9:16", "resolution": "4k"},
    }


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("<IMAGE_REF_1> waves", "<IMAGE_REF_1> waves"),
        ("<IMAGE_REF_2> waves", "image ref 2 waves"),
        ("<FIRST_FRAME> fades", "first frame fades"),
        ("[# Sources <VIDEO_0>@Video1] night", "[Sources video 0@Video1] night"),
        ("a < b > c [#1]", "a < b > c [#1]"),
    ],
)
def test_words_of_a_caller_give_no_file_a_role_it_has_not(prompt: str, told: str) -> None:
    assert plain(prompt, 2) == told


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("audio_ids", ["a" * 32]),
        ("character_ids", ["a" * 32]),
        ("video_list", [{"url": "https://files.example/a.mp4", "start": 0, "ends": 5}]),
    ],
)
async def test_what_the_service_has_not_goes_to_the_next_route(
    omni: FakeOmni, http: GuardedHttp, field: str, value: Any
) -> None:
    job = clip_job(omni)
    job.input[field] = value
    with pytest.raises(Refused, match=field) as caught:
        await Google().submit(job, http)
    assert caught.value.kind is FailKind.UNSUPPORTED
    assert omni.submits == []


async def made(omni: FakeOmni, http: GuardedHttp, prompt: str) -> tuple[Job, OutputFile]:
    """A job that is done, and its clip."""
    job = clip_job(omni, prompt)
    done = await polled(job, http)
    assert isinstance(done, Done)
    assert done.result == {"resultUrls": [{"$file": 0}]}
    (file,) = done.files
    return job, file


@pytest.mark.parametrize("prompt", ["A boat", "A boat [up:processing=0]"])
async def test_clip_is_fetched_with_the_key(
    omni: FakeOmni, http: GuardedHttp, tmp_path: Path, prompt: str
) -> None:
    job, file = await made(omni, http, prompt)
    assert await fetched(Google(), job, file, tmp_path, http) == clip_of(omni.submits[0])


async def test_small_clip_may_come_in_the_record(omni: FakeOmni, http: GuardedHttp) -> None:
    _, file = await made(omni, http, "A boat [up:inline]")
    assert (file.data, file.keyed) == (clip_of(omni.submits[0]), False)


async def test_key_is_for_the_configured_server(omni: FakeOmni, http: GuardedHttp) -> None:
    job, file = await made(omni, http, "A boat")
    assert (await Google().access(job, file.url, http)).headers == {"x-goog-api-key": omni.key}
    assert await Google().access(job, "https://files.example/v1beta/files/x", http) == Access()


async def test_clip_whose_file_is_not_ready_still_runs(omni: FakeOmni, http: GuardedHttp) -> None:
    job = clip_job(omni, "A boat [up:processing=2]")
    assert await polled(job, http, times=2) == Running()
    assert isinstance(await Google().poll(job, omni.submits[0].task_id, http), Done)


async def test_key_does_not_follow_a_download_to_another_host(omni: FakeOmni, tmp_path: Path) -> None:
    with FakeOmni(queue_seconds=0, run_seconds=0, key="another") as other:
        omni.elsewhere = f"{other.url}/v1beta/files/x"
        async with GuardedHttp.open(Policy.OPEN) as http:
            job, file = await made(omni, http, "A boat [up:moved]")
            with pytest.raises(BadStatus, match="400"):  # the other host saw no key at all
                await fetched(Google(), job, file, tmp_path, http)
        assert other.keys == [None]


@pytest.mark.parametrize("word", ["never", "unknown-state=9"])
async def test_clip_without_a_verdict_still_runs(omni: FakeOmni, http: GuardedHttp, word: str) -> None:
    assert await polled(clip_job(omni, f"A boat [up:{word}]"), http) == Running()


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("fail", FailKind.TRANSIENT),
        ("moderated", FailKind.MODERATION),
        ("ended=incomplete", FailKind.TRANSIENT),
        ("ended=cancelled", FailKind.TRANSIENT),
        ("ended=requires_action", FailKind.TRANSIENT),
        ("ended=budget_exceeded", FailKind.QUOTA),
        ("no-file", FailKind.TRANSIENT),
        ("file-failed", FailKind.TRANSIENT),
    ],
)
async def test_end_without_a_clip_is_a_failure(
    omni: FakeOmni, http: GuardedHttp, word: str, kind: FailKind
) -> None:
    assert (await failure(clip_job(omni, f"A boat [up:{word}]"), http)).kind is kind


async def test_failure_is_told_without_the_key(omni: FakeOmni, http: GuardedHttp) -> None:
    failed = await failure(clip_job(omni, "A boat [up:fail] [up:quotes-key]"), http)
    assert "Broken" in failed.message
    assert omni.key not in f"{failed.message} {failed.upstream}"


@pytest.mark.parametrize("what", ["401", "404", "429", "500", "503", "html", "drop", "truncated", "null"])
async def test_poll_without_a_verdict_ends_nothing(omni: FakeOmni, http: GuardedHttp, what: str) -> None:
    with pytest.raises(Unreachable):
        await polled(clip_job(omni, f"A boat [up:{what}-while-polling=9]"), http)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("refuse=400", FailKind.BAD_INPUT),
        ("refuse=403", FailKind.AUTH),
        ("refuse=404", FailKind.RETIRED),
        ("429", FailKind.RATE_LIMIT),
    ],
)
async def test_refusal_status_decides_its_kind(
    omni: FakeOmni, http: GuardedHttp, word: str, kind: FailKind
) -> None:
    with pytest.raises(Refused) as caught:
        await Google().submit(clip_job(omni, f"A boat [up:{word}]"), http)
    assert caught.value.kind is kind
    assert omni.submits == []


@pytest.mark.parametrize("lie", ["500-after-accept", "html", "no-id", "truncated", "drop-after-accept"])
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(
    omni: FakeOmni, http: GuardedHttp, lie: str
) -> None:
    job = clip_job(omni, f"A boat [up:{lie}]")
    with pytest.raises((Unreadable, MaybeSent)):
        await Google().submit(job, http)
    assert omni.count("A boat") == 1
    assert await Google().recover(job, http) == Unknown()


async def test_cancel_counts_when_the_service_confirms_it(omni: FakeOmni, http: GuardedHttp) -> None:
    running, ended = clip_job(omni, "A boat [up:never]"), clip_job(omni, "A tram")
    for job, stopped in ((running, True), (ended, False)):
        accepted = await Google().submit(job, http)
        assert isinstance(accepted, Accepted)
        assert await Google().cancel(job, accepted.ref, http) is stopped
