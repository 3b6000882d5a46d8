"""A strict stand-in for Kling: signed tokens, an envelope around everything, tasks below the path they came in by."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from tests.upstreams.journal import Submit
from tests.upstreams.lies import FOR_EVER, Words
from tests.upstreams.service import FakeService

SECRET: Final = "kling-secret-5678"
LONGEST_TOKEN_SECONDS: Final = 1800
CODES: Final = {400: 1201, 401: 1002, 403: 1103, 404: 1203, 429: 1302, 500: 5000, 503: 5001, 504: 5002}
"""The service's own code, where an error is asked for by HTTP status alone."""

EVERY: Final = {"mode": str, "prompt": str, "external_task_id": str, "callback_url": str}
CLIP: Final = {
    **EVERY,
    "model_name": str,
    "negative_prompt": str,
    "duration": str,
    "sound": str,
    "multi_shot": bool,
    "shot_type": str,
    "multi_prompt": list,
}
FIELDS: Final[dict[str, dict[str, type]]] = {
    "text2video": {**CLIP, "aspect_ratio": str},
    "image2video": {**CLIP, "image": str, "image_tail": str},
    "avatar/image2video": {**EVERY, "image": str, "sound_file": str},
    "motion-control": {
        **EVERY,
        "model_name": str,
        "image_url": str,
        "video_url": str,
        "character_orientation": str,
        "keep_original_sound": str,
    },
}
"""What is taken below each path, and of which type."""
NEEDED: Final = {
    "text2video": ("prompt",),
    "image2video": ("image",),
    "avatar/image2video": ("image", "sound_file", "mode"),
    "motion-control": ("image_url", "video_url", "character_orientation", "mode"),
}
MODELS: Final = {
    "text2video": ("kling-v2-1-master", "kling-v2-5-turbo", "kling-v2-6", "kling-v3"),
    "image2video": ("kling-v2-1", "kling-v2-1-master", "kling-v2-5-turbo", "kling-v2-6", "kling-v3"),
    "motion-control": ("kling-v2-6", "kling-v3"),
}
ALLOWED: Final = {
    "mode": ("std", "pro"),
    "sound": ("on", "off"),
    "aspect_ratio": ("16:9", "9:16", "1:1"),
    "character_orientation": ("image", "video"),
    "keep_original_sound": ("yes", "no"),
    "shot_type": ("customize", "intelligence"),
}
PICTURES: Final = ("image", "image_tail", "image_url", "sound_file")
OTHER_PICTURES: Final = (b"GIF8", b"II*\0", b"MM\0*", b"BM")


