"""The sandbox's pictures: exact size, format and count, made from the words or from what is given."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from souk.providers.base import Refused
from souk.providers.children.pool import Pool
from souk.providers.sandbox import Sandbox
from souk.words import FailKind
from tests.providers.sandbox_jobs import (
    PICTURE,
    content,
    folder,
    given,
    grey,
    job,
    nothing_told,
    path_of,
    picture,
    picture_file,
    text_file,
)

LANTERN = {"prompt": "A paper lantern over a quiet harbour at dusk", "seed": 7}


async def made(sandbox: Sandbox, at: Path, *args: Any) -> Path:
    """The first file of a job's result."""
    return path_of(await sandbox.run(job(*args), folder(at), nothing_told))


@pytest.mark.parametrize(
    ("extension", "media_type", "known_as"),
    [("png", "image/png", "PNG"), ("jpg", "image/jpeg", "JPEG"), ("webp", "image/webp", "WEBP")],
)
async def test_picture_has_the_asked_format_and_pixels(
    sandbox: Sandbox, tmp_path: Path, extension: str, media_type: str, known_as: str
) -> None:
    asked = {**PICTURE, "media_type": media_type, "extension": extension, "width": 688, "height": 384}
    done = await sandbox.run(job("text-to-image", LANTERN, asked), tmp_path, nothing_told)
    assert [file.media_type for file in done.files] == [media_type]
    found = picture(path_of(done))
    assert (found.format, found.size) == (known_as, (688, 384))


@pytest.mark.parametrize("extension", ["png", "jpg", "webp"])
async def test_picture_says_in_its_metadata_that_it_is_sandbox_output(
    sandbox: Sandbox, tmp_path: Path, extension: str
) -> None:
    asked = {**PICTURE, "extension": extension, "width": 256, "height": 256}
    path = await made(sandbox, tmp_path, "text-to-image", LANTERN, asked)
    found = picture(path)
    notes = [*found.info.values(), *found.getexif().values()]
    assert any("SANDBOX" in str(note) for note in notes)


async def test_picture_carries_a_visible_mark(sandbox: Sandbox, tmp_path: Path) -> None:
    asked = {**PICTURE, "width": 512, "height": 512}
    source = picture_file(tmp_path / "plain.png", (512, 512), (250, 250, 250))
    path = await made(
        sandbox,
        tmp_path / "out",
        "upscale",
        {},
        {**asked, "follow": "image", "scale": 1},
        [given("image", source, "image/png")],
    )
    corner = grey(path)[:40, 400:]
    assert corner.min() < 120
    assert corner.max() > 230


async def test_every_asked_picture_is_delivered_and_differs(sandbox: Sandbox, tmp_path: Path) -> None:
    asked = {**PICTURE, "count": 3, "width": 256, "height": 256}
    done = await sandbox.run(job("text-to-image", LANTERN, asked), tmp_path, nothing_told)
    assert done.result == {"resultUrls": [{"$file": 0}, {"$file": 1}, {"$file": 2}]}
    assert len({content(done, number) for number in range(3)}) == 3


async def test_same_seed_and_input_give_the_same_bytes(tmp_path: Path) -> None:
    asked = {**PICTURE, "width": 256, "height": 256}
    found: list[bytes] = []
    for number, task_id in enumerate(("1" * 32, "2" * 32)):
        other = Sandbox(Pool(1))
        at = folder(tmp_path / str(number))
        found.append(
            content(await other.run(job("text-to-image", LANTERN, asked, task_id=task_id), at, nothing_told))
        )
        await other.close()
    assert found[0] == found[1]


async def test_tasks_without_a_seed_differ(sandbox: Sandbox, tmp_path: Path) -> None:
    asked = {**PICTURE, "width": 256, "height": 256}
    found: set[bytes] = set()
    for task_id in ("1" * 32, "2" * 32):
        done = await sandbox.run(
            job("text-to-image", {"prompt": "hills"}, asked, task_id=task_id), tmp_path, nothing_told
        )
        found.add(content(done))
    assert len(found) == 2


async def test_the_words_decide_the_colours(sandbox: Sandbox, tmp_path: Path) -> None:
    asked = {**PICTURE, "width": 256, "height": 256}
    tones: list[float] = []
    for number, prompt in enumerate(("snowy mountain in winter", "starry night over the mountain")):
        words = {"prompt": prompt, "seed": 1}
        path = await made(sandbox, tmp_path / str(number), "text-to-image", words, asked)
        tones.append(float(grey(path).mean()))
    assert tones[0] > tones[1] + 60


