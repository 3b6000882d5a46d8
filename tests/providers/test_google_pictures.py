"""The Gemini API's pictures: what is sent for each model, and what its answers mean."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent, Unreadable
from souk.providers.base import Done, Job, Refused, Unknown
from souk.providers.google import Google
from souk.words import FailKind
from tests.providers.jobs import job_from, picture
from tests.upstreams.google_media import FakeGoogle
from tests.upstreams.raw import answer, raw_server, says
from tests.upstreams.results import result_file

PRO = "nano-banana-pro"
PROMPT = "A red tram climbs a steep street after rain, wet cobbles, evening light"


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    """A fake; whatever it had to complain of fails the test."""
    with FakeGoogle(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


async def sent(google: FakeGoogle, job: Job, http: GuardedHttp) -> tuple[str, dict[str, Any]]:
    """The model and the body that arrived."""
    await Google().submit(job, http)
    (submit,) = google.submits
    return submit.model, submit.input


def asked(prompt: str, *pictures: dict[str, Any], **wishes: Any) -> dict[str, Any]:
    """The body of a call for one picture."""
    return {
        "contents": [{"role": "user", "parts": [{"text": prompt}, *pictures]}],
        "generationConfig": {"responseModalities": ["IMAGE"], **wishes},
    }


async def refused(prompt: str, google: FakeGoogle, http: GuardedHttp, **changes: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await Google().submit(job_from(PRO, "google", google.url, prompt=prompt, **changes), http)
    return caught.value


@pytest.mark.parametrize(
    ("model", "upstream", "wishes"),
    [
        (PRO, "gemini-3-pro-image", {"imageConfig": {"aspectRatio": "1:1", "imageSize": "1K"}}),
        ("nano-banana-2", "gemini-3.1-flash-image", {"imageConfig": {"imageSize": "1K"}}),
        ("nano-banana-2-lite", "gemini-3.1-flash-lite-image", {}),
        ("google/nano-banana", "gemini-2.5-flash-image", {"imageConfig": {"aspectRatio": "1:1"}}),
    ],
)
async def test_example_is_sent_in_the_upstreams_words(
    google: FakeGoogle, http: GuardedHttp, model: str, upstream: str, wishes: dict[str, Any]
) -> None:
    assert await sent(google, job_from(model, "google", google.url), http) == (
        upstream,
        asked(PROMPT, **wishes),
    )


async def test_pictures_travel_inside_the_request_after_the_words(
    google: FakeGoogle, http: GuardedHttp, tmp_path: Path
) -> None:
    files = (picture(tmp_path, "image_urls"), picture(tmp_path, "image_urls", 1, reachable=True))
    job = job_from("google/nano-banana-edit", "google", google.url, files=files, prompt="Paint the wall")
    data = base64.b64encode(files[0].path.read_bytes()).decode()
    inline = {"inlineData": {"mimeType": "image/png", "data": data}}
    assert await sent(google, job, http) == (
        "gemini-2.5-flash-image",
        asked("Paint the wall", inline, inline, imageConfig={"aspectRatio": "1:1"}),
    )


async def test_newer_name_of_the_shape_wins(google: FakeGoogle, http: GuardedHttp) -> None:
    job = job_from("google/nano-banana", "google", google.url, aspect_ratio="16:9", image_size="4:3")
    _, body = await sent(google, job, http)
    assert body["generationConfig"]["imageConfig"] == {"aspectRatio": "16:9"}


async def test_wish_for_facts_from_the_web_is_a_tool(google: FakeGoogle, http: GuardedHttp) -> None:
    job = job_from("nano-banana-2", "google", google.url, google_search=True)
    assert (await sent(google, job, http))[1]["tools"] == [{"googleSearch": {}}]


@pytest.mark.parametrize("model", [PRO, "nano-banana-2", "nano-banana-2-lite", "google/nano-banana"])
async def test_every_shape_of_a_model_is_one_the_service_takes(
    google: FakeGoogle, http: GuardedHttp, model: str
) -> None:
    job = job_from(model, "google", google.url)
    for ratio in (*["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"], "auto"):
        await Google().submit(replace(job, input={**job.input, "aspect_ratio": ratio}), http)
    assert len(google.submits) == 11


async def test_picture_is_in_the_answer_and_drafts_are_left_out(
    google: FakeGoogle, http: GuardedHttp
) -> None:
    done = await Google().submit(job_from(PRO, "google", google.url, prompt="A boat [up:draft]"), http)
    assert isinstance(done, Done)
    assert done.result == {"resultUrls": [{"$file": 0}]}
    (file,) = done.files
    assert (file.media_type, file.data) == ("image/png", result_file("image", 1))


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("refuse=400", FailKind.BAD_INPUT),
        ("refuse=401", FailKind.AUTH),
        ("refuse=403", FailKind.AUTH),
        ("refuse=404", FailKind.RETIRED),
        ("refuse=413", FailKind.BAD_INPUT),
        ("429", FailKind.RATE_LIMIT),
        ("used-up", FailKind.QUOTA),
        ("unbilled", FailKind.QUOTA),
        ("blocked", FailKind.MODERATION),
        ("end=IMAGE_SAFETY", FailKind.MODERATION),
        ("end=PROHIBITED_CONTENT", FailKind.MODERATION),
        ("end=NO_IMAGE", FailKind.TRANSIENT),
        ("says", FailKind.BAD_INPUT),
    ],
)
async def test_reason_decides_the_kind(
    google: FakeGoogle, http: GuardedHttp, word: str, kind: FailKind
) -> None:
    assert (await refused(f"A boat [up:{word}]", google, http)).kind is kind


async def test_words_in_place_of_a_picture_are_told(google: FakeGoogle, http: GuardedHttp) -> None:
    assert "talk about boats" in (await refused("A boat [up:says]", google, http)).message


async def test_rate_limit_says_when_to_come_back(google: FakeGoogle, http: GuardedHttp) -> None:
    assert (await refused("A boat [up:429]", google, http)).retry_after == 37.0


async def test_wrong_key_is_refused_without_being_told(google: FakeGoogle, http: GuardedHttp) -> None:
    caught = await refused("A boat", google, http, key="wrong-key-5678")
    assert caught.kind is FailKind.AUTH
    assert "wrong-key-5678" not in f"{caught.message} {caught.upstream}"


async def test_key_that_a_refusal_repeats_is_not_told(google: FakeGoogle, http: GuardedHttp) -> None:
    caught = await refused("A boat [up:refuse=400] [up:quotes-key]", google, http)
    assert "Refused as the prompt asked" in caught.message
    assert google.key not in f"{caught.message} {caught.upstream}"


@pytest.mark.parametrize("lie", ["500-after-accept", "html", "no-id", "truncated", "drop-after-accept"])
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(
    google: FakeGoogle, http: GuardedHttp, lie: str
) -> None:
    job = job_from(PRO, "google", google.url, prompt=f"A boat [up:{lie}]")
    with pytest.raises((Unreadable, MaybeSent)):
        await Google().submit(job, http)
    assert google.count("A boat") == 1
    assert await Google().recover(job, http) == Unknown()


@pytest.mark.parametrize(
    "data",
    [
        answer(b"<html>", status="404 Not Found"),
        answer(b'{"error": {"code": 408, "message": "slow"}}', status="408 Request Timeout"),
        answer(b'{"error": {"code": 503, "status": "UNAVAILABLE"}}', status="503 Service Unavailable"),
        answer(b'{"candidates": [{"finishReason": "NOVEL"}]}'),
        answer(b'{"candidates": [{"content": {"parts": [{"inlineData": {"data": "?"}}]}}]}'),
        answer(b"[]"),
    ],
)
async def test_answer_of_another_kind_is_no_proof(http: GuardedHttp, data: bytes) -> None:
    async with raw_server(says(data)) as server:
        with pytest.raises(Unreadable):
            await Google().submit(job_from(PRO, "google", server.url("")), http)


async def test_error_in_a_list_is_read_as_well(http: GuardedHttp) -> None:
    told = b'[{"error": {"code": 429, "message": "Slower", "status": "RESOURCE_EXHAUSTED"}}]'
    async with raw_server(says(answer(told, status="429 Too Many Requests"))) as server:
        with pytest.raises(Refused, match="Slower"):
            await Google().submit(job_from(PRO, "google", server.url("")), http)


async def test_base_address_may_name_the_version(google: FakeGoogle, http: GuardedHttp) -> None:
    await Google().submit(job_from(PRO, "google", f"{google.url}/v1beta"), http)
    assert len(google.submits) == 1


async def test_imagen_makes_as_many_as_asked(google: FakeGoogle, http: GuardedHttp) -> None:
    job = job_from("google/imagen4-fast", "google", google.url, num_images="3")
    done = await Google().submit(job, http)
    assert isinstance(done, Done)
    assert len(done.files) == 3
    assert done.result == {"resultUrls": [{"$file": 0}, {"$file": 1}, {"$file": 2}]}
    assert google.submits[0].input == {
        "instances": [{"prompt": PROMPT}],
        "parameters": {"sampleCount": 3, "includeRaiReason": True, "aspectRatio": "16:9"},
    }


async def test_imagen_that_holds_everything_back_is_moderation(google: FakeGoogle, http: GuardedHttp) -> None:
    job = job_from("google/imagen4", "google", google.url, prompt="A boat [up:blocked]")
    with pytest.raises(Refused, match="Violence") as caught:
        await Google().submit(job, http)
    assert caught.value.kind is FailKind.MODERATION


@pytest.mark.parametrize("field", ["negative_prompt", "seed"])
async def test_what_imagen_no_longer_takes_goes_to_the_next_route(
    google: FakeGoogle, http: GuardedHttp, field: str
) -> None:
    base = job_from("google/imagen4", "google", google.url)
    job = replace(base, input={**base.input, field: "7"})
    with pytest.raises(Refused, match=field) as caught:
        await Google().submit(job, http)
    assert caught.value.kind is FailKind.UNSUPPORTED


async def test_named_successor_of_imagen_is_asked_as_a_nano_banana(
    google: FakeGoogle, http: GuardedHttp
) -> None:
    job = replace(
        job_from("google/imagen4", "google", google.url, seed=7), upstream_model="gemini-3.1-flash-image"
    )
    body = asked(PROMPT, imageConfig={"aspectRatio": "1:1"}, seed=7)
    assert await sent(google, job, http) == ("gemini-3.1-flash-image", body)
