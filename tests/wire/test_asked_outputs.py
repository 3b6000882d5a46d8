"""Results are what was asked, by a table written by hand: nothing expected here comes from the catalogue's code."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.wire.decoded import RAW
from tests.wire.market import Market

PICTURE, CLIP = "https://example.com/a.png", "https://example.com/a.mp4"
SOUND = "https://example.com/a.mp3"
"""Stand-ins: a picture and a clip of 320 x 240, the clip and the sound of two seconds, are put in their place."""
WORDS = "A paper kite over a lake"
SLACK_SECONDS = 0.2


@dataclass(frozen=True)
class Want:
    """One request and what its files must be."""

    model: str
    input: dict[str, Any]
    media_type: str
    count: int = 1
    size: tuple[int, int] | None = None
    seconds: float = 0
    sound: bool = False
    """Of a clip."""
    rate: int = 0
    """Of a sound."""
    clear: bool = False
    """Whether a picture has transparent parts."""
    real: bool = False
    """Whether it is work of this machine, which carries no mark of the sandbox."""

    def __str__(self) -> str:
        return f"{self.model}-{self.media_type.partition('/')[2]}-{self.count}"


def picture(model: str, count: int, size: tuple[int, int], kind: str = "png", /, **input: Any) -> Want:
    return Want(model, {"prompt": WORDS, **input}, f"image/{kind}", count, size)


def clip(model: str, seconds: float, size: tuple[int, int], sound: bool, /, **input: Any) -> Want:
    return Want(model, {"prompt": WORDS, **input}, "video/mp4", 1, size, seconds, sound)


def effect(word: str, media_type: str, rate: int, seconds: float) -> Want:
    input = {"text": "Rain on leaves", "duration_seconds": seconds, "output_format": word}
    return Want("elevenlabs/sound-effect-v2", input, media_type, seconds=seconds, rate=rate)


def resized(kind: str, size: tuple[int, int], /, **input: Any) -> Want:
    return Want("souk/image-resize", {"image_url": PICTURE, **input}, f"image/{kind}", size=size, real=True)


def converted(word: str, media_type: str, rate: int, /, **input: Any) -> Want:
    given = {"audio_url": SOUND, "format": word, **input}
    return Want("souk/audio-convert", given, media_type, seconds=2, rate=rate, real=True)


# A named size is that of the service which introduced the name. A picture tier such as 2K has the area of a square
# with that side, in steps of 16 pixels; a clip's tier is its shorter side.
WANTED = [
    picture(
        "bytedance/seedream-v4-text-to-image",
        3,
        (2736, 1536),
        image_size="landscape_16_9",
        image_resolution="2K",
        max_images=3,
    ),
    picture("bytedance/seedream", 1, (576, 1024), image_size="portrait_16_9"),
    picture("grok-imagine/text-to-image", 6, (1248, 832), "jpeg", aspect_ratio="3:2"),
    picture("grok-imagine/text-to-image", 4, (1024, 1024), "jpeg", aspect_ratio="1:1", enable_pro=True),
    picture(
        "nano-banana-pro", 1, (5456, 3072), "jpeg", aspect_ratio="16:9", resolution="4K", output_format="jpg"
    ),
    picture("gpt-image-2-text-to-image", 1, (832, 1248), aspect_ratio="2:3", resolution="1K"),
    picture("google/imagen4-fast", 2, (768, 1360), aspect_ratio="9:16", num_images="2"),
    picture(
        "qwen/image-edit",
        3,
        (768, 1024),
        "jpeg",
        image_url=PICTURE,
        image_size="portrait_4_3",
        num_images="3",
        output_format="jpeg",
    ),
    picture("wan/2-7-image", 2, (1024, 1024), n=2, resolution="1K", aspect_ratio="1:1"),
    Want(
        "ideogram/v3-reframe",
        {"image_url": PICTURE, "image_size": "landscape_4_3", "num_images": "2"},
        "image/png",
        2,
        (1024, 768),
    ),
    Want(
        "topaz/image-upscale",
        {"image_url": PICTURE, "upscale_factor": "4"},
        "image/png",
        size=(1280, 960),
    ),
    Want("recraft/remove-background", {"image": PICTURE}, "image/png", size=(320, 240), clear=True),
    clip("kling-2.6/text-to-video", 10, (1080, 1920), True, duration="10", sound=True, aspect_ratio="9:16"),
    clip("kling-2.6/text-to-video", 5, (1080, 1080), False, duration="5", sound=False, aspect_ratio="1:1"),
    clip("hailuo/02-text-to-video-standard", 10, (1366, 768), False, duration="10"),
    clip("sora-2-text-to-video", 10, (720, 1280), True, n_frames="10", aspect_ratio="portrait"),
    clip("wan/2-6-text-to-video", 5, (1280, 720), True, duration="5", resolution="720p"),
    clip("kling/v2-1-standard", 10, (960, 720), False, duration="10", image_url=PICTURE),
    clip(
        "bytedance/seedance-2",
        4,
        (480, 854),
        False,
        resolution="480p",
        aspect_ratio="9:16",
        duration=4,
        generate_audio=False,
    ),
    clip(
        "infinitalk/from-audio",
        2,
        (640, 480),
        True,
        image_url=PICTURE,
        audio_url=SOUND,
        resolution="480p",
    ),
    Want(
        "bytedance/seedance-2-5",
        {
            "prompt": WORDS,
            "resolution": "480p",
            "aspect_ratio": "1:1",
            "duration": 4,
            "generate_audio": True,
            "output_format": "mov",
        },
        "video/quicktime",
        size=(480, 480),
        seconds=4,
        sound=True,
    ),
    Want(
        "topaz/video-upscale",
        {"video_url": CLIP, "upscale_factor": "2"},
        "video/mp4",
        size=(640, 480),
        seconds=2,
        sound=True,
    ),
    Want("elevenlabs/audio-isolation", {"audio_url": SOUND}, "audio/mpeg", seconds=2, rate=44_100),
    effect("mp3_44100_128", "audio/mpeg", 44_100, 3),
    effect("mp3_22050_32", "audio/mpeg", 22_050, 2),
    effect("pcm_16000", "audio/pcm", 16_000, 2.5),
    effect("ulaw_8000", "audio/basic", 8_000, 2),
    effect("alaw_8000", "audio/x-alaw-basic", 8_000, 2),
    effect("opus_48000_64", "audio/ogg", 48_000, 2),
    resized("jpeg", (160, 120), width=200, height=120, format="jpeg"),
    resized("png", (200, 120), width=200, height=120, fit="cover"),
    resized("webp", (400, 300), scale=1.25, format="webp"),
    converted("wav", "audio/wav", 16_000, sample_rate=16_000),
    converted("ogg", "audio/ogg", 48_000),
    converted("m4a", "audio/mp4", 44_100),
    Want(
        "souk/video-upscale",
        {"video_url": CLIP, "resolution": "2K"},
        "video/mp4",
        size=(1920, 1440),
        seconds=2,
        sound=True,
        real=True,
    ),
]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("want", WANTED, ids=str)
async def test_files_are_what_was_asked(market: Market, want: Want) -> None:
    outcome = await market.run(want.model, want.input)
    assert len(outcome.listed) == want.count
    for file in outcome.listed:
        found = file.decoded
        assert (file.media_type, found.size) == (want.media_type, want.size)
        assert abs(found.seconds - want.seconds) <= SLACK_SECONDS
        assert (found.sound == "aac") == want.sound
        assert (found.clear > 0) == want.clear
        assert found.rate == want.rate or want.sound
        assert found.marked == (not want.real) or file.media_type in RAW


@pytest.mark.asyncio(loop_scope="session")
async def test_the_last_frame_comes_beside_the_clip_it_ends(market: Market) -> None:
    given = {"prompt": WORDS, "resolution": "480p", "aspect_ratio": "1:1", "duration": 4}
    outcome = await market.run("bytedance/seedance-2", {**given, "return_last_frame": True})
    assert list(outcome.result) == ["resultUrls", "firstFrameUrl", "lastFrameUrl"]
    clip, first, last = outcome.files
    assert [file.media_type for file in (clip, first, last)] == ["video/mp4", "image/png", "image/png"]
    assert clip.decoded.size == first.decoded.size == last.decoded.size
    assert outcome.record["creditsConsumed"] > 0


@pytest.mark.asyncio(loop_scope="session")
async def test_a_transcript_is_timed_to_the_sound(market: Market) -> None:
    outcome = await market.run("elevenlabs/speech-to-text", {"audio_url": SOUND})
    words = outcome.result["resultObject"]["words"]
    assert {word["type"] for word in words} <= {"word", "spacing", "audio_event"}
    times = [time for word in words for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= 2.1
    assert "".join(word["text"] for word in words).strip() == outcome.result["resultObject"]["text"]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_character_can_play_in_a_later_clip(market: Market) -> None:
    made = await market.run("sora-2-characters")
    character = made.result["character_id"]
    input = {"prompt": WORDS, "n_frames": "10", "character_id_list": [character]}
    task_id = await market.client.create({"model": "sora-2-text-to-video", "input": input})
    assert json.loads((await market.client.record(task_id))["param"])["input"] == input


@pytest.mark.asyncio(loop_scope="session")
async def test_an_unknown_character_is_refused(market: Market) -> None:
    input = {"prompt": WORDS, "n_frames": "10", "character_id_list": ["0" * 32]}
    reply = await market.client.post(
        "/api/v1/jobs/createTask", {"model": "sora-2-text-to-video", "input": input}
    )
    assert reply.error["field"].startswith("character_id_list")


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("parent", "asked", "media_type", "size"),
    [
        ("grok-imagine/text-to-image", {"aspect_ratio": "1:1"}, "image/jpeg", (2048, 2048)),
        (
            "grok-imagine/text-to-video",
            {"aspect_ratio": "16:9", "duration": "6", "resolution": "480p"},
            "video/mp4",
            (1922, 1080),  # the parent is 854 x 480
        ),
    ],
)
async def test_an_upscale_gives_the_kind_of_file_its_parent_made_but_larger(
    market: Market, parent: str, asked: dict[str, Any], media_type: str, size: tuple[int, int]
) -> None:
    earlier = await market.run(parent, {"prompt": WORDS, **asked})
    given = {"task_id": earlier.record["taskId"], "resolution": "1080p"}
    (file,) = (await market.run("grok-imagine/upscale", given)).listed
    assert (file.media_type, file.decoded.size) == (media_type, size)
