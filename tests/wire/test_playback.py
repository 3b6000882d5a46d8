"""Result links work where people use them: in a browser's pictures and players, on a page of another site."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.wire.browser import open_in_browser
from tests.wire.market import Market

pytestmark = pytest.mark.timeout(300)

WORDS = "A paper kite over a lake"
RESULTS: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "png": ("image", "z-image", {"prompt": WORDS, "aspect_ratio": "4:3"}),
    "jpeg": ("image", "nano-banana-2", {"prompt": WORDS, "aspect_ratio": "1:1", "output_format": "jpg"}),
    "clip": (
        "video",
        "bytedance/seedance-2",
        {
            "prompt": WORDS,
            "resolution": "480p",
            "aspect_ratio": "16:9",
            "duration": 4,
            "generate_audio": True,
        },
    ),
    "silent clip": (
        "video",
        "bytedance/seedance-2",
        {
            "prompt": WORDS,
            "resolution": "480p",
            "aspect_ratio": "9:16",
            "duration": 4,
            "generate_audio": False,
        },
    ),
    "mp3": ("audio", "elevenlabs/text-to-speech-turbo-2-5", {"text": "The ferry leaves at nine."}),
    "opus": (
        "audio",
        "elevenlabs/sound-effect-v2",
        {"text": "Rain", "duration_seconds": 3, "output_format": "opus_48000_64"},
    ),
}
"""Name of a result -> the element that shows it, the model and the input that make it."""


@dataclass(frozen=True)
class Shown:
    """A file as it is, and what the browser saw of it."""

    size: tuple[int, int] | None
    seconds: float
    seen: dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shown(market: Market, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    """Every result, opened in one page."""
    files = {name: (await market.run(model, input)).files[0] for name, (_, model, input) in RESULTS.items()}
    asked = [{"kind": RESULTS[name][0], "url": file.url} for name, file in files.items()]
    seen = await open_in_browser(asked, tmp_path_factory.mktemp("browser"))
    return {
        name: Shown(file.decoded.size, file.decoded.seconds, what)
        for (name, file), what in zip(files.items(), seen, strict=True)
    }


@pytest.mark.parametrize("name", ["png", "jpeg"])
def test_a_picture_shows_at_its_size(shown: dict[str, Shown], name: str) -> None:
    seen = shown[name].seen
    assert (seen["width"], seen["height"]) == shown[name].size
    assert seen["contrast"] > 50


@pytest.mark.parametrize("name", ["clip", "silent clip"])
def test_a_clip_shows_moving_pictures_at_its_size(shown: dict[str, Shown], name: str) -> None:
    seen = shown[name].seen
    assert (seen["width"], seen["height"]) == shown[name].size
    assert seen["contrast"] > 50


@pytest.mark.parametrize("name", ["clip", "silent clip", "mp3", "opus"])
def test_a_player_knows_the_length_and_seeks_anywhere(shown: dict[str, Shown], name: str) -> None:
    seen = shown[name].seen
    assert seen["seconds"] == pytest.approx(shown[name].seconds, abs=0.15)
    assert seen["seekable"] == pytest.approx(seen["seconds"])
    assert seen["at"] == pytest.approx([0.8, 0.1, 0.5], abs=0.05)


@pytest.mark.parametrize("name", ["clip", "silent clip", "mp3", "opus"])
def test_a_player_plays_to_the_end(shown: dict[str, Shown], name: str) -> None:
    assert shown[name].seen["ended"]


def test_only_a_clip_with_sound_is_heard(shown: dict[str, Shown]) -> None:
    assert shown["clip"].seen["heard"]
    assert not shown["silent clip"].seen["heard"]
