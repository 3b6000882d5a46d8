"""Grok pictures at xAI: what is sent for each model, and what its answers mean."""

import base64
from pathlib import Path
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent, Unreadable
from souk.providers.base import Done, Job, MediaFile, OutputFile, Refused, Unknown, Unreachable
from souk.providers.xai import Xai
from souk.providers.xai.wire import INLINE_BYTES
from souk.words import FailKind
from tests.providers.jobs import job_from, picture
from tests.upstreams.xai import FakeXai

WORDS = "grok-imagine/text-to-image"
EDIT = "grok-imagine/image-to-image"
SECOND = "grok-imagine-image-2-0/text-to-image"
PROMPT = "A red tram climbs a steep street after rain, wet cobbles, evening light"
ALWAYS = {"resolution": "1k", "response_format": "url"}


def job_at(xai: FakeXai, model: str = WORDS, **given: Any) -> Job:
    return job_from(model, "xai", f"{xai.url}/v1", **given)


async def sent(xai: FakeXai, job: Job, http: GuardedHttp) -> dict[str, Any]:
    """The body that arrived."""
    assert isinstance(await Xai().submit(job, http), Done)
    (submit,) = xai.submits
    return submit.input


@pytest.mark.parametrize(
    ("model", "given", "body"),
    [
        (WORDS, {}, {"model": "grok-imagine-image", "n": 6}),
        (WORDS, {"enable_pro": True}, {"model": "grok-imagine-image-quality", "n": 4}),
        (SECOND, {}, {"model": "grok-imagine-image-2.0", "n": 1}),
    ],
)
async def test_words_become_pictures(
    xai: FakeXai, http: GuardedHttp, model: str, given: dict[str, Any], body: dict[str, Any]
) -> None:
    expected = {"prompt": PROMPT, "aspect_ratio": "1:1", **body, **ALWAYS}
    assert await sent(xai, job_at(xai, model, **given), http) == expected


async def test_one_picture_is_edited_by_itself(xai: FakeXai, http: GuardedHttp, tmp_path: Path) -> None:
    files = (picture(tmp_path, "image_urls", reachable=True),)
    assert await sent(xai, job_at(xai, EDIT, files=files, prompt="Snow"), http) == {
        "model": "grok-imagine-image",
        "prompt": "Snow",
        "n": 2,
        "image": {"url": "https://files.example/image_urls-0.png", "type": "image_url"},
        **ALWAYS,
    }


async def test_several_pictures_are_a_list(xai: FakeXai, http: GuardedHttp, tmp_path: Path) -> None:
    files = (picture(tmp_path, "image_urls"), picture(tmp_path, "image_urls", 1, reachable=True))
    body = await sent(xai, job_at(xai, EDIT, files=files), http)
    inside = base64.b64encode(files[0].path.read_bytes()).decode()
    assert body["images"] == [
        {"url": f"data:image/png;base64,{inside}", "type": "image_url"},
        {"url": "https://files.example/image_urls-1.png", "type": "image_url"},
    ]
    assert "image" not in body


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": "x" * 8001}, "prompt"),
        ({"image_urls": [f"https://files.example/{number}.png" for number in range(4)]}, "image_urls"),
    ],
)
async def test_what_the_api_cannot_do_is_for_another_route(
    xai: FakeXai, http: GuardedHttp, tmp_path: Path, given: dict[str, Any], field: str
) -> None:
    files = tuple(
        picture(tmp_path, "image_urls", number) for number in range(len(given.get("image_urls", [0])))
    )
    with pytest.raises(Refused, match=field) as refused:
        await Xai().submit(job_at(xai, EDIT, files=files, **given), http)
    assert refused.value.kind is FailKind.UNSUPPORTED
    assert xai.submits == []


async def test_more_than_fits_into_a_request_is_not_sent(
    xai: FakeXai, http: GuardedHttp, tmp_path: Path
) -> None:
    file = MediaFile(
        "image_urls", 0, tmp_path / "huge.png", "image/png", INLINE_BYTES + 1, "", reachable=False
    )
    with pytest.raises(Refused, match="image_urls") as refused:
        await Xai().submit(job_at(xai, EDIT, files=(file,)), http)
    assert refused.value.kind is FailKind.UNSUPPORTED


