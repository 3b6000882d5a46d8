"""The one visible table of upstream services: adding a provider is one module and one entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from souk.providers import ark, bfl, dashscope, elevenlabs, fal, kie, kling
from souk.providers.base import Provider
from souk.providers.chat import anthropic, google, openai
from souk.providers.chat import kie as kie_chat
from souk.providers.chat.speech import Speech, Speeches
from souk.providers.google import Google, GoogleCloud, cloud
from souk.providers.openai import OpenAI
from souk.providers.xai import Xai


@dataclass(frozen=True, slots=True)
class Entry:
    """One upstream service, and the variables that configure its default connection."""

    title: str
    description: str
    key_variable: str
    """Holds the API key; setting it makes the connection. With ``_FILE`` appended: a file that holds it."""
    base_url_variable: str
    base_url: str
    """Empty where there is none that everybody uses; setting it then makes the connection, with or without a key."""
    factory: Callable[[], Provider] | None = None
    """Makes what runs tasks there; None if it only chats."""
    speaks: Speeches = field(default_factory=dict[str, Speech])
    """How it chats, by protocol; empty if it only runs tasks."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further options of a connection, each with the variable that sets it."""


PROVIDERS: dict[str, Entry] = {
    "kie": Entry(
        title="KIE.AI",
        description="Every model of the KIE.AI Market, or another server with the same Jobs API.",
        key_variable="KIE_API_KEY",
        base_url_variable="SOUK_KIE_BASE_URL",
        base_url=kie.BASE_URL,
        factory=kie.Kie,
        speaks=kie_chat.SPEECHES,
        options={"upload_url": "SOUK_KIE_UPLOAD_URL", kie.WEBHOOK_KEY: "KIE_WEBHOOK_KEY"},
    ),
    "bfl": Entry(
        title="Black Forest Labs",
        description="FLUX.2 and FLUX.1 Kontext.",
        key_variable="BFL_API_KEY",
        base_url_variable="SOUK_BFL_BASE_URL",
        base_url=bfl.BASE_URL,
        factory=bfl.Bfl,
        options={bfl.WEBHOOKS: "SOUK_BFL_WEBHOOKS"},
    ),
    "elevenlabs": Entry(
        title="ElevenLabs",
        description="Speech, dialogue, sound effects, transcripts and clean voices.",
        key_variable="ELEVENLABS_API_KEY",
        base_url_variable="SOUK_ELEVENLABS_BASE_URL",
        base_url=elevenlabs.BASE_URL,
        factory=elevenlabs.ElevenLabs,
    ),
    "ark": Entry(
        title="ByteDance Ark",
        description="Seedream pictures and Seedance videos.",
        key_variable="ARK_API_KEY",
        base_url_variable="SOUK_ARK_BASE_URL",
        base_url=ark.BASE_URL,
        factory=ark.Ark,
    ),
    "dashscope": Entry(
        title="Alibaba DashScope",
        description="Wan and HappyHorse videos, and pictures by Qwen, Wan and Z-Image.",
        key_variable="DASHSCOPE_API_KEY",
        base_url_variable="SOUK_DASHSCOPE_BASE_URL",
        base_url=dashscope.BASE_URL,
        factory=dashscope.DashScope,
    ),
    "fal": Entry(
        title="fal.ai",
        description="Kling, Hailuo, Seedance, Wan, Qwen and ElevenLabs models of its queue.",
        key_variable="FAL_KEY",
        base_url_variable="SOUK_FAL_BASE_URL",
        base_url=fal.BASE_URL,
        factory=fal.Fal,
        options={"upload_url": "SOUK_FAL_UPLOAD_URL", "keys_url": "SOUK_FAL_KEYS_URL"},
    ),
    "kling": Entry(
        title="Kling",
        description="The Kling videos, avatars and motion control.",
        key_variable="KLING_ACCESS_KEY",
        base_url_variable="SOUK_KLING_BASE_URL",
        base_url=kling.BASE_URL,
        factory=kling.Kling,
        options={"secret_key": "KLING_SECRET_KEY"},
    ),
    "openai": Entry(
        title="OpenAI",
        description="The GPT, Codex and GPT Image models.",
        key_variable="OPENAI_API_KEY",
        base_url_variable="SOUK_OPENAI_BASE_URL",
        base_url=openai.OPENAI_URL,
        factory=OpenAI,
        speaks=openai.OPENAI,
        options={"video_lengths": "SOUK_OPENAI_VIDEO_LENGTHS"},
    ),
    "anthropic": Entry(
        title="Anthropic",
        description="The Claude models.",
        key_variable="ANTHROPIC_API_KEY",
        base_url_variable="SOUK_ANTHROPIC_BASE_URL",
        base_url=anthropic.BASE_URL,
        speaks=anthropic.SPEECHES,
        options={"version": "SOUK_ANTHROPIC_VERSION"},
    ),
    "google": Entry(
        title="Google",
        description="The Gemini models: chat, Nano Banana, speech and Omni video.",
        key_variable="GEMINI_API_KEY",
        base_url_variable="SOUK_GOOGLE_BASE_URL",
        base_url=google.BASE_URL,
        factory=Google,
        speaks=google.SPEECHES,
    ),
    "google-cloud": Entry(
        title="Google Cloud",
        description="Veo 3.1. The key is the JSON of a service account's key, or an access token.",
        key_variable="GOOGLE_CLOUD_CREDENTIALS",
        base_url_variable="SOUK_GOOGLE_CLOUD_BASE_URL",
        base_url=cloud.BASE_URL,
        factory=GoogleCloud,
        options={
            "project": "GOOGLE_CLOUD_PROJECT",
            "region": "GOOGLE_CLOUD_LOCATION",
            "storage_uri": "GOOGLE_CLOUD_STORAGE_URI",
            "storage_url": "SOUK_GOOGLE_CLOUD_STORAGE_URL",
        },
    ),
    "xai": Entry(
        title="xAI",
        description="The Grok models: chat and Imagine.",
        key_variable="XAI_API_KEY",
        base_url_variable="SOUK_XAI_BASE_URL",
        base_url=openai.XAI_URL,
        factory=Xai,
        speaks=openai.XAI,
    ),
    "openai-compatible": Entry(
        title="OpenAI-compatible server",
        description="Any server with OpenAI's chat completions, images or videos API, such as vLLM, Ollama or "
        "OpenRouter. Which models it serves is said in `souk.yaml`.",
        key_variable="SOUK_OPENAI_COMPATIBLE_API_KEY",
        base_url_variable="SOUK_OPENAI_COMPATIBLE_BASE_URL",
        base_url="",
        factory=OpenAI,
        speaks=openai.COMPATIBLE,
        options={"video_lengths": "SOUK_OPENAI_COMPATIBLE_VIDEO_LENGTHS"},
    ),
}