class FakeKling(FakeService):
    """Kling. ``[up:code=N]`` is the code of ``[up:refuse=CODE]``; ``ahead`` moves its clock, in seconds.

    ``signed=False`` takes the key itself in place of a token. ``by_name=False`` finds tasks in the list only.
    """

    def __init__(self, *, ahead: float = 0, signed: bool = True, by_name: bool = True, **given: Any) -> None:
        super().__init__(**given)
        self.ahead = ahead
        self._signed = signed
        self._by_name = by_name

    def routes(self, app: web.Application) -> None:
        for kind in FIELDS:
            app.router.add_post(f"/v1/videos/{kind}", self._create)
            app.router.add_get(f"/v1/videos/{kind}", self._list)
            app.router.add_get(f"/v1/videos/{kind}/{{id}}", self._record)

    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        return self._refusal(code, CODES.get(code, code), message, headers)

    def _refusal(
        self, http: int, code: int, message: str, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        told = {"code": code, "message": message, "request_id": "r1"}
        return web.json_response(told, status=http, headers=headers)

    def report(self, submit: Submit, *, forged: bool) -> tuple[dict[str, str], bytes]:
        record = _task(submit, "failed") if forged else self._state(submit)
        return {"Content-Type": "application/json"}, json.dumps(record).encode()

    async def _create(self, request: web.Request) -> web.StreamResponse:
        wrong = self._unknown(request)
        if wrong is not None:
            return wrong
        kind = _kind(request)
        try:
            body: dict[str, Any] = json.loads(await request.text())
        except ValueError:
            return self.complain(400, "a body that is not JSON")
        bad = _wrong(kind, body)
        if bad is not None:
            return self.complain(400, f"{bad}: {body.get(bad)!r:.60}")
        if any(submit.input["external_task_id"] == body["external_task_id"] for submit in self.submits):
            return self._refusal(400, 1201, "external_task_id already exists")
        prompt = body.get("prompt") or body.get("multi_prompt", [{"prompt": ""}])[0]["prompt"]
        words = Words(prompt)
        if "code" in words and "refuse" in words:
            return self._refusal(int(words["refuse"]), int(words["code"]), self.said("Not this", words))
        lie = await self.lie_before(request, prompt)
        if lie is not None:
            return lie
        callback = body.get("callback_url", "")
        submit = self.accept(body.get("model_name", ""), prompt, {**body, "kind": kind}, callback)
        return await self.answer(request, submit, _good(_task(submit, "submitted")))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        wrong = self._unknown(request)
        if wrong is not None:
            return wrong
        if not 1 <= int(request.query["pageNum"]) <= 1000 or not 1 <= int(request.query["pageSize"]) <= 500:
            return self.complain(400, "pageNum or pageSize")
        mine = [submit for submit in self.submits if submit.input["kind"] == _kind(request)]
        return web.json_response(_good([_task(submit, "processing") for submit in reversed(mine)]))

    async def _record(self, request: web.Request) -> web.StreamResponse:
        wrong = self._unknown(request)
        if wrong is not None:
            return wrong
        submit = self._named(request.match_info["id"])
        if submit is None or submit.input["kind"] != _kind(request):
            return self._refusal(404, 1203, "The task does not exist")
        whole = _good(self._state(submit))
        lie = await self.lie_while_polling(request, submit, whole)
        return web.json_response(whole) if lie is None else lie

    def _named(self, id: str) -> Submit | None:
        if id in self.tasks or not self._by_name:
            return self.tasks.get(id)
        return next((submit for submit in self.submits if submit.input["external_task_id"] == id), None)

    def _state(self, submit: Submit) -> dict[str, Any]:
        words, polls = Words(submit.prompt), self.polls[submit.task_id] + 1
        if "other" in words:
            return _task(submit, "succeed") | {"task_id": "another"}
        if polls <= words.times("unknown-state"):
            return _task(submit, "reticulating")
        if polls <= words.times("queued") or self.back_in_queue(submit):
            return _task(submit, "submitted")
        if self.running(submit):
            return _task(submit, "processing")
        if "moderated" in words:
            return _task(submit, "failed") | {"task_status_msg": "Failure to pass the risk control system"}
        if "fail" in words:
            return _task(submit, "failed") | {"task_status_msg": self.said("It broke", words)}
        if polls <= words.times("no-file", FOR_EVER):
            return _task(submit, "succeed") | {"task_result": {"videos": []}}
        clip = {"id": "v1", "url": self.file_url(submit, kind="video"), "duration": "5"}
        return _task(submit, "succeed") | {"task_result": {"videos": [clip]}}

    def _unknown(self, request: web.Request) -> web.Response | None:
        """What is wrong with what should open the service."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return self._refusal(401, 1001, "Authorization is empty")
        if not self._signed:
            return None if token == self.key else self._refusal(401, 1002, "Authorization is not valid")
        signed, _, signature = token.rpartition(".")
        right = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
        head, _, payload = signed.partition(".")
        if _decoded(signature) != right or json.loads(_decoded(head)) != {"alg": "HS256", "typ": "JWT"}:
            return self._refusal(401, 1002, f"Authorization is not valid: {token}")
        claims, now = json.loads(_decoded(payload)), time.time() + self.ahead
        if claims["iss"] != self.key:
            return self._refusal(401, 1002, "Authorization is not valid")
        if claims["nbf"] > now:
            return self._refusal(401, 1003, "Authorization is not active")
        if not now < claims["exp"] <= now + LONGEST_TOKEN_SECONDS + 1:
            return self._refusal(401, 1004, "Authorization has expired")
        return None


def _kind(request: web.Request) -> str:
    path = request.path.removeprefix("/v1/videos/")
    return next(kind for kind in FIELDS if path == kind or path.startswith(f"{kind}/"))


def _good(data: Any) -> dict[str, Any]:
    return {"code": 0, "message": "SUCCEED", "request_id": "r1", "data": data}


def _task(submit: Submit, state: str) -> dict[str, Any]:
    made = int(submit.created * 1000)
    named = {"external_task_id": submit.input["external_task_id"]}
    told = {"task_id": submit.task_id, "task_status": state, "task_info": named}
    return {**told, "task_status_msg": "", "created_at": made, "updated_at": made}


def _wrong(kind: str, body: dict[str, Any]) -> str | None:
    """The first field that is not as the documents say."""
    known = FIELDS[kind]
    for name, value in body.items():
        if name not in known or not isinstance(value, known[name]) or value not in ALLOWED.get(name, [value]):
            return name
        if name in PICTURES and not _is_file(value):
            return name
    if body.get("model_name", "") not in MODELS.get(kind, [""]):
        return "model_name"
    if missing := [name for name in NEEDED[kind] if not body.get(name) and not body.get("multi_shot")]:
        return missing[0]
    if len(body.get("prompt", "")) > 2500 or not body.get("external_task_id"):
        return "prompt"
    if "video_url" in body and not body["video_url"].startswith("http"):
        return "video_url"
    if "sound" in body and body["model_name"] not in ("kling-v2-6", "kling-v3"):
        return "sound"
    return _wrong_length(body)


def _wrong_length(body: dict[str, Any]) -> str | None:
    longest = 15 if body.get("model_name") == "kling-v3" else 10
    seconds = body.get("duration", "5")
    if not seconds.isdigit() or not 3 <= int(seconds) <= longest:
        return "duration"
    shots = body.get("multi_prompt", [])
    if body.get("multi_shot") and sum(int(shot["duration"]) for shot in shots) != int(seconds):
        return "multi_prompt"
    numbers = [shot.get("index") for shot in shots]
    return None if numbers == list(range(1, len(shots) + 1)) else "multi_prompt"


def _is_file(value: str) -> bool:
    """An address, or raw base64: a data address is neither. Of pictures it reads JPEG and PNG."""
    if value.startswith(("http://", "https://")):
        return True
    try:
        data = base64.b64decode(value, validate=True)
    except binascii.Error:
        return False
    return len(data) > 2 and not data.startswith(OTHER_PICTURES) and data[8:12] != b"WEBP"


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return b""