async def test_pictures_have_the_models_documented_result(xai: FakeXai, http: GuardedHttp) -> None:
    done = await Xai().submit(job_at(xai), http)
    assert isinstance(done, Done)
    assert done.files == [OutputFile(url=xai.file_url(xai.submits[0], number)) for number in range(6)]
    assert done.result == {"resultUrls": [{"$file": number} for number in range(6)]}


async def test_picture_held_back_leaves_the_others(xai: FakeXai, http: GuardedHttp) -> None:
    done = await Xai().submit(job_at(xai, prompt="A boat [up:one-blocked]"), http)
    assert isinstance(done, Done)
    assert len(done.files) == 5


async def test_pictures_all_held_back_are_moderated(xai: FakeXai, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Xai().submit(job_at(xai, prompt="A boat [up:moderated]"), http)
    assert refused.value.kind is FailKind.MODERATION


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("refuse=400", FailKind.BAD_INPUT),
        ("refuse=401", FailKind.AUTH),
        ("refuse=402", FailKind.QUOTA),
        ("refuse=403", FailKind.AUTH),
        ("refuse=404", FailKind.RETIRED),
        ("refuse=413", FailKind.UNSUPPORTED),
        ("shape=plain", FailKind.BAD_INPUT),
        ("shape=nested", FailKind.BAD_INPUT),
        ("shape=credits", FailKind.QUOTA),
        ("shape=key", FailKind.AUTH),
        ("says=Rejected by content moderation", FailKind.MODERATION),
        ("says=The words with credits do not fit", FailKind.BAD_INPUT),
        ("says=The words Incorrect API key do not fit", FailKind.BAD_INPUT),
        ("says=Unable to download provided image_url", FailKind.INPUT_UNREACHABLE),
    ],
)
async def test_refusal_is_told_by_its_status_or_its_words(
    xai: FakeXai, http: GuardedHttp, word: str, kind: FailKind
) -> None:
    with pytest.raises(Refused) as refused:
        await Xai().submit(job_at(xai, prompt=f"A boat [up:{word}]"), http)
    assert refused.value.kind is kind
    assert xai.submits == []


@pytest.mark.parametrize(("shape", "words"), [("plain", "missing field `url`"), ("nested", "Nested")])
async def test_every_form_of_error_is_quoted(xai: FakeXai, http: GuardedHttp, shape: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        await Xai().submit(job_at(xai, prompt=f"A boat [up:shape={shape}]"), http)
    assert words in refused.value.message


async def test_rate_limit_says_when_to_come_back(xai: FakeXai, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Xai().submit(job_at(xai, prompt="A boat [up:429]"), http)
    assert (refused.value.kind, refused.value.retry_after) == (FailKind.RATE_LIMIT, 1.0)


async def test_refusal_is_told_without_the_key(xai: FakeXai, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Xai().submit(job_at(xai, prompt="A boat [up:says=Bad] [up:quotes-key]"), http)
    assert "Your key" in refused.value.message
    assert xai.key not in refused.value.message + refused.value.upstream


async def test_wrong_key_is_refused(xai: FakeXai, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Xai().submit(job_at(xai, key="wrong-key-5678"), http)
    assert refused.value.kind is FailKind.AUTH


@pytest.mark.parametrize(
    "lie", ["500-after-accept", "html", "no-id", "no-file", "truncated", "drop-after-accept"]
)
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(
    xai: FakeXai, http: GuardedHttp, lie: str
) -> None:
    job = job_at(xai, prompt=f"A boat [up:{lie}]")
    with pytest.raises((Unreadable, MaybeSent)):
        await Xai().submit(job, http)
    assert xai.count("A boat") == 1
    assert await Xai().recover(job, http) == Unknown()


async def test_picture_is_never_polled_for(xai: FakeXai, http: GuardedHttp) -> None:
    with pytest.raises(Unreachable):
        await Xai().poll(job_at(xai), "1", http)
