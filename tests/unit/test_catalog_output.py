"""What an input asks for: sizes, lengths, formats, counts and the shape of the result."""

from typing import Any

import pytest

from souk.catalog import OutputSpec, load_catalog
from souk.catalog.sizes import picture_size, video_size

CATALOG = load_catalog()


def spec(model: str, **changes: Any) -> OutputSpec:
    found = CATALOG.models[model]
    return found.output_for(found.check({**found.example, **changes}).input)


@pytest.mark.parametrize(
    ("model", "changes", "size"),
    [
        ("bytedance/seedream", {"image_size": "landscape_16_9"}, (1024, 576)),
        ("bytedance/seedream-v4-text-to-image", {"image_resolution": "4K"}, (4096, 4096)),
        ("seedream/4.5-text-to-image", {"quality": "high"}, (4096, 4096)),
        ("seedream/5-lite-text-to-image", {"quality": "high"}, (3072, 3072)),
        ("seedream/5-pro-text-to-image", {"quality": "basic"}, (1024, 1024)),
        ("gpt-image/1.5-text-to-image", {"aspect_ratio": "2:3"}, (1024, 1536)),
        ("google/nano-banana", {"image_size": "16:9"}, (1360, 768)),
        ("google/nano-banana", {"image_size": "16:9", "aspect_ratio": "9:16"}, (768, 1360)),
        ("sora-2-text-to-video", {"aspect_ratio": "portrait"}, (720, 1280)),
        ("sora-2-pro-text-to-video", {"size": "high"}, (1792, 1024)),
        ("sora-2-pro-text-to-video", {"size": "standard"}, (1280, 720)),
        ("kling-3.0-omni/text-to-video", {"resolution": "4k"}, (3840, 2160)),
        ("minimax-h3/text-to-video", {"aspect_ratio": "16:9", "resolution": "2K"}, (2560, 1440)),
        ("bytedance/v1-pro-text-to-video", {"resolution": "480p"}, (854, 480)),
    ],
)
def test_size_follows_from_the_input(model: str, changes: dict[str, Any], size: tuple[int, int]) -> None:
    found = spec(model, **changes)
    assert (found.width, found.height) == size


@pytest.mark.parametrize("ratio", [1.0, 16 / 9, 9 / 16, 21 / 9, 1 / 8])
def test_picture_sizes_keep_ratio_and_area(ratio: float) -> None:
    width, height = picture_size(ratio, 1024)
    assert width % 16 == height % 16 == 0
    assert width / height == pytest.approx(ratio, rel=0.03)
    assert width * height == pytest.approx(1024**2, rel=0.03)


@pytest.mark.parametrize(("ratio", "size"), [(16 / 9, (1280, 720)), (9 / 16, (720, 1280)), (1, (720, 720))])
def test_video_sizes_keep_the_short_side(ratio: float, size: tuple[int, int]) -> None:
    assert video_size(ratio, 720) == size


def test_automatic_ratio_follows_the_input_picture_at_the_tier_asked() -> None:
    found = spec(
        "nano-banana-pro", aspect_ratio="auto", image_input=["https://a.example/1.png"], resolution="2K"
    )
    assert (found.width, found.follow, found.target_side) == (None, "image_input", 2048)
    whole = found.resolve(width=3000, height=2000)
    assert (whole.width, whole.height) == (2512, 1680)


def test_automatic_ratio_without_a_picture_is_square() -> None:
    found = spec("nano-banana-2", aspect_ratio="auto")
    assert (found.width, found.height) == (1024, 1024)


def test_upscale_is_an_exact_multiple() -> None:
    whole = spec("topaz/image-upscale", upscale_factor="4").resolve(width=333, height=251)
    assert (whole.width, whole.height) == (1332, 1004)


def test_edit_keeps_the_size_of_its_picture() -> None:
    whole = spec("ideogram/v3-edit").resolve(width=777, height=555)
    assert (whole.width, whole.height) == (777, 555)


def test_cut_out_has_a_transparent_background() -> None:
    assert spec("recraft/remove-background").alpha


def test_first_frame_decides_the_shape_of_the_video() -> None:
    found = spec("kling-3.0/video", aspect_ratio="16:9", mode="std")
    whole = found.resolve(width=500, height=1000)
    assert (whole.width, whole.height) == (720, 1440)


def test_n_frames_are_seconds() -> None:
    assert spec("sora-2-text-to-video", n_frames="15").seconds == 15


def test_length_is_frames_over_frame_rate() -> None:
    found = spec("wan/2-2-a14b-speech-to-video-turbo", num_frames=120, frames_per_second=24)
    assert (found.seconds, found.fps) == (5, 24)


def test_avatar_is_as_long_as_the_speech_up_to_its_maximum() -> None:
    found = spec("kling/ai-avatar-pro")
    assert (found.seconds, found.seconds_follow, found.seconds_max) == (None, "audio_url", 300)
    assert found.resolve(seconds=12.5).seconds == 12.5
    assert found.resolve(seconds=900).seconds == 300


def test_automatic_length_is_left_to_the_model() -> None:
    found = spec("bytedance/seedance-2-5", duration=-1)
    assert (found.seconds, found.seconds_max) == (None, 30)
    assert found.resolve().seconds == 5


def test_spoken_length_follows_the_text() -> None:
    short = spec("elevenlabs/text-to-speech-turbo-2-5", text="Hello").resolve().seconds
    long = spec("elevenlabs/text-to-speech-turbo-2-5", text="Hello " * 100).resolve().seconds
    assert short and long and long > 10 * short


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mp3_44100_128", ("audio/mpeg", "mp3", 44_100, 128_000)),
        ("pcm_16000", ("audio/pcm", "pcm", 16_000, None)),
        ("ulaw_8000", ("audio/basic", "ulaw", 8_000, None)),
        ("opus_48000_64", ("audio/ogg", "ogg", 48_000, 64_000)),
    ],
)
def test_sound_formats_say_rate_and_bitrate(name: str, expected: tuple[Any, ...]) -> None:
    found = spec("elevenlabs/sound-effect-v2", output_format=name)
    assert (found.media_type, found.extension, found.sample_rate, found.bitrate) == expected


def test_count_comes_from_the_input() -> None:
    assert spec("ideogram/character", num_images="3").count == 3
    assert spec("grok-imagine/text-to-image").count == 6
    assert spec("grok-imagine/text-to-image", enable_pro=True).count == 4
    assert spec("wan/2-7-image", n=None, enable_sequential=True).count == 12


def test_sound_is_as_asked() -> None:
    assert spec("kling-2.6/text-to-video", sound=True).sound
    assert not spec("kling-2.6/text-to-video", sound=False).sound


def test_frames_asked_for_appear_in_the_result() -> None:
    found = spec("bytedance/seedance-2", return_last_frame=True)
    assert found.extras == {"first_frame": True, "last_frame": True}
    assert found.result["lastFrameUrl"] == [{"$file": 2}]
    assert spec("bytedance/seedance-2").extras == {}


def test_character_is_a_piece_without_a_file() -> None:
    found = spec("sora-2-characters")
    assert (found.kind, found.count, found.pieces) == ("json", 0, ("character",))
    assert found.result == {"character_id": {"$piece": 0}}


def test_result_is_a_list_of_addresses_by_default() -> None:
    assert spec("z-image").result == {"resultUrls": {"$files": "all"}}
