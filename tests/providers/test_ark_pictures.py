"""Seedream on Ark: what is sent for each model, and what its answers mean."""

import base64
from pathlib import Path
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent, Unreadable
from souk.providers.ark import Ark
from souk.providers.ark.wire import INLINE_BYTES, model_id
from souk.providers.base import Connection, Done, Job, MediaFile, OutputFile, Refused, Unknown, Unreachable
from souk.words import FailKind
from tests.providers.jobs import CATALOG, job_from, picture
from tests.upstreams.ark import FakeArk
from tests.upstreams.raw import answer, raw_server, says

THIRD = "bytedance/seedream"
FOURTH = "bytedance/seedream-v4-text-to-image"
FOURTH_EDIT = "bytedance/seedream-v4-edit"
HALF = "seedream/4.5-text-to-image"
HALF_EDIT = "seedream/4.5-edit"
LITE = "seedream/5-lite-text-to-image"
LITE_EDIT = "seedream/5-lite-image-to-image"
PRO = "seedream/5-pro-text-to-image"
PRO_EDIT = "seedream/5-pro-image-to-image"
ALWAYS = {"response_format": "url", "watermark": False}
PROMPT = "A red tram climbs a steep street after rain, wet cobbles, evening light"


def job_at(ark: FakeArk, model: str = HALF, **given: Any) -> Job:
    return job_from(model, "ark", f"{ark.url}/api/v3", **given)


def properties_of(model: str) -> dict[str, Any]:
    """The properties of a model's input."""
    return CATALOG.models[model].schema["properties"]


async def sent(ark: FakeArk, job: Job, http: GuardedHttp) -> dict[str, Any]:
    """The body that arrived."""
    assert isinstance(await Ark().submit(job, http), Done)
    (submit,) = ark.submits
    return submit.input


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (THIRD, {"model": "seedream-3-0-t2i-250415", "size": "1024x1024", "guidance_scale": 2.5}),
        (FOURTH, {"model": "seedream-4-0-250828", "size": "1024x1024"}),
        (HALF, {"model": "seedream-4-5-251128", "size": "2048x2048"}),
        (LITE, {"model": "seedream-5-0-260128", "size": "2048x2048", "output_format": "png"}),
        (PRO, {"model": "dola-seedream-5-0-pro-260628", "size": "1024x1024", "output_format": "png"}),
    ],
)
async def test_words_become_a_picture(
    ark: FakeArk, http: GuardedHttp, model: str, body: dict[str, Any]
) -> None:
    assert await sent(ark, job_at(ark, model), http) == {"prompt": PROMPT, **body, **ALWAYS}


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (FOURTH_EDIT, {"model": "seedream-4-0-250828", "size": "1024x1024"}),
        (HALF_EDIT, {"model": "seedream-4-5-251128", "size": "2048x2048"}),
        (LITE_EDIT, {"model": "seedream-5-0-260128", "size": "2048x2048", "output_format": "png"}),
        (PRO_EDIT, {"model": "dola-seedream-5-0-pro-260628", "size": "1024x1024", "output_format": "png"}),
    ],
)
async def test_edit_is_the_same_call_with_a_picture(
    ark: FakeArk, http: GuardedHttp, tmp_path: Path, model: str, body: dict[str, Any]
) -> None:
    files = (picture(tmp_path, "image_urls", reachable=True),)
    job = job_at(ark, model, files=files, prompt="Snow")
    image = "https://files.example/image_urls-0.png"
    assert await sent(ark, job, http) == {"prompt": "Snow", "image": image, **body, **ALWAYS}


async def test_picture_that_cannot_be_fetched_travels_inside(
    ark: FakeArk, http: GuardedHttp, tmp_path: Path
) -> None:
    files = (picture(tmp_path, "image_urls"), picture(tmp_path, "image_urls", 1, reachable=True))
    body = await sent(ark, job_at(ark, HALF_EDIT, files=files), http)
    inside = base64.b64encode(files[0].path.read_bytes()).decode()
    assert body["image"] == [f"data:image/png;base64,{inside}", "https://files.example/image_urls-1.png"]


