"""A strict stand-in for the Gemini API where it makes pictures and speech, and for what Imagen's call was.

It takes the snake case of the official SDK beside the API's own camel case, and each model takes what its page lists.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from tests.upstreams.lies import Words
from tests.upstreams.results import result_file
from tests.upstreams.service import FakeService

RATIOS: Final = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
STRIPS: Final = ("1:4", "4:1", "1:8", "8:1")
PICTURES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "gemini-2.5-flash-image": (RATIOS, ()),
    "gemini-3.1-flash-image": (RATIOS + STRIPS, ("512", "1K", "2K", "4K")),
    "gemini-3.1-flash-lite-image": (RATIOS + STRIPS, ("1K",)),
    "gemini-3-pro-image": (RATIOS, ("1K", "2K", "4K")),
}
"""The shapes and sizes of each picture model."""
SEARCHES: Final = ("gemini-3.1-flash-image", "gemini-3-pro-image")
SPEECH: Final = ("gemini-2.5-pro-preview-tts", "gemini-3.1-flash-tts-preview")
IMAGEN: Final = ("imagen-4.0-generate-001", "imagen-4.0-fast-generate-001", "imagen-4.0-ultra-generate-001")
STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
TYPES: Final = "type.googleapis.com/google.rpc."
SAMPLES: Final = b"\x01\x02" * 24_000
"""One second of sound."""
SETTINGS: Final = {
    "responseModalities",
    "imageConfig",
    "seed",
    "temperature",
    "speechConfig",
    "candidateCount",
}


class FakeGoogle(FakeService):
    """The Gemini API.

    ``[up:blocked]`` blocks the prompt, ``[up:end=REASON]`` ends without a file, ``[up:says]`` answers in words,
    ``[up:draft]`` sends a draft first, ``[up:used-up]`` has no quota left for the day, ``[up:unbilled]`` none at all.
    """

    retry_seconds = 37

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/{version:v1|v1beta}/models/{call}", self._call)

    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        details = (
            [{"@type": f"{TYPES}RetryInfo", "retryDelay": f"{self.retry_seconds}s"}] if code == 429 else []
        )
        return google_error(code, message, details)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("x-goog-api-key") != self.key:
            reason = [{"@type": f"{TYPES}ErrorInfo", "reason": "API_KEY_INVALID"}]
            return google_error(400, "API key not valid. Please pass a valid API key.", reason)
        model, _, method = request.match_info["call"].partition(":")
        try:
            body: dict[str, Any] = camel(json.loads(await request.text()))
        except ValueError:
            return self.complain(400, "Invalid JSON payload received")
        known = {"predict": IMAGEN, "generateContent": (*PICTURES, *SPEECH)}.get(method, ())
        if model not in known:
            return self.refusal(404, f"models/{model} is not found for API version v1beta")
        wrong = _wrong_prediction(body) if method == "predict" else wrong_content(model, body)
        if wrong:
            return self.complain(400, f"Invalid value at '{wrong}'")
        return await self._make(request, model, body)

    async def _make(self, request: web.Request, model: str, body: dict[str, Any]) -> web.StreamResponse:
        predicts = "instances" in body
        prompt = body["instances"][0]["prompt"] if predicts else body["contents"][0]["parts"][0]["text"]
        lie = await self.lie_before(request, prompt)
        if lie is not None:
            return lie
        words = Words(prompt)
        if "used-up" in words:
            quota = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel", "quotaMetric": "requests"}
            return google_error(
                429, "Quota exceeded", [{"@type": f"{TYPES}QuotaFailure", "violations": [quota]}]
            )
        if "unbilled" in words:
            told = {"error": {"code": 400, "message": "Billing is off", "status": "FAILED_PRECONDITION"}}
            return web.json_response(told, status=400)
        submit = self.accept(model, prompt, body)
        made = _predictions(body, words) if predicts else _content(model, len(self.submits), words)
        return await self.answer(request, submit, made)


def camel(value: Any) -> Any:
    """JSON with every name in camel case, as the API reads it."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if isinstance(value, dict):
        return {re.sub("_([a-z])", lambda m: m[1].upper(), name): camel(item) for name, item in value.items()}
    return value


def wrong_content(model: str, body: dict[str, Any]) -> str | None:
    """The first thing in a ``generateContent`` call that the API's pages do not allow."""
    if unknown := set(body) - {"contents", "generationConfig", "tools", "safetySettings"}:
        return min(unknown)
    if body.get("tools", []) != [] and (body["tools"] != [{"googleSearch": {}}] or model not in SEARCHES):
        return "tools"
    (content,) = body["contents"]
    if content["role"] != "user":
        return "contents[0].role"
    for number, part in enumerate(content["parts"]):
        if not _is_text(part) and not (model in PICTURES and _is_picture(part)):
            return f"contents[0].parts[{number}]"
    settings = body["generationConfig"]
    if unknown := set(settings) - SETTINGS:
        return f"generationConfig.{min(unknown)}"
    return _wrong_speech(settings) if model in SPEECH else _wrong_picture(model, settings)


