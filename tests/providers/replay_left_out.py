"""Recordings that are not replayed, each with its reason, and fields we send that no recording shows."""

from typing import Final

from tests.providers.replay import Shape

CHAT: Final = "a conversation: relayed, not run as a task"
NOT_CALLED: Final = "a call we have no use for"
NOT_MADE: Final = "none of our models is made so there"
OTHER_WAY: Final = "the same is asked in another way"

LEFT_OUT: Final[dict[str, str]] = {
    "alibaba/chat-hello": CHAT,
    "alibaba/chat-stream-hello": CHAT,
    "alibaba/sdk-image-qwen-image-async-submit": OTHER_WAY,
    "alibaba/video-sdk-kf2v": NOT_MADE,
    "alibaba/video-sdk-task-list": NOT_CALLED,
    "alibaba/video-uploads-policy-02-post": "neither its form nor its answer was written down",
    "bytedance/video-sdk-list": NOT_CALLED,
    "elevenlabs/audio-sdk-forced-alignment": NOT_MADE,
    "elevenlabs/audio-sdk-music-compose": NOT_MADE,
    "elevenlabs/audio-sdk-music-compose-plan": NOT_MADE,
    "elevenlabs/audio-sdk-music-detailed": NOT_MADE,
    "elevenlabs/audio-sdk-music-plan": NOT_MADE,
    "elevenlabs/audio-sdk-music-stems": NOT_MADE,
    "elevenlabs/audio-sdk-stt-url-webhook": OTHER_WAY,
    "elevenlabs/audio-sdk-voices": NOT_CALLED,
    "fal/audio-elevenlabs-speech-to-text-scribe-v2-01-post": NOT_MADE,
    "fal/video-requests-01-get": NOT_CALLED,
    "fal/video-sdk-cancel": NOT_CALLED,
    "fal/video-storage-upload-initiate-01-post": "as fal/image-storage-upload-01",
    "fal/video-storage-upload-initiate-02-put": "goes to an address the service gives, without a body on record",
    "google/audio-sdk-lyria-interaction": NOT_MADE,
    "google/sdk-chat-generate-content": CHAT,
    "google/sdk-chat-openai-compat": CHAT,
    "google/sdk-image-input-by-file-uri": OTHER_WAY,
    "google/video-sdk-omni-delete": NOT_CALLED,
    "google/video-sdk-omni-edit-file": NOT_MADE,
    "google/video-sdk-omni-extend": NOT_MADE,
    "google/video-sdk-omni-upscale": NOT_MADE,
    "google/video-sdk-veo-extend": "names its clip by a bucket of the caller's; ours is sent along",
    "openai/audio-speech-hello-01-post": NOT_MADE,
    "openai/audio-transcribe-dialog-01-post": NOT_MADE,
    "openai/audio-transcribe-tone-01-post": NOT_MADE,
    "openai/audio-translate-tone-01-post": NOT_MADE,
    "openai/chat-hello": CHAT,
    "openai/chat-vision": CHAT,
    "openai/image-dall-e-2-url": NOT_MADE,
    "openai/models-retrieve": NOT_CALLED,
    "openai/moderations-hello": NOT_CALLED,
    "openai/sdk-chat-gpt-5.2-vision": CHAT,
    "openai/sdk-chat-stream": CHAT,
    "openai/video-sdk-character-create": NOT_MADE,
    "openai/video-sdk-delete": NOT_CALLED,
    "openai/video-sdk-list": NOT_CALLED,
    "openai/video-sdk-remix": NOT_MADE,
    "xai/chat-400-empty-messages": CHAT,
    "xai/chat-422-bad-role": CHAT,
    "xai/chat-hello": CHAT,
    "xai/files-crud.01": NOT_CALLED,
    "xai/files-crud.02": NOT_CALLED,
    "xai/image-generate-b64": OTHER_WAY,
    "xai/image-models-list": NOT_CALLED,
    "xai/video-generation-models-01-get": NOT_CALLED,
    "xai/video-generation-models-get-01-get": NOT_CALLED,
    "xai/video-generation-models-list-01-get": NOT_CALLED,
}

VOICE_SETTINGS: Final[Shape] = {
    ("voice_settings", "object"),
    *((f"voice_settings.{name}", "number") for name in ("stability", "similarity_boost", "style", "speed")),
}
QWEN: Final[Shape] = {
    ("acceleration", "string"),
    ("enable_safety_checker", "boolean"),
    ("guidance_scale", "number"),
}
DOCUMENTED: Final[dict[str, Shape]] = {
    "dashscope POST /api/v1/services/aigc/image-generation/generation": {("parameters.seed", "number")},
    "dashscope POST /api/v1/services/aigc/video-generation/video-synthesis": {
        ("parameters.audio_setting", "string"),
        # Holds pictures beside clips, in place of the older reference_video_urls.
        ("input.reference_urls", "array"),
        ("input.reference_urls[]", "string"),
    },
    "ark POST /api/v3/images/generations": {("image", "string")},
    "elevenlabs POST /v1/text-to-dialogue": {
        ("?output_format", "string"),
        ("settings", "object"),
        ("settings.stability", "number"),
    },
    "elevenlabs POST /v1/text-to-speech/*/with-timestamps": {("?output_format", "string"), *VOICE_SETTINGS},
    "fal POST /fal-ai/qwen-image": QWEN,
    "fal POST /fal-ai/qwen-image-edit": {
        *QWEN,
        ("image_size", "string"),
        ("num_inference_steps", "number"),
        ("output_format", "string"),
    },
    "fal POST /fal-ai/kling-video/v2.1/standard/image-to-video": {("cfg_scale", "number")},
    # The service reads both spellings of its names.
    "google POST /models/*:generateContent": {("contents[].parts[].inlineData.mimeType", "string")},
    "xai POST /v1/images/edits": {("resolution", "string"), ("response_format", "string")},
}
"""By provider and endpoint: fields that the makers' references have and no recording of the endpoint holds."""
