"""What every recorded exchange stands for: the adapter's call that makes it, and how the answer must be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from souk.words import JsonObject


@dataclass(frozen=True, slots=True)
class Row:
    """One recording, and the call of ours it is replayed to."""

    name: str
    """Service and file, without its ending."""
    provider: str
    model: str
    """Ours, with a route to the provider."""
    call: str
    """``prepare``, ``submit``, ``poll`` or ``cancel``."""
    expected: str = ""
    """The verdict; empty where there is no answer, or one to another call than ours."""
    ours: bool = True
    """False where the recorded request is not what we send; only its answer says something then."""
    given: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Changes of the model's example."""
    first: Mapping[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    """What is answered to questions around the recorded one, by method and how their paths end."""


def _asks(provider: str, call: str, names: Mapping[str, str], **more: Any) -> list[Row]:
    return [Row(name, provider, model, call, **more) for name, model in names.items()]


# --- DashScope -----------------------------------------------------------------------------------------

EDIT, STILL, WAN = "qwen/image-edit", "qwen/text-to-image", "wan/2-7-image-pro"
I2V, RESTYLE = "wan/2-7-image-to-video", "wan/2-7-videoedit"
DASHSCOPE: Final = [
    Row(
        "alibaba/image-qwen-image-2-0-t2i",
        "dashscope",
        "qwen2/text-to-image",
        "submit",
        "done 1",
        given={"seed": 7},
    ),
    Row("alibaba/image-qwen-image-edit-single", "dashscope", EDIT, "submit", "done 1"),
    Row("alibaba/image-wan-image-t2i.01", "dashscope", WAN, "submit", "accepted"),
    Row("alibaba/image-wan-image-t2i.02", "dashscope", WAN, "poll", "running"),
    Row("alibaba/image-wan-image-t2i.03", "dashscope", WAN, "poll", "done 1"),
    Row("alibaba/video-wan-i2v-01-post", "dashscope", I2V, "submit", "accepted"),
    Row("alibaba/video-wan-i2v-02-get-RUNNING", "dashscope", I2V, "poll", "running"),
    Row("alibaba/video-wan-i2v-03-get-SUCCEEDED", "dashscope", I2V, "poll", "done 1"),
    Row("alibaba/video-wan-videoedit-01-post", "dashscope", RESTYLE, "submit", "accepted"),
    Row("alibaba/video-wan-videoedit-02-get-PENDING", "dashscope", RESTYLE, "poll", "queued"),
    Row("alibaba/video-wan-videoedit-03-get-RUNNING", "dashscope", RESTYLE, "poll", "running"),
    Row("alibaba/video-wan-videoedit-04-get-SUCCEEDED", "dashscope", RESTYLE, "poll", "done 1"),
    Row("alibaba/video-uploads-policy-01-get", "dashscope", EDIT, "prepare"),
    Row(
        "alibaba/sdk-image-qwen-image-edit-plus",
        "dashscope",
        EDIT,
        "submit",
        given={"negative_prompt": "dust", "num_images": "2"},
    ),
    Row(
        "alibaba/sdk-image-qwen-image-plus",
        "dashscope",
        STILL,
        "submit",
        given={"negative_prompt": "dust", "seed": 7},
    ),
    Row("alibaba/sdk-image-z-image-turbo", "dashscope", "z-image", "submit"),
    Row(
        "alibaba/video-sdk-i2v-wan25",
        "dashscope",
        "wan/2-5-image-to-video",
        "submit",
        given={"seed": 7, "negative_prompt": "dust", "enable_prompt_expansion": True},
    ),
    Row("alibaba/video-sdk-r2v-wan26", "dashscope", "wan/2-6-video-to-video", "submit"),
    Row(
        "alibaba/video-sdk-t2v-wan26",
        "dashscope",
        "wan/2-6-text-to-video",
        "submit",
        given={"multi_shots": True},
    ),
    *_asks("dashscope", "cancel", {"alibaba/sdk-task-cancel": WAN, "alibaba/video-sdk-task-cancel": I2V}),
    *_asks("dashscope", "poll", {"alibaba/sdk-task-fetch": WAN, "alibaba/video-sdk-task-get": I2V}),
]

# --- Ark -----------------------------------------------------------------------------------------------

ARK: Final = [
    Row("bytedance/sdk-image-seedream-3", "ark", "bytedance/seedream", "submit", given={"seed": 7}),
    Row(
        "bytedance/sdk-image-seedream-4-group",
        "ark",
        "bytedance/seedream-v4-text-to-image",
        "submit",
        given={"max_images": 3},
    ),
    Row("bytedance/sdk-image-seedream-4.5-edit", "ark", "seedream/4.5-edit", "submit"),
    Row(
        "bytedance/video-sdk-create-first-last-frame",
        "ark",
        "bytedance/seedance-1.5-pro",
        "submit",
        given={
            "input_urls": ["https://example.com/a.png", "https://example.com/b.png"],
            "generate_audio": True,
        },
    ),
    Row(
        "bytedance/video-sdk-create-reference",
        "ark",
        "bytedance/seedance-2-fast",
        "submit",
        given={"reference_image_urls": ["https://example.com/a.png"]},
    ),
    Row(
        "bytedance/video-sdk-create-text",
        "ark",
        "bytedance/v1-pro-text-to-video",
        "submit",
        given={"camera_fixed": False, "seed": 7},
    ),
    Row("bytedance/video-sdk-get", "ark", "bytedance/seedance-1.5-pro", "poll"),
    Row(
        "bytedance/video-sdk-delete",
        "ark",
        "bytedance/seedance-1.5-pro",
        "cancel",
        first={"GET /tasks/cgt-1": {"id": "cgt-1", "status": "queued"}},
    ),
]

# --- ElevenLabs ----------------------------------------------------------------------------------------

SPEECH, TURBO = "elevenlabs/text-to-speech-multilingual-v2", "elevenlabs/text-to-speech-turbo-2-5"
EFFECT, TRANSCRIPT = "elevenlabs/sound-effect-v2", "elevenlabs/speech-to-text"
ELEVENLABS: Final = [
    Row("elevenlabs/audio-sound-generation-01-post", "elevenlabs", EFFECT, "submit", "done 1"),
    Row(
        "elevenlabs/audio-speech-to-text-01-post",
        "elevenlabs",
        TRANSCRIPT,
        "submit",
        "done 0",
        given={"language_code": "en"},
    ),
    Row(
        "elevenlabs/audio-sdk-dialogue",
        "elevenlabs",
        "elevenlabs/text-to-dialogue-v3",
        "submit",
        given={"language_code": "en"},
    ),
    Row("elevenlabs/audio-sdk-isolation", "elevenlabs", "elevenlabs/audio-isolation", "submit"),
    Row("elevenlabs/audio-sdk-sound-effects", "elevenlabs", EFFECT, "submit"),
    Row("elevenlabs/audio-sdk-stt", "elevenlabs", TRANSCRIPT, "submit", given={"language_code": "en"}),
    Row(
        "elevenlabs/audio-sdk-tts-convert",
        "elevenlabs",
        SPEECH,
        "submit",
        given={"style": 0.1, "previous_text": "Before.", "next_text": "After."},
    ),
    Row("elevenlabs/audio-sdk-tts-turbo-language", "elevenlabs", TURBO, "submit"),
    Row(
        "elevenlabs/audio-sdk-tts-with-timestamps", "elevenlabs", SPEECH, "submit", given={"timestamps": True}
    ),
]

# --- fal -----------------------------------------------------------------------------------------------

COMPLETED: Final[dict[str, JsonObject]] = {"GET /status": {"status": "COMPLETED"}}
CLIP: Final = "kling/v2-1-standard"
FAL_STILLS: Final = (
    *("bytedance-seedream-v5-lite-text-to-image", "gpt-image-1-5-edit", "gpt-image-1-5", "nano-banana-pro"),
    *("nano-banana-pro-edit", "qwen-image-edit", "qwen-image", "xai-grok-imagine-image"),
    "xai-grok-imagine-image-edit",
)
FAL_CLIPS: Final = (
    *("bytedance-seedance2p0-fast-image-to-video", "bytedance-seedance2p0-fast-text-to-video"),
    *("bytedance-seedance2p0-image-to-video", "bytedance-seedance2p0-text-to-video"),
    *("kling-video-o3p4k-image-to-video", "kling-video-o3p4k-reference-to-video"),
    *("kling-video-o3p4k-text-to-video", "kling-video-v3-pro-image-to-video"),
    *("kling-video-v3-pro-text-to-video", "kling-video-v3-standard-image-to-video"),
    *("kling-video-v3-standard-text-to-video", "sora-2", "sora-2-image-to-video"),
    *("veo3-1", "veo3-1-image-to-video", "wan-v2p7-image-to-video", "wan-v2p7-text-to-video"),
    *("xai-grok-imagine-video-edit-video", "xai-grok-imagine-video-extend-video"),
    *("xai-grok-imagine-video-image-to-video", "xai-grok-imagine-video-reference-to-video"),
)
FAL: Final = [
    # Recorded where the answer is waited for; the queue gives the same object as the result.
    *(
        Row(f"fal/image-{name}", "fal", STILL, "poll", "done 1", ours=False, first=COMPLETED)
        for name in FAL_STILLS
    ),
    *(
        Row(f"fal/video-{name}-01-post", "fal", CLIP, "poll", "done 1", ours=False, first=COMPLETED)
        for name in FAL_CLIPS
    ),
    Row("fal/image-qwen-image", "fal", STILL, "submit"),
    Row("fal/image-qwen-image-edit", "fal", EDIT, "submit"),
    Row("fal/video-sdk-submit-webhook", "fal", CLIP, "submit"),
    Row("fal/video-sdk-status-logs", "fal", CLIP, "poll"),
    Row("fal/video-sdk-result", "fal", CLIP, "poll"),
    Row("fal/video-sdk-result-2", "fal", CLIP, "poll", first=COMPLETED),
    Row("fal/image-storage-upload-01", "fal", CLIP, "prepare"),
]

# --- Google --------------------------------------------------------------------------------------------

VEO: Final = "veo3"
FRAMES: Final = ["https://example.com/a.png", "https://example.com/b.png"]
GOOGLE: Final = [
    Row("google/sdk-image-gemini-2.5-flash-image", "google", "google/nano-banana", "submit"),
    Row(
        "google/sdk-image-gemini-3-pro-image-edit-16x9-2K",
        "google",
        "nano-banana-pro",
        "submit",
        given={"image_input": FRAMES[:1], "aspect_ratio": "16:9", "resolution": "2K"},
    ),
    Row("google/sdk-image-imagen4-predict-legacy", "google", "google/imagen4", "submit"),
    Row("google/video-sdk-omni-text", "google", "gemini-omni-video", "submit", given={"seed": 7}),
    Row(
        "google/video-sdk-omni-first-last",
        "google",
        "gemini-omni-video",
        "submit",
        given={"image_urls": FRAMES},
    ),
    Row("google/video-sdk-omni-get", "google", "gemini-omni-video", "poll"),
    Row("google/video-sdk-omni-cancel", "google", "gemini-omni-video", "cancel"),
    Row("google/video-sdk-veo-text", "google-cloud", VEO, "submit"),
    Row("google/video-sdk-veo-first-last", "google-cloud", VEO, "submit", given={"imageUrls": FRAMES}),
    Row(
        "google/video-sdk-veo-references",
        "google-cloud",
        "veo3_fast",
        "submit",
        given={"imageUrls": FRAMES, "generationType": "REFERENCE_2_VIDEO"},
    ),
    Row("google/video-sdk-veo-operation-get", "google-cloud", VEO, "poll"),
]

# --- OpenAI --------------------------------------------------------------------------------------------

SORA: Final = "sora-2-text-to-video"
OPENAI: Final = [
    Row(
        "openai/image-gpt-image-2-2026-04-21-text-to-image",
        "openai",
        "gpt-image-2-text-to-image",
        "submit",
        "done 1",
    ),
    Row(
        "openai/image-gpt-image-2-2026-04-21-image-to-image",
        "openai",
        "gpt-image-2-image-to-image",
        "submit",
        "done 1",
    ),
    Row("openai/image-edit-response", "openai", "gpt-image/1.5-image-to-image", "submit", "done 1"),
    Row("openai/sdk-image-generate-gpt-image-1.5", "openai", "gpt-image/1.5-text-to-image", "submit"),
    Row(
        "openai/sdk-image-edit-two-images",
        "openai",
        "gpt-image/1.5-image-to-image",
        "submit",
        given={"input_urls": FRAMES},
    ),
    Row(
        "openai/sdk-image-edit-one-image-mask",
        "openai",
        "gpt4o-image",
        "submit",
        given={"filesUrl": FRAMES[:1], "maskUrl": FRAMES[1]},
    ),
    Row("openai/video-sdk-create", "openai", SORA, "submit"),
    Row("openai/video-sdk-create-reference-file", "openai", "sora-2-pro-image-to-video", "submit"),
    Row("openai/video-sdk-retrieve", "openai", SORA, "poll"),
    Row(
        "openai/video-sdk-download",
        "openai",
        SORA,
        "fetch",
        first={"GET /videos/video_1": {"id": "video_1", "status": "completed"}},
    ),
]

# --- xAI -----------------------------------------------------------------------------------------------

DRAWN, REDRAWN, GROK = (
    "grok-imagine/text-to-image",
    "grok-imagine/image-to-image",
    "grok-imagine/text-to-video",
)
XAI: Final = [
    Row("xai/image-generate-basic", "xai", DRAWN, "submit", "done 1"),
    Row("xai/image-generate-aspect-ratio", "xai", DRAWN, "submit", "done 1"),
    Row("xai/image-generate-multiple", "xai", DRAWN, "submit", "done 2"),
    Row("xai/image-generate-resolution", "xai", DRAWN, "submit", "done 1"),
    Row("xai/image-generate-429-credits", "xai", DRAWN, "submit", "refused quota"),
    Row("xai/image-edit-single", "xai", REDRAWN, "submit", "done 1"),
    Row("xai/image-edit-aspect-ratio", "xai", REDRAWN, "submit", "done 1"),
    Row("xai/image-edit-422-missing-url", "xai", REDRAWN, "submit", "refused bad_input"),
    Row("xai/video-text-to-video-01-post", "xai", GROK, "submit", "accepted"),
    Row("xai/video-get-01-post", "xai", GROK, "submit", "refused retired"),
    # Other calls than ours, answered in the same form.
    Row("xai/video-edit-01-post", "xai", GROK, "submit", "accepted", ours=False),
    Row("xai/video-extensions-basic-01-post", "xai", GROK, "submit", "accepted", ours=False),
    Row("xai/video-extensions-duration-01-post", "xai", GROK, "submit", "accepted", ours=False),
    Row("xai/video-edit-02-get-failed", "xai", GROK, "poll", "failed input_unreachable"),
]

ROWS: Final = [*DASHSCOPE, *ARK, *ELEVENLABS, *FAL, *GOOGLE, *OPENAI, *XAI]