async def test_more_than_fits_into_a_request_is_not_sent(
    ark: FakeArk, http: GuardedHttp, tmp_path: Path
) -> None:
    file = MediaFile(
        "image_urls", 0, tmp_path / "huge.png", "image/png", INLINE_BYTES + 1, "", reachable=False
    )
    with pytest.raises(Refused, match="image_urls") as refused:
        await Ark().submit(job_at(ark, HALF_EDIT, files=(file,)), http)
    assert refused.value.kind is FailKind.UNSUPPORTED


@pytest.mark.parametrize("model", [FOURTH, HALF, LITE, PRO])
async def test_every_size_is_one_the_service_takes(ark: FakeArk, http: GuardedHttp, model: str) -> None:
    fields = {
        FOURTH: ("image_size", "image_resolution"),
        HALF: ("aspect_ratio", "quality"),
        LITE: ("aspect_ratio", "quality"),
        PRO: ("aspect_ratio", "quality"),
    }[model]
    properties = properties_of(model)
    for shape in properties[fields[0]]["enum"]:
        for grade in properties[fields[1]]["enum"]:
            job = job_at(ark, model, **{fields[0]: shape, fields[1]: grade})
            await Ark().submit(job, http)
            width, height = (int(side) for side in ark.submits[-1].input["size"].split("x"))
            assert width / height == pytest.approx(job.output["width"] / job.output["height"], rel=0.01)


async def test_several_pictures_are_one_group(ark: FakeArk, http: GuardedHttp) -> None:
    done = await Ark().submit(job_at(ark, FOURTH, max_images=3), http)
    assert isinstance(done, Done)
    (submit,) = ark.submits
    assert submit.input["sequential_image_generation"] == "auto"
    assert submit.input["sequential_image_generation_options"] == {"max_images": 3}
    assert done.files == [OutputFile(url=ark.file_url(submit, number)) for number in range(3)]
    assert done.result == {"resultUrls": [{"$file": 0}, {"$file": 1}, {"$file": 2}]}


async def test_pictures_given_and_made_are_at_most_fifteen(
    ark: FakeArk, http: GuardedHttp, tmp_path: Path
) -> None:
    files = tuple(picture(tmp_path, "image_urls", number) for number in range(10))
    with pytest.raises(Refused, match="max_images") as refused:
        await Ark().submit(job_at(ark, FOURTH_EDIT, files=files, max_images=6), http)
    assert refused.value.kind is FailKind.UNSUPPORTED


async def test_blocked_picture_leaves_the_others_of_its_group(ark: FakeArk, http: GuardedHttp) -> None:
    done = await Ark().submit(job_at(ark, FOURTH, max_images=3, prompt="A boat [up:one-blocked]"), http)
    assert isinstance(done, Done)
    assert len(done.files) == 2
    assert done.result == {"resultUrls": [{"$file": 0}, {"$file": 1}]}


async def test_error_in_place_of_pictures_is_a_refusal(http: GuardedHttp) -> None:
    told = answer(b'{"model": "x", "created": 1, "error": {"code": "QuotaExceeded", "message": "No more"}}')
    async with raw_server(says(told)) as server:
        with pytest.raises(Refused, match="No more") as refused:
            await Ark().submit(job_from(HALF, "ark", server.url("")), http)
    assert refused.value.kind is FailKind.QUOTA


