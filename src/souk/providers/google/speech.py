"""Speech: Gemini's readers, who take direction in words, by ``generateContent``. The sound comes back as bare samples.

Source: the Gemini API's page on speech generation.
"""

import asyncio
import io
import re
import wave
from typing import Final

from souk.net.http import Http
from souk.providers.answers import objects, shaped
from souk.providers.base import Done, Job, OutputFile, Refused
from souk.providers.google.generated import Inline, read_inline
from souk.providers.google.wire import call_model
from souk.words import FailKind, JsonObject

SUBMIT_SECONDS: Final = 600.0
ANSWER_BYTES: Final = 128 * 1024 * 1024
"""Room for half an hour of sound, in base64."""
MOST_SPEAKERS: Final = 2
RATE: Final = 24_000
"""Samples per second where the answer does not tell."""
_RATE: Final = re.compile(r"rate=(\d{4,6})\b")
DIRECTIONS: Final = {
    "audio_profile": "Voice",
    "style": "Style",
    "accent": "Accent",
    "pace": "Pace",
}
"""Our fields of a speaker, as the director's notes call them."""


async def submit_speech(job: Job, http: Http) -> Done:
    """Read the lines out. Raises Refused, or Unreadable where the answer proves nothing."""
    speakers = objects(job.input["speakers"])
    if len(speakers) > MOST_SPEAKERS:
        raise Refused(FailKind.UNSUPPORTED, f"speakers: the upstream knows at most {MOST_SPEAKERS}")
    body: JsonObject = {
        "contents": [{"role": "user", "parts": [{"text": script(job.input)}]}],
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "temperature": job.input["temperature"],
            "speechConfig": _voices(speakers),
        },
    }
    answer = await call_model(
        job, http, "generateContent", body, seconds=SUBMIT_SECONDS, max_bytes=ANSWER_BYTES
    )
    sounds = await read_inline(answer, job)
    return Done([await asyncio.to_thread(_playable, sounds)], shaped(job, 1))


def script(input: JsonObject) -> str:
    """The scene, the director's notes and the lines, as one text with a heading each."""
    speakers, lines = objects(input["speakers"]), objects(input["dialogue_turns"])
    together = len(speakers) > 1
    sections = {
        "Scene": str(input.get("scene") or ""),
        "Mood": str(input.get("sample_context") or ""),
        "Director's notes": "\n".join(_note(speaker, together) for speaker in speakers),
        "Transcript": "\n".join(
            f"{line['speaker_id']}: {line['text']}" if together else str(line["text"]) for line in lines
        ),
    }
    return "\n\n".join(f"# {title}\n{text}" for title, text in sections.items() if text)


def _note(speaker: JsonObject, named: bool) -> str:
    notes = [f"{title}: {speaker[field]}" for field, title in DIRECTIONS.items() if speaker.get(field)]
    return f"{speaker['speaker_id']}. {'; '.join(notes)}" if named else "; ".join(notes)


def _voices(speakers: list[JsonObject]) -> JsonObject:
    if len(speakers) == 1:
        return {"voiceConfig": _voice(speakers[0])}
    pairs = [{"speaker": each["speaker_id"], "voiceConfig": _voice(each)} for each in speakers]
    return {"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": pairs}}


def _voice(speaker: JsonObject) -> JsonObject:
    return {"prebuiltVoiceConfig": {"voiceName": speaker["voice_name"]}}


def _playable(sounds: list[Inline]) -> OutputFile:
    """The sound as a file: bare samples (``audio/L16;rate=24000``, little-endian) get a WAV header."""
    first = sounds[0]
    if not first.media_type.lower().startswith(("audio/l16", "audio/pcm")):
        return OutputFile(first.media_type, data=first.data)
    rate = _RATE.search(first.media_type)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(int(rate[1]) if rate else RATE)
        sound.writeframes(b"".join(each.data for each in sounds))
    return OutputFile("audio/wav", data=file.getvalue())
