"""A strict stand-in for ElevenLabs: answers with the sound itself, or with a transcript, while one waits."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import BodyPartReader, web

from tests.upstreams.lies import Words
from tests.upstreams.service import FakeService

MP3: Final = (b"\xff\xfb\x90\x64" + bytes(413)) * 40
"""A second of silence: forty frames of 128 kbit/s at 44.1 kHz."""
VOICE_LETTERS: Final = 20
FORMATS: Final = frozenset(
    f"mp3_{each}" for each in ("22050_32", "44100_32", "44100_64", "44100_96", "44100_128", "44100_192")
) | {"pcm_16000", "pcm_24000", "pcm_44100", "ulaw_8000", "alaw_8000", "opus_48000_128"}
LIMITS: Final = {"stability": (0, 1), "similarity_boost": (0, 1), "style": (0, 1), "speed": (0.7, 1.2)}

SPEECH: Final = {
    "text": str,
    "model_id": str,
    "voice_settings": dict,
    "language_code": str,
    "previous_text": str,
    "next_text": str,
    "seed": int,
}
DIALOGUE: Final = {"inputs": list, "model_id": str, "settings": dict, "language_code": str, "seed": int}
EFFECT: Final = {
    "text": str,
    "model_id": str,
    "duration_seconds": (int, float),
    "prompt_influence": (int, float),
    "loop": bool,
}
TRANSCRIPT: Final = frozenset({"model_id", "file", "language_code", "tag_audio_events", "diarize"})
SPEAKERS: Final = {"eleven_multilingual_v2": 10_000, "eleven_turbo_v2_5": 40_000}
"""The models that speak, and how many characters they take."""
DIALOGUE_CHARACTERS: Final = 2000


class FakeElevenLabs(FakeService):
    """ElevenLabs. ``[up:status=WORD]`` names the error of ``[up:refuse=CODE]``, ``[up:empty]`` answers with no sound.

    Where a request has a file and no text, the words are read from the file.
    """

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/v1/text-to-speech/{voice}", self._speech)
        app.router.add_post("/v1/text-to-speech/{voice}/with-timestamps", self._timed)
        app.router.add_post("/v1/text-to-dialogue", self._dialogue)
        app.router.add_post("/v1/sound-generation", self._effect)
        app.router.add_post("/v1/speech-to-text", self._transcript)
        app.router.add_post("/v1/audio-isolation", self._isolation)

    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        return self._refusal(code, "refused", message, headers)

    def _refusal(
        self, code: int, status: str, message: str, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        detail = {"status": status, "message": message}
        return web.json_response({"detail": detail}, status=code, headers=headers)

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        body, wrong = await self._json(request, SPEECH)
        if wrong is not None:
            return wrong
        wrong = self._wrong_speech(request.match_info["voice"], body)
        if wrong is not None:
            return wrong
        return await self._sounds(request, body["model_id"], body["text"], body)

    async def _timed(self, request: web.Request) -> web.StreamResponse:
        body, wrong = await self._json(request, SPEECH)
        if wrong is not None:
            return wrong
        wrong = self._wrong_speech(request.match_info["voice"], body)
        if wrong is not None:
            return wrong
        letters = list(body["text"])
        times = {
            "characters": letters,
            "character_start_times_seconds": [round(at * 0.05, 3) for at in range(len(letters))],
            "character_end_times_seconds": [round((at + 1) * 0.05, 3) for at in range(len(letters))],
        }
        sound = "" if "empty" in Words(body["text"]) else base64.b64encode(MP3).decode()
        answer = {"audio_base64": sound, "alignment": times, "normalized_alignment": times}
        return await self._told(request, body["model_id"], body["text"], body, answer)

    async def _dialogue(self, request: web.Request) -> web.StreamResponse:
        body, wrong = await self._json(request, DIALOGUE)
        if wrong is not None:
            return wrong
        lines: list[dict[str, str]] = body.get("inputs", [])
        if not lines or any(set(line) != {"text", "voice_id"} for line in lines):
            return self.complain(422, "inputs")
        if body.get("model_id") != "eleven_v3" or body.get("settings", {}).get("stability") not in (
            0,
            0.5,
            1,
        ):
            return self.complain(422, "model_id or settings")
        text = " ".join(line["text"] for line in lines)
        for line in lines:
            if len(line["voice_id"]) != VOICE_LETTERS:
                return self._refusal(404, "voice_not_found", "A voice was not found")
        if len(text) > DIALOGUE_CHARACTERS:
            return self._refusal(400, "max_character_limit_exceeded", "The text is too long")
        return await self._sounds(request, body["model_id"], text, body)

    async def _effect(self, request: web.Request) -> web.StreamResponse:
        body, wrong = await self._json(request, EFFECT)
        if wrong is not None:
            return wrong
        if body.get("model_id") != "eleven_text_to_sound_v2" or not body.get("text"):
            return self.complain(422, "model_id or text")
        if not 0.5 <= body.get("duration_seconds", 1) <= 30 or not 0 <= body.get("prompt_influence", 0) <= 1:
            return self.complain(422, "duration_seconds or prompt_influence")
        return await self._sounds(request, body["model_id"], body["text"], body)

    async def _transcript(self, request: web.Request) -> web.StreamResponse:
        form, prompt, wrong = await self._form(request, "file")
        if wrong is not None:
            return wrong
        if not set(form) <= TRANSCRIPT or form.get("model_id") != "scribe_v2":
            return self.complain(422, f"one of {sorted(form)}")
        if any(form.get(name, "true") not in ("true", "false") for name in ("tag_audio_events", "diarize")):
            return self.complain(422, "a boolean that is none")
        words = [
            {
                "text": "Good",
                "start": 0.1,
                "end": 0.3,
                "type": "word",
                "speaker_id": "speaker_0",
                "logprob": -0.1,
            },
            {
                "text": " ",
                "start": 0.3,
                "end": 0.4,
                "type": "spacing",
                "speaker_id": "speaker_0",
                "logprob": 0,
            },
            {
                "text": "day.",
                "start": 0.4,
                "end": 0.8,
                "type": "word",
                "speaker_id": "speaker_0",
                "logprob": -0.2,
            },
        ]
        answer: dict[str, Any] = {"language_code": "eng", "language_probability": 0.98, "text": "Good day."}
        answer |= {"words": words, "transcription_id": "t1"}
        if "no-length" not in Words(prompt):
            answer["audio_duration_secs"] = 1.5
        return await self._told(request, form["model_id"], prompt, form, answer)

    async def _isolation(self, request: web.Request) -> web.StreamResponse:
        form, prompt, wrong = await self._form(request, "audio")
        if wrong is not None:
            return wrong
        if set(form) != {"audio"}:
            return self.complain(422, f"one of {sorted(form)}")
        return await self._sounds(request, "", prompt, form)

    # --- what every call has -----------------------------------------------------------------------

    def _unknown_key(self, request: web.Request) -> web.Response | None:
        if request.headers.get("xi-api-key") != self.key or "Authorization" in request.headers:
            return self._refusal(401, "invalid_api_key", "Invalid API key")
        return None

    async def _json(
        self, request: web.Request, fields: Mapping[str, Any]
    ) -> tuple[dict[str, Any], web.Response | None]:
        wrong = self._unknown_key(request)
        if wrong is not None:
            return {}, wrong
        if request.query.get("output_format", "mp3_44100_128") not in FORMATS:
            return {}, self.complain(422, "output_format")
        try:
            body = json.loads(await request.text())
        except ValueError:
            return {}, self.complain(422, "a body that is not JSON")
        for name, value in body.items():
            if name not in fields or not isinstance(value, fields[name]) or value == "":
                self.complaints.append(f"{name}: {value!r:.60}")
                problem = {"loc": ["body", name], "msg": "Input is not valid", "type": "value_error"}
                return {}, web.json_response({"detail": [problem]}, status=422)
        return body, None

    async def _form(self, request: web.Request, file: str) -> tuple[dict[str, str], str, web.Response | None]:
        wrong = self._unknown_key(request)
        if wrong is not None:
            return {}, "", wrong
        if request.content_type != "multipart/form-data":
            return {}, "", self.complain(422, "no form")
        form, prompt = {}, ""
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            content = bytes(await part.read())
            if part.name != file:
                form[str(part.name)] = content.decode()
                continue
            form[file] = f"{part.filename} {part.headers.get('Content-Type')} {len(content)}"
            prompt = content.decode("latin-1")
        return (form, prompt, None) if file in form else ({}, "", self.complain(422, f"no {file}"))

    def _wrong_speech(self, voice: str, body: dict[str, Any]) -> web.Response | None:
        if len(voice) != VOICE_LETTERS:
            return self._refusal(404, "voice_not_found", f"A voice with the voice_id {voice} was not found.")
        if not body.get("text"):
            return self.complain(422, "text")
        most = SPEAKERS.get(body.get("model_id", ""))
        if most is None:
            return self._refusal(400, "model_not_found", "A model with this model_id does not exist")
        if len(body["text"]) > most:
            return self._refusal(400, "max_character_limit_exceeded", "The text is too long")
        if body["model_id"] == "eleven_multilingual_v2" and "language_code" in body:
            return self.complain(400, "language_code")
        for name, value in body.get("voice_settings", {}).items():
            low, high = LIMITS[name]
            if not low <= value <= high:
                return self.complain(422, name)
        return None

    async def _before(self, request: web.Request, prompt: str) -> web.StreamResponse | None:
        words = Words(prompt)
        if "status" in words and "refuse" in words:
            return self._refusal(int(words["refuse"]), words["status"], self.said("Not this one.", words))
        return await self.lie_before(request, prompt)

    async def _told(
        self, request: web.Request, model: str, prompt: str, body: dict[str, Any], answer: dict[str, Any]
    ) -> web.StreamResponse:
        lie = await self._before(request, prompt)
        if lie is not None:
            return lie
        return await self.answer(request, self.accept(model, prompt, self._seen(request, body)), answer)

    async def _sounds(
        self, request: web.Request, model: str, prompt: str, body: dict[str, Any]
    ) -> web.StreamResponse:
        lie = await self._before(request, prompt)
        if lie is not None:
            return lie
        submit = self.accept(model, prompt, self._seen(request, body))
        lie = await self.lie_after(request, submit, MP3)
        if lie is not None:
            return lie
        sound = b"" if "empty" in Words(prompt) else MP3
        told = {"request-id": submit.task_id, "character-cost": "10"}
        return web.Response(body=sound, content_type="audio/mpeg", headers=told)

    def _seen(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """What the journal keeps: the path asked and the body."""
        return {"path": request.path_qs, **body}
