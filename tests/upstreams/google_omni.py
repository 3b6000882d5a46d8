"""A strict stand-in for the Gemini API where it makes clips: interactions in the background, and the files of them."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from tests.upstreams.google_media import TYPES, google_error, is_base64
from tests.upstreams.journal import Submit
from tests.upstreams.lies import FOR_EVER, Words
from tests.upstreams.results import result_file
from tests.upstreams.service import FakeService

MODELS: Final = ("gemini-omni-1.1-flash", "gemini-omni-1.2-flash")
FIELDS: Final = {"model", "input", "background", "generation_config", "response_format"}
FORMAT: Final = {"type", "aspect_ratio", "duration", "resolution", "delivery"}
TASKS: Final = {"text_to_video": False, "image_to_video": True, "reference_to_video": True}
"""What can be made of words and pictures, and whether that takes pictures."""


class FakeOmni(FakeService):
    """Interactions and files.

    ``[up:ended=STATUS]`` ends so, ``[up:inline]`` sends the clip in the record, ``[up:processing=N]`` has a file
    that is not ready for N looks, ``[up:file-failed]`` one that never is, ``[up:moved]`` sends one to ``elsewhere``.
    """

    retry_seconds = 37

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/{version:v1|v1beta}/interactions", self._create)
        app.router.add_get("/{version:v1|v1beta}/interactions/{id}", self._record)
        app.router.add_post("/{version:v1|v1beta}/interactions/{id}/cancel", self._cancel)
        app.router.add_get("/{version:v1|v1beta}/files/{id}", self._file_of_account)
        self.stopped: set[str] = set()
        self.looks: dict[str, int] = {}
        self.keys: list[str | None] = []
        self.elsewhere = ""

    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        details = (
            [{"@type": f"{TYPES}RetryInfo", "retryDelay": f"{self.retry_seconds}s"}] if code == 429 else []
        )
        return google_error(code, message, details)

    def _locked(self, request: web.Request) -> web.Response | None:
        self.keys.append(request.headers.get("x-goog-api-key"))
        if self.keys[-1] == self.key:
            return None
        reason = [{"@type": f"{TYPES}ErrorInfo", "reason": "API_KEY_INVALID"}]
        return google_error(400, "API key not valid. Please pass a valid API key.", reason)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        if (locked := self._locked(request)) is not None:
            return locked
        body: dict[str, Any] = json.loads(await request.text())
        if body.get("model") not in MODELS:
            return self.refusal(404, f"model {body.get('model')} is not found")
        if wrong := _wrong(body):
            return self.complain(400, f"Invalid value at '{wrong}'")
        prompt = _prompt(body)
        lie = await self.lie_before(request, prompt)
        if lie is not None:
            return lie
        submit = self.accept(body["model"], prompt, body)
        told = {"id": submit.task_id, "object": "interaction", "status": "in_progress", "model": submit.model}
        return await self.answer(request, submit, told)

    async def _record(self, request: web.Request) -> web.StreamResponse:
        if (locked := self._locked(request)) is not None:
            return locked
        submit = self.tasks.get(request.match_info["id"])
        if submit is None:
            return self.refusal(404, "interaction not found")
        whole = {"id": submit.task_id, "object": "interaction", "model": submit.model, **self._state(submit)}
        lie = await self.lie_while_polling(request, submit, whole)
        return web.json_response(whole) if lie is None else lie

    def _state(self, submit: Submit) -> dict[str, Any]:
        words, polls = Words(submit.prompt), self.polls[submit.task_id] + 1
        if polls <= words.times("unknown-state"):
            return {"status": "musing"}
        if submit.task_id in self.stopped:
            return {"status": "cancelled"}
        if self.running(submit):
            return {"status": "queued" if self.back_in_queue(submit) else "in_progress"}
        if "moderated" in words:
            error = {"code": "invalid_request", "message": "The prompt violates our usage policy"}
            return {"status": "failed", "errors": [error]}
        if "fail" in words:
            return {
                "status": "failed",
                "errors": [{"code": "internal", "message": self.said("Broken", words)}],
            }
        if "ended" in words:
            return {"status": words["ended"]}
        return {"status": "completed", "steps": _steps(self._clip(submit, words, polls))}

    def _clip(self, submit: Submit, words: Words, polls: int) -> dict[str, Any]:
        if polls <= words.times("no-file", FOR_EVER):
            return {"type": "text", "text": "I could not make that."}
        clip: dict[str, Any] = {"type": "video", "mime_type": "video/mp4"}
        if "inline" in words:
            return clip | {"data": base64.b64encode(clip_of(submit)).decode()}
        # As the service tells it: at its own public name, whatever host it was asked at.
        host = "https://generativelanguage.googleapis.com"
        return clip | {"uri": f"{host}/v1beta/files/{submit.task_id}:download?alt=media"}

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        if (locked := self._locked(request)) is not None:
            return locked
        submit = self.tasks.get(request.match_info["id"])
        if submit is None or not self.running(submit):
            return self.refusal(400, "the interaction is not running")
        self.stopped.add(submit.task_id)
        return web.json_response({"id": submit.task_id, "status": "cancelled"})

    async def _file_of_account(self, request: web.Request) -> web.StreamResponse:
        if (locked := self._locked(request)) is not None:
            return locked
        name, _, method = request.match_info["id"].partition(":")
        submit = self.tasks.get(name)
        if submit is None:
            return self.refusal(403, "You do not have permission to access the File")
        words = Words(submit.prompt)
        if method == "download":
            if "moved" in words:
                return web.Response(status=302, headers={"Location": self.elsewhere})
            return await self.hand_out(request, submit, name, clip_of(submit), "video/mp4")
        self.looks[name] = self.looks.get(name, 0) + 1
        if "file-failed" in words:
            return web.json_response({"name": f"files/{name}", "state": "FAILED", "error": {"code": 13}})
        ready = self.looks[name] > words.times("processing")
        return web.json_response({"name": f"files/{name}", "state": "ACTIVE" if ready else "PROCESSING"})


def clip_of(submit: Submit) -> bytes:
    return result_file("video", int(submit.task_id[:6], 16))


def _steps(part: dict[str, Any]) -> list[dict[str, Any]]:
    thought = {"type": "thought", "summary": [{"type": "text", "text": "A clip, then."}]}
    return [thought, {"type": "model_output", "content": [part]}]


def _parts(body: dict[str, Any]) -> list[dict[str, Any]]:
    if isinstance(body["input"], str):
        return [{"type": "text", "text": body["input"]}]
    (step,) = body["input"]
    return step["content"] if step["type"] == "user_input" else []


def _prompt(body: dict[str, Any]) -> str:
    return next(part["text"] for part in _parts(body) if part["type"] == "text")


def _wrong(body: dict[str, Any]) -> str | None:
    """The first thing that the API's pages do not allow."""
    if unknown := set(body) - FIELDS:
        return min(unknown)
    if body.get("background") is not True:
        return "background"
    parts = _parts(body)
    pictures = [part for part in parts if part.get("type") == "image"]
    if len(parts) - len(pictures) != 1 or not _prompt(body):
        return "input"
    if not all(is_base64(each.get("data")) and each["mime_type"].startswith("image/") for each in pictures):
        return "input.data"
    settings = body["generation_config"]
    if unknown := set(settings) - {"video_config", "seed"}:
        return f"generation_config.{min(unknown)}"
    if TASKS.get(settings["video_config"]["task"]) is not bool(pictures):
        return "generation_config.video_config.task"
    return _wrong_role(_prompt(body), len(pictures)) or _wrong_format(body["response_format"])


def _wrong_role(prompt: str, pictures: int) -> str | None:
    """Roles that no picture has, and pictures without a role."""
    named = {int(number) for number in re.findall(r"<IMAGE_REF_(\d+)>", prompt)}
    frames = set(re.findall(r"<(FIRST_FRAME|LAST_FRAME)>", prompt))
    if named | frames and len(named | frames) != pictures:
        return "input.text"
    return None if bool(named | frames) is bool(pictures) else "input.text"


def _wrong_format(wish: dict[str, Any]) -> str | None:
    if unknown := set(wish) - FORMAT:
        return f"response_format.{min(unknown)}"
    seconds = re.fullmatch(r"(\d+)s", wish["duration"])
    if wish["type"] != "video" or wish["delivery"] not in ("uri", "inline"):
        return "response_format.type"
    if wish["aspect_ratio"] not in ("16:9", "9:16"):
        return "response_format.aspect_ratio"
    if wish["resolution"] not in ("360p", "720p", "1080p", "4k"):
        return "response_format.resolution"
    return None if seconds and 3 <= int(seconds[1]) <= 10 else "response_format.duration"
