"""What each kind of work is called at ElevenLabs: path, fields and files. Source: the official SDK's requests."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from souk.net.http import FilePart, Form
from souk.providers.base import Job, Refused
from souk.providers.elevenlabs.voices import voice_id
from souk.providers.takes import Takes
from souk.words import FailKind, JsonObject

SPEECH_SECONDS: Final = 600.0
TRANSCRIPT_SECONDS: Final = 1800.0
"""Hours of sound are heard within one request."""
MP3: Final = "mp3_44100_128"
"""The format of every sound whose format the caller does not choose."""
MOST_VOICES: Final = 10
"""Different ones in a dialogue."""
HEARS_THE_LANGUAGE: Final = frozenset({"eleven_multilingual_v2"})
"""Models that refuse to be told it."""

ENDINGS: Final = {
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/aac": "aac",
    "audio/mp4": "m4a",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/webm": "webm",
    "audio/aiff": "aiff",
}
"""The sounds the service takes, and what such a file is called at its end."""
TAKES: Final = {"audio": Takes(frozenset(ENDINGS))}

VOICE_SETTINGS: Final = ("stability", "similarity_boost", "style", "speed")
AROUND: Final = ("previous_text", "next_text", "language_code")
"""Sent as they are, unless empty."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what is posted where, and how long an answer may take."""

    path: str
    json: JsonObject | None = None
    form: Form | None = None
    seconds: float = SPEECH_SECONDS


async def call_for(job: Job) -> Call:
    """The request a job becomes. Raises Refused for what the service cannot be asked."""
    make = _CALLS.get(job.task)
    if make is None:
        raise Refused(FailKind.UNSUPPORTED, f"The upstream has nothing for {job.task}")
    return await make(job)


def timed(job: Job) -> bool:
    """Whether the times of the characters are wanted beside the sound."""
    return job.task == "text-to-speech" and bool(job.input.get("timestamps"))


async def _speech(job: Job) -> Call:
    input = job.input
    if input.get("language_code") and job.upstream_model in HEARS_THE_LANGUAGE:
        raise Refused(FailKind.BAD_INPUT, "language_code: this model hears the language from the text itself")
    body: JsonObject = {
        "text": input["text"],
        "model_id": job.upstream_model,
        "voice_settings": {name: input[name] for name in VOICE_SETTINGS if name in input},
    }
    body |= {name: input[name] for name in AROUND if input.get(name)}
    path = f"/v1/text-to-speech/{voice_id(input['voice'], 'voice')}"
    return Call(f"{path}/with-timestamps{_format(job)}" if timed(job) else f"{path}{_format(job)}", body)


async def _dialogue(job: Job) -> Call:
    lines: list[Any] = job.input["dialogue"]
    inputs = [{"text": line["text"], "voice_id": voice_id(line["voice"], "dialogue.voice")} for line in lines]
    if len({line["voice_id"] for line in inputs}) > MOST_VOICES:
        raise Refused(FailKind.UNSUPPORTED, f"dialogue: the upstream takes {MOST_VOICES} different voices")
    body: JsonObject = {"inputs": inputs, "model_id": job.upstream_model}
    body["settings"] = {"stability": job.input["stability"]}
    if language := job.input.get("language_code"):
        body["language_code"] = language
    return Call(f"/v1/text-to-dialogue{_format(job)}", body)


async def _effect(job: Job) -> Call:
    wanted = ("text", "loop", "duration_seconds", "prompt_influence")
    body: JsonObject = {name: job.input[name] for name in wanted if name in job.input}
    return Call(f"/v1/sound-generation{_format(job)}", body | {"model_id": job.upstream_model})


async def _transcript(job: Job) -> Call:
    fields = {"model_id": job.upstream_model}
    if language := str(job.input.get("language_code") or "").strip():
        fields["language_code"] = language
    for name in ("tag_audio_events", "diarize"):
        if name in job.input:
            fields[name] = "true" if job.input[name] else "false"
    form = Form(fields, [await _sound(job, "file")])
    return Call("/v1/speech-to-text", form=form, seconds=TRANSCRIPT_SECONDS)


async def _isolation(job: Job) -> Call:
    return Call("/v1/audio-isolation", form=Form({}, [await _sound(job, "audio")]))


async def _sound(job: Job, name: str) -> FilePart:
    (file,) = await job.media.files("audio_url")
    return FilePart(name, file.path, f"sound.{ENDINGS.get(file.media_type, 'bin')}", file.media_type)


def _format(job: Job) -> str:
    return f"?output_format={job.input.get('output_format') or MP3}"


_CALLS: Final[dict[str, Callable[[Job], Awaitable[Call]]]] = {
    "text-to-speech": _speech,
    "dialogue": _dialogue,
    "sound-effect": _effect,
    "speech-to-text": _transcript,
    "audio-isolation": _isolation,
}
"""By our kind of work, so that models an operator adds are served too."""
