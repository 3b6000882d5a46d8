"""The sandbox completes an output spec exactly as the catalogue does; the two rules are held together here."""

import pytest

from souk.catalog.output import OutputSpec
from souk.providers.sandbox.sizes import length, picture_size, video_size
from souk.words import JsonObject

FOLLOWED = [None, (1024, 1024), (1000, 563), (640, 1138), (801, 601)]
ASKED: list[JsonObject] = [
    {},
    {"width": 1280, "height": 720},
    {"scale": 2},
    {"ratio": "3:4"},
    {"target_side": 2048},
    {"target_side": 1024, "ratio": "21:9"},
    {"target_short_side": 720},
    {"target_short_side": 1080, "ratio": "9:16"},
]


@pytest.mark.parametrize("followed", FOLLOWED)
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("kind", ["image", "video"])
def test_sides_agree_with_the_catalogue(
    kind: str, asked: JsonObject, followed: tuple[int, int] | None
) -> None:
    spec = OutputSpec(kind=kind, media_type="", extension="", **asked)
    resolved = spec.resolve(*(followed or (None, None)))
    measure = picture_size if kind == "image" else video_size
    width, height = measure(spec.to_json(), followed)
    if kind == "video":  # an upscale of odd sides stays even
        assert (abs(width - (resolved.width or 0)), abs(height - (resolved.height or 0))) <= (1, 1)
    else:
        assert (width, height) == (resolved.width, resolved.height)


@pytest.mark.parametrize("followed", [None, 3.5, 90.0])
@pytest.mark.parametrize("asked", [{}, {"seconds": 8.0}, {"seconds_typical": 6.0}, {"seconds_max": 30.0}])
def test_length_agrees_with_the_catalogue(asked: JsonObject, followed: float | None) -> None:
    spec = OutputSpec(kind="video", media_type="", extension="", seconds_follow="video_url", **asked)
    assert length(spec.to_json(), followed) == spec.resolve(seconds=followed).seconds