async def test_chinese_caption_is_drawn_in_real_glyphs(sandbox: Sandbox, tmp_path: Path) -> None:
    asked = {**PICTURE, "width": 512, "height": 512}
    feet: list[bytes] = []
    for number, prompt in enumerate(("猫在山上", "猫在水上")):
        source = picture_file(tmp_path / "plain.png", (512, 512), (90, 90, 90))
        words = {"prompt": prompt, "seed": 1}
        out = tmp_path / str(number)
        path = await made(sandbox, out, "reframe", words, asked, [given("image_url", source, "image/png")])
        feet.append(grey(path)[460:].tobytes())
    assert feet[0] != feet[1]


async def test_upscale_has_exactly_the_factor_times_the_pixels(sandbox: Sandbox, tmp_path: Path) -> None:
    source = picture_file(tmp_path / "small.png", (123, 77))
    asked = {**PICTURE, "follow": "image_url", "scale": 4}
    path = await made(
        sandbox, tmp_path / "out", "upscale", {}, asked, [given("image_url", source, "image/png")]
    )
    assert picture(path).size == (492, 308)


async def test_followed_picture_is_measured_upright(sandbox: Sandbox, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn, as phones write it
    Image.new("RGB", (120, 60), (200, 40, 40)).save(tmp_path / "turned.jpg", exif=exif)
    asked = {**PICTURE, "follow": "image_url", "scale": 2}
    files = [given("image_url", tmp_path / "turned.jpg", "image/jpeg")]
    path = await made(sandbox, tmp_path / "out", "upscale", {}, asked, files)
    assert picture(path).size == (120, 240)


async def test_background_removal_keeps_the_subject_and_clears_the_ground(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    source = picture_file(tmp_path / "square.png", (200, 200))
    asked = {**PICTURE, "alpha": True, "follow": "image"}
    files = [given("image", source, "image/png")]
    path = await made(sandbox, tmp_path / "out", "background-removal", {}, asked, files)
    found = picture(path)
    assert (found.mode, found.size) == ("RGBA", (200, 200))
    alpha = np.asarray(found.getchannel("A"))
    assert alpha[100, 100] == 255
    assert alpha[180, 20] == 0


async def test_edit_transforms_the_given_picture(sandbox: Sandbox, tmp_path: Path) -> None:
    source = picture_file(tmp_path / "square.png", (256, 256))
    asked = {**PICTURE, "width": 256, "height": 256}
    words = {"prompt": "make it winter", "seed": 1}
    path = await made(
        sandbox, tmp_path / "out", "image-edit", words, asked, [given("image_urls", source, "image/png")]
    )
    before, after = grey(source), grey(path)
    assert np.abs(before - after).mean() > 4
    assert after[128, 128] < after[60, 30] - 30  # the dark square is still where it was


async def test_layers_come_with_their_places(sandbox: Sandbox, tmp_path: Path) -> None:
    source = picture_file(tmp_path / "square.png", (200, 160))
    asked = {**PICTURE, "extension": "jpg", "follow": "image_url"}
    files = [given("image_url", source, "image/png")]
    done = await sandbox.run(
        job("layer-decomposition", {"prompt": "split"}, asked, files), tmp_path, nothing_told
    )
    layers = done.result["resultObject"]["layers_data"]
    assert [layer["name"] for layer in layers] == ["base", "background", "subject"]
    left, top, right, bottom = layers[2]["bounding_box"]["absolute"]
    subject = picture(path_of(done, 2))
    assert (subject.mode, subject.size) == ("RGBA", (right - left, bottom - top))


async def test_a_file_that_is_no_picture_is_refused_by_field(sandbox: Sandbox, tmp_path: Path) -> None:
    broken = text_file(tmp_path / "broken.png")
    asked = {**PICTURE, "follow": "image_url", "scale": 2}
    with pytest.raises(Refused, match="image_url") as refusal:
        await sandbox.run(
            job("upscale", {}, asked, [given("image_url", broken, "image/png")]), tmp_path, nothing_told
        )
    assert refusal.value.kind is FailKind.BAD_INPUT