async def test_group_that_was_blocked_whole_is_moderated(ark: FakeArk, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Ark().submit(job_at(ark, prompt="A boat [up:all-blocked]"), http)
    assert refused.value.kind is FailKind.MODERATION


async def test_seed_is_refused_where_the_model_has_none(ark: FakeArk, http: GuardedHttp) -> None:
    assert (await sent(ark, job_at(ark, THIRD, seed=7), http))["seed"] == 7
    with pytest.raises(Refused, match="seed") as refused:
        await Ark().submit(job_at(ark, FOURTH, seed=7), http)
    assert refused.value.kind is FailKind.UNSUPPORTED


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("refuse=400", FailKind.BAD_INPUT),
        ("refuse=404", FailKind.RETIRED),
        ("code=400:InputTextSensitiveContentDetected", FailKind.MODERATION),
        ("code=400:OutputImageSensitiveContentDetected", FailKind.MODERATION),
        ("code=400:MissingParameter", FailKind.BAD_INPUT),
        ("code=401:AuthenticationError", FailKind.AUTH),
        ("code=403:AccessDenied", FailKind.AUTH),
        ("code=403:AccountOverdueError", FailKind.QUOTA),
        ("code=403:Newly.Invented", FailKind.AUTH),
        ("code=404:ModelNotOpen", FailKind.UNSUPPORTED),
        ("code=404:InvalidEndpointOrModel.NotFound", FailKind.RETIRED),
        ("code=422:Newly.Invented", FailKind.BAD_INPUT),
        ("code=429:QuotaExceeded", FailKind.QUOTA),
        ("code=429:SetLimitExceeded", FailKind.QUOTA),
        ("code=429:ServerOverloaded", FailKind.RATE_LIMIT),
        ("code=429:ModelAccountIpmRateLimitExceeded", FailKind.RATE_LIMIT),
        ("code=429:Newly.Invented", FailKind.RATE_LIMIT),
    ],
)
async def test_code_of_a_refusal_decides_its_kind(
    ark: FakeArk, http: GuardedHttp, word: str, kind: FailKind
) -> None:
    with pytest.raises(Refused) as refused:
        await Ark().submit(job_at(ark, prompt=f"A boat [up:{word}]"), http)
    assert refused.value.kind is kind
    assert ark.submits == []


async def test_rate_limit_says_when_to_come_back(ark: FakeArk, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Ark().submit(job_at(ark, prompt="A boat [up:429]"), http)
    assert (refused.value.kind, refused.value.retry_after) == (FailKind.RATE_LIMIT, 1.0)


async def test_refusal_is_told_without_the_key(ark: FakeArk, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Ark().submit(job_at(ark, prompt="A boat [up:code=400:InvalidParameter] [up:quotes-key]"), http)
    assert "Your key" in refused.value.message
    assert ark.key not in refused.value.message + refused.value.upstream


async def test_wrong_key_is_refused(ark: FakeArk, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Ark().submit(job_at(ark, key="wrong-key-5678"), http)
    assert refused.value.kind is FailKind.AUTH
    assert "wrong-key-5678" not in refused.value.message


@pytest.mark.parametrize(
    "lie", ["500-after-accept", "html", "no-id", "no-file", "truncated", "drop-after-accept"]
)
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(
    ark: FakeArk, http: GuardedHttp, lie: str
) -> None:
    job = job_at(ark, prompt=f"A boat [up:{lie}]")
    with pytest.raises((Unreadable, MaybeSent)):
        await Ark().submit(job, http)
    assert ark.count("A boat") == 1
    assert await Ark().recover(job, http) == Unknown()


async def test_picture_is_never_polled_for(ark: FakeArk, http: GuardedHttp) -> None:
    with pytest.raises(Unreachable):
        await Ark().poll(job_at(ark), "1", http)
    assert not await Ark().cancel(job_at(ark), "1", http)


@pytest.mark.parametrize(
    ("international", "chinese"),
    [
        ("seedream-4-5-251128", "doubao-seedream-4-5-251128"),
        ("dola-seedream-5-0-pro-260628", "doubao-seedream-5-0-pro-260628"),
        ("dreamina-seedance-2-0-260128", "doubao-seedance-2-0-260128"),
        ("doubao-seedance-2-0-260128", "doubao-seedance-2-0-260128"),
        ("ep-20260101-abcde", "ep-20260101-abcde"),
    ],
)
def test_chinese_platform_has_its_own_names(international: str, chinese: str) -> None:
    china = Connection("ark", "ark", base_url="https://ark.cn-beijing.volces.com/api/v3")
    assert model_id(international, china) == chinese
    assert model_id(international, Connection("ark", "ark")) == international
