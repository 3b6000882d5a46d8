"""Qwen's, Wan's and Z-Image's pictures at DashScope: what each example becomes, and what cannot be asked."""

from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import Unreadable
from souk.providers.base import Accepted, Done, OutputFile, Refused
from souk.words import FailKind
from tests.providers.dashscope_jobs import job_at, polled, sent, submitted
from tests.upstreams.dashscope import FakeDashScope

TRAM = "A red tram climbs a steep street after rain, wet cobbles, evening light"
WALL = "Turn the wall behind her pale green and leave the rest as it is"
LINOCUT = "The same scene as a linocut in two colours"
WOMAN = "https://example.com/woman.png"
EDIT = "qwen/image-edit"
PRO = "wan/2-7-image-pro"
PLANNED = {"n": 1, "watermark": False, "thinking_mode": False}


@pytest.mark.parametrize(
    ("model", "upstream", "pictures", "words", "parameters"),
    [
        ("z-image", "z-image-turbo", [], TRAM, {"size": "1024*1024", "prompt_extend": False}),
        ("qwen/text-to-image", "qwen-image-plus", [], TRAM, {"size": "1328*1328", "watermark": False}),
        (EDIT, "qwen-image-edit-plus", [WOMAN], WALL, {"size": "1024*768", "n": 1, "watermark": False}),
        ("qwen2/text-to-image", "qwen-image-2.0", [], TRAM, {"size": "1360*768", "watermark": False}),
        ("qwen2/image-edit", "qwen-image-2.0", [WOMAN], WALL, {"size": "1360*768", "watermark": False}),
        *(
            (
                model,
                upstream,
                pictures,
                words,
                {"size": "1360*768", "prompt_extend": True, "watermark": False},
            )
            for model, upstream, pictures, words in (
                ("qwen3/text-to-image", "qwen-image-3.0", [], TRAM),
                ("qwen3/image-to-image", "qwen-image-3.0", [WOMAN], LINOCUT),
                ("qwen3/pro-text-to-image", "qwen-image-3.0-pro", [], TRAM),
                ("qwen3/pro-image-to-image", "qwen-image-3.0-pro", [WOMAN], LINOCUT),
            )
        ),
        ("wan/2-7-image", "wan2.7-image", [], TRAM, {"size": "2720*1520", **PLANNED}),
        (PRO, "wan2.7-image-pro", [], TRAM, {"size": "2736*1536", **PLANNED}),
    ],
)
async def test_example_becomes_the_upstreams_request(
    dashscope: FakeDashScope,
    http: GuardedHttp,
    model: str,
    upstream: str,
    pictures: list[str],
    words: str,
    parameters: dict[str, Any],
) -> None:
    content = [*({"image": place} for place in pictures), {"text": words}]
    assert await sent(dashscope, job_at(dashscope, model), http) == {
        "model": upstream,
        "input": {"messages": [{"role": "user", "content": content}]},
        "parameters": parameters,
    }


