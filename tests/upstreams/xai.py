"""A strict stand-in for xAI's Imagine API: pictures in the answer, clips that are pending, done or failed.

``[up:moderated]`` holds pictures and clips back, ``[up:one-blocked]`` the first of several pictures.
``[up:fail=CODE]`` ends a clip, with ``[up:why=WORDS]``; ``[up:state=WORD]`` is its state, ``[up:no-status]`` leaves it
out, ``[up:202]`` has no body. ``[up:says=WORDS]`` and ``[up:shape=plain|nested|credits|key]`` are refusals.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from tests.upstreams.journal import Submit
from tests.upstreams.lies import FOR_EVER, Words
from tests.upstreams.service import FakeService

PICTURE: Final = {
    "model": str,
    "prompt": str,
    "n": int,
    "aspect_ratio": str,
    "resolution": str,
    "response_format": str,
    "quality": str,
    "user": str,
}
EDIT: Final = {**PICTURE, "image": dict, "images": list}
CLIP: Final = {
    "model": str,
    "prompt": str,
    "duration": int,
    "aspect_ratio": str,
    "resolution": str,
    "image": dict,
    "reference_images": list,
    "user": str,
}
PICTURE_MODELS: Final = {"grok-imagine-image", "grok-imagine-image-quality", "grok-imagine-image-2.0"}
CLIP_MODELS: Final = {"grok-imagine-video", "grok-imagine-video-1.5", "grok-imagine-video-1.5-preview"}
CLIP_RATIOS: Final = {"1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"}
PICTURE_RATIOS: Final = {*CLIP_RATIOS, "9:19.5", "19.5:9", "9:20", "20:9", "1:2", "2:1", "auto"}
REFUSALS: Final = {
    "plain": (422, "Failed to deserialize the JSON body into the target type: image: missing field `url`"),
    "nested": (400, {"error": {"code": "invalid", "message": "Nested", "type": "x", "param": None}}),
    "credits": (
        429,
        {
            "code": "Some resource has been exhausted",
            "error": "Your team has used all available credits or reached its monthly spending limit.",
        },
    ),
    "key": (400, {"code": "Client specified an invalid argument", "error": "Incorrect API key provided"}),
}


class FakeXai(FakeService):
    """xAI, as far as it makes pictures and clips."""

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/v1/images/generations", self._pictures)
        app.router.add_post("/v1/images/edits", self._pictures)
        app.router.add_post("/v1/videos/generations", self._create)
        app.router.add_get("/v1/videos/{task}", self._get)

    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        category = "Client specified an invalid argument" if code == 400 else f"Category of {code}"
        return web.json_response({"code": category, "error": message}, status=code, headers=headers)

    async def _pictures(self, request: web.Request) -> web.StreamResponse:
        edit = request.path.endswith("edits")
        body = await self._body(request, EDIT if edit else PICTURE, PICTURE_MODELS)
        if not isinstance(body, dict):
            return body
        wrong = _wrong_picture(body, edit=edit)
        if wrong is not None:
            return self.complain(422, f"{wrong}: {body.get(wrong)!r:.60}")
        lie = await self._lie(request, body["prompt"])
        if lie is not None:
            return lie
        words = Words(body["prompt"])
        submit = self.accept(body["model"], body["prompt"], body)
        told = {"mime_type": "image/jpeg", "revised_prompt": ""}
        data: list[dict[str, Any]] = [
            {"url": self.file_url(submit, number), **told} for number in range(body.get("n", 1))
        ]
        for item in data if "moderated" in words else data[:1] if "one-blocked" in words else []:
            item |= {"url": "", "respect_moderation": False}
        if "no-file" in words:
            data = []
        usage = {"cost_in_usd_ticks": 200_000_000}
        return await self.answer(request, submit, {"data": data, "usage": usage})

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request, CLIP, CLIP_MODELS)
        if not isinstance(body, dict):
            return body
        wrong = _wrong_clip(body)
        if wrong is not None:
            return self.complain(400, f"{wrong}: {body.get(wrong)!r:.60}")
        lie = await self._lie(request, body["prompt"])
        if lie is not None:
            return lie
        submit = self.accept(body["model"], body["prompt"], body)
        return await self.answer(request, submit, {"request_id": str(UUID(submit.task_id))})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        if not self._opens(request):
            return self.refusal(401, "Invalid key")
        submit = self.tasks.get(request.match_info["task"].replace("-", ""))
        if submit is None:
            return self.refusal(404, "Request not found")
        whole = self._record(submit)
        lie = await self.lie_while_polling(request, submit, whole)
        if lie is not None:  # an empty answer counts as false
            return lie
        words = Words(submit.prompt)
        if "202" in words:
            return web.Response(status=202)
        return web.json_response(
            whole, status=202 if whole.get("status") == "pending" and "never" in words else 200
        )

    def _record(self, submit: Submit) -> dict[str, Any]:
        words, polls = Words(submit.prompt), self.polls[submit.task_id] + 1
        if polls <= words.times("unknown-state"):
            return {"status": "reticulating"}
        if self.running(submit):
            return {"status": "pending", "progress": 40}
        nothing = {"url": "", "duration": 0, "respect_moderation": True}
        if "state" in words:
            return {"status": words["state"], "video": nothing, "progress": 40}
        if "fail" in words:
            message = self.said(words.get("why", "It broke."), words)
            error = {"code": words["fail"], "message": message}
            return {"status": "failed", "video": nothing, "error": error, "progress": 0}
        video = {
            "url": self.file_url(submit, kind="video"),
            "duration": submit.input["duration"],
            "respect_moderation": True,
        }
        if "moderated" in words:
            video = {**nothing, "respect_moderation": False}
        if polls <= words.times("no-file", FOR_EVER):
            video = nothing
        record: dict[str, Any] = {"video": video, "model": submit.model, "progress": 100}
        return record if "no-status" in words else record | {"status": "done"}

    def _opens(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.key}"

    async def _body(
        self, request: web.Request, fields: Mapping[str, type], models: set[str]
    ) -> dict[str, Any] | web.Response:
        if not self._opens(request):
            return self.refusal(401, "Invalid key")
        try:
            body: dict[str, Any] = json.loads(await request.text())
        except ValueError:
            return self.complain(422, "a body that is not JSON")
        for name, value in body.items():
            if name not in fields or type(value) is not fields[name]:
                return self.complain(422, f"{name} is not as it should be: {value!r:.60}")
        if body.get("model") not in models:
            return self.refusal(
                404, f"The model {body.get('model')} does not exist or your team has no access."
            )
        return body

    async def _lie(self, request: web.Request, prompt: str) -> web.Response | None:
        words = Words(prompt)
        if "shape" in words:
            status, told = REFUSALS[words["shape"]]
            return (
                web.Response(text=told, status=status)
                if isinstance(told, str)
                else web.json_response(told, status=status)
            )
        if "says" in words:
            return self.refusal(400, self.said(words["says"], words))
        return await self.lie_before(request, prompt)


def _wrong_picture(body: dict[str, Any], *, edit: bool) -> str | None:
    """The first field that is not as the documents say."""
    if not 0 < len(body.get("prompt", "")) <= 8000:
        return "prompt"
    if not 1 <= body.get("n", 1) <= 10:
        return "n"
    if body.get("aspect_ratio", "1:1") not in PICTURE_RATIOS:
        return "aspect_ratio"
    if body.get("resolution", "1k") not in {"1k", "2k"}:
        return "resolution"
    if not edit:
        return None
    if ("image" in body) == ("images" in body):
        return "image"
    given = [body["image"]] if "image" in body else body["images"]
    return None if 1 <= len(given) <= 3 and all(map(_is_picture, given)) else "images"


def _wrong_clip(body: dict[str, Any]) -> str | None:
    """The first field that is not as the documents say."""
    if not 0 < len(body.get("prompt", "")) <= 4096:
        return "prompt"
    if not 1 <= body.get("duration", 8) <= 15:
        return "duration"
    if body.get("aspect_ratio", "16:9") not in CLIP_RATIOS:
        return "aspect_ratio"
    finest = "-1.5" in body["model"] and "reference_images" not in body
    if body.get("resolution", "480p") not in {"480p", "720p", *(["1080p"] if finest else [])}:
        return "resolution"
    given = body.get("reference_images", [])
    if "image" in body and (given or not _is_picture(body["image"])):
        return "image"
    return None if len(given) <= 7 and all(map(_is_picture, given)) else "reference_images"


def _is_picture(value: Any) -> bool:
    """An object with an address, or with a ``data:`` address."""
    url = str(value.get("url", ""))
    if url.startswith("https://"):
        return True
    head, _, data = url.partition(";base64,")
    try:
        return (
            re.fullmatch(r"data:image/(?:jpeg|png|webp)", head) is not None
            and len(base64.b64decode(data, validate=True)) > 8
        )
    except binascii.Error:
        return False
