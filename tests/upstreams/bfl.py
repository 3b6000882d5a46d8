"""A strict stand-in for Black Forest Labs: one path a model, an address to poll at, states in words."""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from aiohttp import web

from tests.upstreams.journal import Submit
from tests.upstreams.lies import FOR_EVER, Words
from tests.upstreams.service import FakeService

FLUX_2: Final = {
    "prompt": str,
    "input_image": str,
    **{f"input_image_{number}": str for number in range(2, 9)},
    "seed": int,
    "width": int,
    "height": int,
    "safety_tolerance": int,
    "output_format": str,
    "webhook_url": str,
    "webhook_secret": str,
}
KONTEXT: Final = {
    "prompt": str,
    "input_image": str,
    "input_image_2": str,
    "input_image_3": str,
    "input_image_4": str,
    "seed": int,
    "aspect_ratio": str,
    "output_format": str,
    "prompt_upsampling": bool,
    "safety_tolerance": int,
    "webhook_url": str,
    "webhook_secret": str,
}
MODELS: Final[dict[str, dict[str, type]]] = {
    "flux-2-pro": FLUX_2,
    "flux-2-flex": {**FLUX_2, "prompt_upsampling": bool, "guidance": float, "steps": int},
    "flux-kontext-pro": KONTEXT,
    "flux-kontext-max": KONTEXT,
}
"""What each model takes, and of which type."""
MOST_TOLERANCE: Final = {"flux-2-pro": 5, "flux-2-flex": 5, "flux-kontext-pro": 6, "flux-kontext-max": 6}


class FakeBfl(FakeService):
    """Black Forest Labs. ``[up:moderated]`` blocks the picture, ``[up:lost=N]`` does not know the task for N polls."""

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/v1/{model}", self._create)
        app.router.add_get("/v1/get_result", self._result)

    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        return web.json_response({"detail": message}, status=code, headers=headers)

    def report(self, submit: Submit, *, forged: bool) -> tuple[dict[str, str], bytes]:
        words = Words(submit.prompt)
        told: dict[str, Any] = {"id": submit.task_id, "timestamp": "2026-11-22T10:00:00Z"}
        if forged or "fail" in words:
            told |= {"status": "Error", "error": "failed", "message": self.said("It broke", words)}
        elif "moderated" in words:
            told |= {"status": "Error", "error": "content_policy_violation", "message": "No violated content"}
        else:
            made = "" if self._lacks_file(submit) else self.file_url(submit)
            told |= {"status": "Ready", "result": {"sample": made, "seed": 7}}
        body = json.dumps(told).encode()
        secret = "a guess" if forged else submit.input.get("webhook_secret", "")
        signature = hmac.new(secret.encode(), body, "sha256").hexdigest()
        return {"Content-Type": "application/json", "X-BFL-Signature": f"sha256={signature}"}, body

    async def _create(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("x-key") != self.key:
            return self.refusal(403, "Not authenticated - Invalid Authentication")
        model = request.match_info["model"]
        if model not in MODELS:
            return self.refusal(404, "Not Found")
        try:
            body: dict[str, Any] = json.loads(await request.text())
        except ValueError:
            return self.complain(422, "a body that is not JSON")
        wrong = _wrong(model, body)
        if wrong is not None:
            self.complaints.append(f"{wrong}: {body.get(wrong)!r:.60}")
            detail = [{"loc": ["body", wrong], "msg": "Input is not valid", "type": "value_error"}]
            return web.json_response({"detail": detail}, status=422)
        lie = await self.lie_before(request, body["prompt"])
        if lie is not None:
            return lie
        submit = self.accept(model, body["prompt"], body, body.get("webhook_url", ""))
        told = {"cost": 5, "input_mp": 0, "output_mp": 1}
        if submit.callback:
            # Who is reported to is not told where to poll.
            whole = {"id": submit.task_id, "status": "Pending", "webhook_url": submit.callback, **told}
            return await self.answer(request, submit, whole)
        address = f"{self.url}/v1/get_result?id={submit.task_id}"
        return await self.answer(request, submit, {"id": submit.task_id, "polling_url": address, **told})

    async def _result(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("x-key") != self.key:
            return self.refusal(403, "Not authenticated - Invalid Authentication")
        submit = self.tasks.get(request.query.get("id", ""))
        if submit is None:
            return web.json_response({"id": uuid4().hex, "status": "Task not found", "result": None})
        whole = self._state(submit)
        lie = await self.lie_while_polling(request, submit, whole)
        return web.json_response(whole) if lie is None else lie  # an empty answer counts as false

    def _state(self, submit: Submit) -> dict[str, Any]:
        words, polls = Words(submit.prompt), self.polls[submit.task_id] + 1
        state: dict[str, Any] = {"id": submit.task_id, "result": None, "progress": None, "details": None}
        if polls <= words.times("lost"):
            return state | {"status": "Task not found"}
        if polls <= words.times("unknown-state"):
            return state | {"status": "Reticulating"}
        if self.running(submit):
            return state | {"status": "Pending", "progress": 0.4}
        if "moderated" in words:
            return state | {"status": "Content Moderated", "details": {"Moderation Reasons": ["Violence"]}}
        if "fail" in words:
            return state | {"status": "Error", "details": {"error": self.said("It broke", words)}}
        sample = "" if self._lacks_file(submit) else self.file_url(submit)
        return state | {"status": "Ready", "result": {"sample": sample, "seed": 7, "prompt": submit.prompt}}

    def _lacks_file(self, submit: Submit) -> bool:
        return self.polls[submit.task_id] < Words(submit.prompt).times("no-file", FOR_EVER)


def _wrong(model: str, body: dict[str, Any]) -> str | None:
    """The first field that is not as the documents say."""
    known = MODELS[model]
    for name, value in body.items():
        if name not in known or not isinstance(value, known[name]):
            return name
        if name.startswith("input_image") and not _is_picture(value):
            return name
    if not body.get("prompt"):
        return "prompt"
    if not 0 <= body.get("safety_tolerance", 2) <= MOST_TOLERANCE[model]:
        return "safety_tolerance"
    if body.get("output_format", "jpeg") not in ("jpeg", "png"):
        return "output_format"
    return _wrong_size(body)


def _wrong_size(body: dict[str, Any]) -> str | None:
    for name in ("width", "height"):
        side = body.get(name, 0)
        if side and (side < 64 or side % 16):
            return name
    if body.get("width", 0) * body.get("height", 0) > 4 * 1024 * 1024:
        return "width"
    across, _, down = str(body.get("aspect_ratio", "1:1")).partition(":")
    fits = across.isdigit() and down.isdigit() and 9 / 21 <= int(across) / int(down) <= 21 / 9
    return None if fits else "aspect_ratio"


def _is_picture(value: str) -> bool:
    """An address, or raw base64: a data address is neither."""
    if value.startswith(("http://", "https://")):
        return True
    try:
        return len(base64.b64decode(value, validate=True)) > 8
    except binascii.Error:
        return False