@pytest.mark.parametrize(
    "shape", ["square", "square_hd", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
)
@pytest.mark.parametrize("model", ["qwen/text-to-image", EDIT])
async def test_every_named_size_is_one_the_service_takes(
    dashscope: FakeDashScope, http: GuardedHttp, model: str, shape: str
) -> None:
    body = await sent(dashscope, job_at(dashscope, model, image_size=shape), http)
    width, height = map(int, body["parameters"]["size"].split("*"))
    way, *sides = shape.split("_")
    long, short = map(int, sides) if len(sides) == 2 and way != "square" else (1, 1)
    asked = short / long if way == "portrait" else long / short
    assert width / height == pytest.approx(asked, rel=0.02)


@pytest.mark.parametrize("ratio", ["1:1", "16:9", "4:3", "21:9", "3:4", "9:16", "8:1", "1:8"])
@pytest.mark.parametrize("grade", ["1K", "2K", "4K"])
async def test_every_size_of_wan_is_one_the_service_takes(
    dashscope: FakeDashScope, http: GuardedHttp, ratio: str, grade: str
) -> None:
    body = await sent(dashscope, job_at(dashscope, PRO, aspect_ratio=ratio, resolution=grade), http)
    width, height = map(int, body["parameters"]["size"].split("*"))
    across, down = map(int, ratio.split(":"))
    assert width / height == pytest.approx(across / down, rel=0.05)


async def test_wan_follows_the_pictures_it_edits(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    boxes = [[[0, 0, 100, 100]]]
    job = job_at(dashscope, "wan/2-7-image", input_urls=[WOMAN], bbox_list=boxes, n=3)
    assert (await sent(dashscope, job, http))["parameters"] == {
        "size": "2K",
        "n": 3,
        "watermark": False,
        "bbox_list": boxes,
    }


async def test_group_of_pictures_belongs_together(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    job = job_at(dashscope, PRO, enable_sequential=True, n=12)
    parameters = (await sent(dashscope, job, http))["parameters"]
    assert (parameters["enable_sequential"], parameters["n"]) == (True, 12)
    assert "thinking_mode" not in parameters


async def test_wan_plans_with_colours(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    colours = [{"hex": "#ff0000", "ratio": "50.00%"}, *[{"hex": "#00ff00", "ratio": "25.00%"}] * 2]
    job = job_at(dashscope, PRO, thinking_mode=True, color_palette=colours)
    parameters = (await sent(dashscope, job, http))["parameters"]
    assert (parameters["thinking_mode"], parameters["color_palette"]) == (True, colours)


@pytest.mark.parametrize(
    ("model", "given", "field"),
    [
        ("qwen/text-to-image", {"guidance_scale": 7}, "guidance_scale"),
        ("qwen/text-to-image", {"output_format": "jpeg"}, "output_format"),
        ("qwen/text-to-image", {"prompt": "a" * 801}, "prompt"),
        ("qwen/text-to-image", {"seed": 2**31}, "seed"),
        (EDIT, {"num_inference_steps": 30}, "num_inference_steps"),
        ("qwen2/image-edit", {"image_url": [WOMAN] * 4}, "image_url"),
        ("z-image", {"prompt": "a" * 801}, "prompt"),
        ("wan/2-7-image", {"resolution": "4K"}, "resolution"),
    ],
)
async def test_what_cannot_be_asked_is_left_to_the_next_route(
    dashscope: FakeDashScope, http: GuardedHttp, model: str, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        await submitted(job_at(dashscope, model, **given), http)
    assert refused.value.kind is FailKind.UNSUPPORTED
    assert refused.value.message.startswith(f"{field}: ")
    assert dashscope.submits == []


async def test_newest_qwen_reads_long_prompts(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    job = job_at(dashscope, "qwen3/text-to-image", prompt="a" * 5000, negative_prompt="b" * 5000)
    body = await sent(dashscope, job, http)
    assert body["parameters"]["negative_prompt"] == "b" * 5000


async def test_pictures_come_with_the_answer(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    done = await submitted(job_at(dashscope, EDIT, num_images="2"), http)
    assert isinstance(done, Done)
    (submit,) = dashscope.submits
    assert done.files == [OutputFile(url=dashscope.file_url(submit, number)) for number in range(2)]
    assert done.result == {"resultUrls": [{"$file": 0}, {"$file": 1}]}


async def test_answer_without_a_picture_proves_nothing(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    with pytest.raises(Unreadable):
        await submitted(job_at(dashscope, EDIT, prompt="Green [up:no-file]"), http)


async def test_wans_pictures_are_a_task(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    assert isinstance(await submitted(job_at(dashscope, PRO), http), Accepted)
    done = await polled(job_at(dashscope, PRO, n=4), http)
    assert isinstance(done, Done)
    assert len(done.files) == 4
    assert done.result == {"resultUrls": [{"$file": number} for number in range(4)]}
