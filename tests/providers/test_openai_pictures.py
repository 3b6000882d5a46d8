"""Pictures at OpenAI: what is sent for each model, and what comes back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from souk.net.client import GuardedHttp
from souk.net.http import Unreadable
from souk.providers.base import Done, Job, OutputFile, Refused, Unknown, Unreachable
from souk.providers.openai import OpenAI
from souk.providers.openai.pictures import size_of
from souk.words import FailKind
from tests.providers.jobs import CATALOG, job_from
from tests.providers.openai_jobs import drawn, stored, submitted
from tests.upstreams.openai_media import FakeOpenAIMedia, free_size
from tests.upstreams.raw import answer, raw_server, says

TEXT, EDIT = "gpt-image/1.5-text-to-image", "gpt-image/1.5-image-to-image"
TEXT_2, EDIT_2 = "gpt-image-2-text-to-image", "gpt-image-2-image-to-image"
FOUR_O = "gpt4o-image"
TRAM = "A red tram climbs a steep street after rain, wet cobbles, evening light"
LINOCUT = "The same scene as a linocut in two colours"
PHOTO = "https://files.example/photo.png"
SUCCESSOR = "gpt-image-2.5-sunburst"


@pytest.fixture
def openai() -> Iterator[FakeOpenAIMedia]:
    """A fake that finishes at once; whatever it had to complain of fails the test."""
    with FakeOpenAIMedia(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


def substituted(job: Job) -> Job:
    """With the successor that an operator named for the retired model."""
    return replace(job, upstream_model=SUCCESSOR)


async def test_example_of_gpt_image_is_asked_for_as_json(openai: FakeOpenAIMedia, http: GuardedHttp) -> None:
    await submitted(job_from(TEXT, "openai", openai.url), http)
    assert [submit.input for submit in openai.submits] == [
        {
            "model": "gpt-image-1.5",
            "prompt": TRAM,
            "size": "1024x1024",
            "quality": "medium",
            "output_format": "png",
        }
    ]


async def test_example_of_gpt_image_edit_is_a_form_with_its_picture(
    openai: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path
) -> None:
    file = drawn(tmp_path, "input_urls", media_type="image/jpeg")
    await submitted(job_from(EDIT, "openai", openai.url, files=(file,)), http)
    assert [submit.input for submit in openai.submits] == [
        {
            "model": "gpt-image-1.5",
            "prompt": LINOCUT,
            "size": "1536x1024",
            "quality": "medium",
            "output_format": "png",
            "files": [["image", "image-0.jpg", "image/jpeg", [48, 32]]],
        }
    ]


async def test_several_pictures_are_sent_in_their_order(
    openai: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path
) -> None:
    types = ["image/png", "image/jpeg", "image/webp"]
    files = tuple(drawn(tmp_path, "input_urls", n, media_type=kind) for n, kind in enumerate(types))
    await submitted(job_from(EDIT, "openai", openai.url, files=files), http)
    assert [file[:3] for file in openai.submits[0].input["files"]] == [
        ["image[]", "image-0.png", "image/png"],
        ["image[]", "image-1.jpg", "image/jpeg"],
        ["image[]", "image-2.webp", "image/webp"],
    ]


async def test_example_of_gpt_image_2_asks_for_pixels(openai: FakeOpenAIMedia, http: GuardedHttp) -> None:
    await submitted(job_from(TEXT_2, "openai", openai.url, nsfw_checker=True), http)
    assert [submit.input for submit in openai.submits] == [
        {"model": "gpt-image-2", "prompt": TRAM, "size": "2560x1440", "output_format": "png"}
    ]


async def test_example_of_gpt_image_2_edit_is_a_form(
    openai: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path
) -> None:
    file = drawn(tmp_path, "input_urls")
    await submitted(job_from(EDIT_2, "openai", openai.url, files=(file,)), http)
    assert [submit.input for submit in openai.submits] == [
        {
            "model": "gpt-image-2",
            "prompt": LINOCUT,
            "size": "1248x832",
            "output_format": "png",
            "files": [["image", "image-0.png", "image/png", [48, 32]]],
        }
    ]


async def test_shape_that_is_left_open_stays_the_models_to_choose(
    openai: FakeOpenAIMedia, http: GuardedHttp
) -> None:
    await submitted(job_from(TEXT_2, "openai", openai.url, aspect_ratio="auto", resolution="1K"), http)
    assert openai.submits[0].input["size"] == "auto"


@pytest.mark.parametrize("tier", ["1K", "2K", "4K"])
def test_every_size_of_gpt_image_2_is_one_that_it_makes(tier: str) -> None:
    ratios = CATALOG.models[TEXT_2].schema["properties"]["aspect_ratio"]["enum"]
    sizes = {ratio: size_of(ratio, tier) for ratio in ratios if ratio != "auto"}
    assert [size for size in sizes.values() if not free_size(size)] == []
    for ratio, size in sizes.items():
        (across, down), (width, height) = (
            map(int, text.split(mark)) for text, mark in ((ratio, ":"), (size, "x"))
        )
        assert width * down == height * across


@pytest.mark.parametrize(("tier", "size"), [("1K", "1280x720"), ("2K", "2560x1440"), ("4K", "3840x2160")])
def test_wide_sizes_of_gpt_image_2_are_those_of_screens(tier: str, size: str) -> None:
    assert size_of("16:9", tier) == size


async def test_four_o_of_words_runs_on_the_successor_an_operator_named(
    openai: FakeOpenAIMedia, http: GuardedHttp
) -> None:
    done = await submitted(substituted(job_from(FOUR_O, "openai", openai.url, nVariants=2)), http)
    assert [submit.input for submit in openai.submits] == [
        {
            "model": SUCCESSOR,
            "prompt": "Tea cup on an oak table",
            "size": "1024x1024",
            "n": 2,
            "output_format": "png",
        }
    ]
    assert isinstance(done, Done)
    assert done.result == {"resultUrls": [{"$file": 0}, {"$file": 1}]}


async def test_retired_model_is_refused_as_retired(openai: FakeOpenAIMedia, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await submitted(job_from(FOUR_O, "openai", openai.url), http)
    assert refused.value.kind is FailKind.RETIRED
    assert refused.value.upstream.startswith("404 model_not_found")


@pytest.mark.parametrize("field", ["filesUrl", "fileUrl"])
async def test_four_o_works_from_either_field_of_pictures(
    openai: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path, field: str
) -> None:
    file = drawn(tmp_path, field)
    await submitted(substituted(job_from(FOUR_O, "openai", openai.url, files=(file,))), http)
    assert openai.submits[0].input["files"] == [["image", "image-0.png", "image/png", [48, 32]]]
    assert openai.submits[0].input["n"] == "1"


async def test_mask_in_black_and_white_becomes_transparent_where_it_is_black(
    openai: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path
) -> None:
    picture = drawn(tmp_path, "filesUrl")
    mask = drawn(tmp_path, "maskUrl", size=(12, 8), colour=(255, 255, 255))
    with Image.open(mask.path) as opened:
        opened.paste((0, 0, 0), (0, 0, 6, 8))
        opened.save(mask.path)
    job = substituted(job_from(FOUR_O, "openai", openai.url, files=(picture, mask)))
    job = await OpenAI().prepare(job, http)
    with Image.open(job.prepared["mask"]) as made:
        assert (made.mode, made.size) == ("RGBA", (48, 32))
        alpha = made.getchannel("A")
        assert [alpha.getpixel(spot) for spot in ((0, 0), (23, 31), (24, 0), (47, 31))] == [0, 0, 255, 255]
    await OpenAI().submit(job, http)
    assert openai.submits[0].input["files"][1] == ["mask", "mask.png", "image/png", [48, 32]]


async def test_mask_counts_with_one_picture_only(
    openai: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path
) -> None:
    files = (drawn(tmp_path, "filesUrl"), drawn(tmp_path, "filesUrl", 1), drawn(tmp_path, "maskUrl"))
    await submitted(substituted(job_from(FOUR_O, "openai", openai.url, files=files)), http)
    assert [file[0] for file in openai.submits[0].input["files"]] == ["image[]", "image[]"]


async def test_mask_that_is_no_picture_is_the_callers_fault(
    openai: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path
) -> None:
    files = (drawn(tmp_path, "filesUrl"), stored(tmp_path, "maskUrl", 0, b"\x89PNG no", "image/png"))
    with pytest.raises(Refused, match="maskUrl") as refused:
        await submitted(substituted(job_from(FOUR_O, "openai", openai.url, files=files)), http)
    assert refused.value.kind is FailKind.BAD_INPUT


async def test_picture_without_words_goes_to_the_next_route(
    openai: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path
) -> None:
    job = job_from(
        FOUR_O, "openai", openai.url, files=(drawn(tmp_path, "filesUrl"),), prompt=None, filesUrl=[PHOTO]
    )
    with pytest.raises(Refused, match="prompt") as refused:
        await submitted(job, http)
    assert refused.value.kind is FailKind.UNSUPPORTED


async def test_model_of_an_operator_is_sent_as_its_input_is(
    openai: FakeOpenAIMedia, http: GuardedHttp, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"prompt": "a fox", "n": 2, "background": "opaque", "photo": "u", "mask": "v"}
    files = (drawn(tmp_path, "photo"), stored_mask(tmp_path))
    job = job_from(TEXT, "openai", openai.url, files=files)
    job = replace(job, model=CATALOG.models["z-image"].id, upstream_model="gpt-image-2", input=given)
    await submitted(job, http)
    assert [submit.input for submit in openai.submits] == [
        {
            "model": "gpt-image-2",
            "prompt": "a fox",
            "n": "2",
            "background": "opaque",
            "size": "1024x1024",
            "files": [
                ["image", "image-0.png", "image/png", [48, 32]],
                ["mask", "mask.png", "image/png", [48, 32]],
            ],
        }
    ]


def stored_mask(folder: Path) -> Any:
    file = drawn(folder, "mask")
    Image.new("RGBA", (48, 32)).save(file.path)
    return file


async def test_pictures_come_back_as_bytes(openai: FakeOpenAIMedia, http: GuardedHttp) -> None:
    done = await submitted(job_from(TEXT, "openai", openai.url), http)
    assert isinstance(done, Done)
    assert [(file.data or b"")[:4] for file in done.files] == [b"\x89PNG"]
    assert done.result == {"resultUrls": [{"$file": 0}]}


async def test_servers_that_answer_with_addresses_are_understood(
    openai: FakeOpenAIMedia, http: GuardedHttp
) -> None:
    done = await submitted(job_from(TEXT, "openai", openai.url, prompt="[up:links]"), http)
    assert isinstance(done, Done)
    assert done.files == [OutputFile(url=openai.file_url(openai.submits[0]))]


async def test_fewer_pictures_than_asked_for_are_delivered_as_they_are(
    openai: FakeOpenAIMedia, http: GuardedHttp
) -> None:
    job = substituted(job_from(FOUR_O, "openai", openai.url, nVariants=4, prompt="[up:files=3]"))
    done = await submitted(job, http)
    assert isinstance(done, Done)
    assert len(done.files) == len(done.result["resultUrls"]) == 3


@pytest.mark.parametrize("lie", ["[up:no-file]", "[up:bad-result]", "[up:no-id]", "[up:html]"])
async def test_success_without_pictures_is_unclear(
    openai: FakeOpenAIMedia, http: GuardedHttp, lie: str
) -> None:
    with pytest.raises(Unreadable):
        await submitted(job_from(TEXT, "openai", openai.url, prompt=lie), http)
    assert openai.count(lie) == 1


@pytest.mark.parametrize(
    "data", [{"data": [{}]}, {"data": [None]}, {"data": {}}, [], {"data": [{"url": "file:///x"}]}]
)
async def test_answer_in_another_shape_is_unclear(http: GuardedHttp, data: Any) -> None:
    async with raw_server(says(answer(json.dumps(data).encode()))) as server:
        with pytest.raises(Unreadable):
            await submitted(job_from(TEXT, "openai", server.url("/v1")), http)


async def test_picture_can_neither_be_looked_up_nor_cancelled(
    openai: FakeOpenAIMedia, http: GuardedHttp
) -> None:
    job = job_from(TEXT, "openai", openai.url)
    assert await OpenAI().recover(job, http) == Unknown()
    assert not await OpenAI().cancel(job, "r", http)
    with pytest.raises(Unreachable):
        await OpenAI().poll(job, "r", http)


async def test_sounds_are_not_made_there(openai: FakeOpenAIMedia, http: GuardedHttp) -> None:
    job = replace(job_from(TEXT, "openai", openai.url), output={"kind": "audio"})
    with pytest.raises(Refused, match="audio") as refused:
        await submitted(job, http)
    assert refused.value.kind is FailKind.UNSUPPORTED