def _is_text(part: dict[str, Any]) -> bool:
    return set(part) == {"text"} and isinstance(part["text"], str) and part["text"] != ""


def _is_picture(part: dict[str, Any]) -> bool:
    inline = part.get("inlineData", {})
    if set(part) != {"inlineData"} or inline.get("mimeType") not in ("image/png", "image/jpeg", "image/webp"):
        return False
    return is_base64(inline.get("data"))


def is_base64(value: Any) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) > 3
    except (binascii.Error, TypeError, ValueError):
        return False


def _wrong_picture(model: str, settings: dict[str, Any]) -> str | None:
    ratios, sizes = PICTURES[model]
    picture = settings.get("imageConfig", {})
    if "IMAGE" not in settings["responseModalities"]:
        return "generationConfig.responseModalities"
    if unknown := set(picture) - {"aspectRatio", "imageSize"}:
        return f"generationConfig.imageConfig.{min(unknown)}"
    if picture.get("aspectRatio", "1:1") not in ratios:
        return "generationConfig.imageConfig.aspectRatio"
    if "imageSize" in picture and picture["imageSize"] not in sizes:
        return "generationConfig.imageConfig.imageSize"
    return "generationConfig.speechConfig" if "speechConfig" in settings else None


def _wrong_speech(settings: dict[str, Any]) -> str | None:
    if settings["responseModalities"] != ["AUDIO"]:
        return "generationConfig.responseModalities"
    if not 0 <= settings.get("temperature", 1) <= 2:
        return "generationConfig.temperature"
    speech = settings["speechConfig"]
    several = speech.get("multiSpeakerVoiceConfig", {}).get("speakerVoiceConfigs", [])
    voices = [each["voiceConfig"] for each in several] or [speech["voiceConfig"]]
    if len(several) not in (0, 2) or len({each["speaker"] for each in several}) != len(several):
        return "generationConfig.speechConfig.multiSpeakerVoiceConfig"
    if not all(voice["prebuiltVoiceConfig"]["voiceName"] for voice in voices):
        return "generationConfig.speechConfig.voiceConfig"
    return None


def _wrong_prediction(body: dict[str, Any]) -> str | None:
    wishes = body["parameters"]
    if set(body) != {"instances", "parameters"} or [set(each) for each in body["instances"]] != [{"prompt"}]:
        return "instances"
    if unknown := set(wishes) - {"sampleCount", "aspectRatio", "includeRaiReason", "outputOptions"}:
        return f"parameters.{min(unknown)}"
    if wishes["sampleCount"] not in (1, 2, 3, 4):
        return "parameters.sampleCount"
    return (
        None if wishes.get("aspectRatio", "1:1") in ("1:1", "3:4", "4:3", "9:16", "16:9") else "aspectRatio"
    )


def _content(model: str, seed: int, words: Words) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "modelVersion": model,
        "responseId": "r",
        "usageMetadata": {"totalTokenCount": 9},
    }
    if "blocked" in words:
        return whole | {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
    if "end" in words:
        return whole | {"candidates": [{"finishReason": words["end"], "index": 0}]}
    if "says" in words:
        parts: list[dict[str, Any]] = [{"text": "I would rather talk about boats."}]
    elif model in SPEECH:
        parts = [_inline("audio/L16;codec=pcm;rate=24000", SAMPLES)]
    else:
        drafts = (
            [_inline("image/png", result_file("image", 0)) | {"thought": True}] if "draft" in words else []
        )
        parts = [*drafts, {"text": "Here it is."}, _inline("image/png", result_file("image", seed))]
    content = {"role": "model", "parts": parts}
    return whole | {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}]}


def _predictions(body: dict[str, Any], words: Words) -> dict[str, Any]:
    if "blocked" in words:
        return {"predictions": [{"raiFilteredReason": "Violence"}]}
    count = body["parameters"]["sampleCount"]
    pictures = [result_file("image", number) for number in range(count)]
    return {
        "predictions": [
            {"bytesBase64Encoded": base64.b64encode(each).decode(), "mimeType": "image/png"}
            for each in pictures
        ]
    }


def _inline(media_type: str, data: bytes) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": base64.b64encode(data).decode()}}


def google_error(code: int, message: str, details: list[dict[str, Any]]) -> web.Response:
    """An error as every Google service tells it."""
    told = {"code": code, "message": message, "status": STATUSES.get(code, "UNKNOWN"), "details": details}
    return web.json_response({"error": told}, status=code)
