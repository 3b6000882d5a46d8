"""A strict stand-in for fal.ai: its queue, the addresses it answers with, its errors and its uploads."""

import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from aiohttp import web

from tests.upstreams.fal_signer import Signer
from tests.upstreams.journal import Submit
from tests.upstreams.lies import FOR_EVER, Words
from tests.upstreams.service import FakeService

KLING: Final = {"prompt", "duration", "negative_prompt", "cfg_scale"}
SEEDANCE: Final = {"prompt", "resolution", "duration", "camera_fixed", "seed", "enable_safety_checker"}
SPEECH: Final = {
    "text",
    "voice",
    "stability",
    "similarity_boost",
    "style",
    "speed",
    "previous_text",
    "next_text",
    "language_code",
}
WAN: Final = {"prompt", "resolution", "seed", "enable_prompt_expansion"}
QWEN: Final = {
    "prompt",
    "image_size",
    "num_inference_steps",
    "seed",
    "guidance_scale",
    "num_images",
    "enable_safety_checker",
    "output_format",
    "negative_prompt",
    "acceleration",
}
TAKES: Final[dict[str, set[str]]] = {
    "fal-ai/kling-video/v2.1/master/text-to-video": {*KLING, "aspect_ratio"},
    "fal-ai/kling-video/v2.1/master/image-to-video": {*KLING, "image_url"},
    "fal-ai/kling-video/v2.1/pro/image-to-video": {*KLING, "image_url", "tail_image_url"},
    "fal-ai/kling-video/v2.1/standard/image-to-video": {*KLING, "image_url"},
    "fal-ai/kling-video/v2.5-turbo/pro/text-to-video": {*KLING, "aspect_ratio"},
    "fal-ai/kling-video/v2.5-turbo/pro/image-to-video": {*KLING, "image_url", "tail_image_url"},
    "fal-ai/kling-video/v1/standard/ai-avatar": {"image_url", "audio_url", "prompt"},
    "fal-ai/kling-video/v1/pro/ai-avatar": {"image_url", "audio_url", "prompt"},
    "fal-ai/minimax/hailuo-02/pro/text-to-video": {"prompt", "prompt_optimizer"},
    "fal-ai/minimax/hailuo-02/standard/text-to-video": {"prompt", "prompt_optimizer", "duration"},
    "fal-ai/minimax/hailuo-02/pro/image-to-video": {
        "prompt",
        "prompt_optimizer",
        "image_url",
        "end_image_url",
    },
    "fal-ai/minimax/hailuo-02/standard/image-to-video": {
        "prompt",
        "prompt_optimizer",
        "image_url",
        "end_image_url",
        "duration",
        "resolution",
    },
    "fal-ai/wan/v2.2-a14b/text-to-video/turbo": {*WAN, "aspect_ratio", "acceleration"},
    "fal-ai/wan/v2.2-a14b/image-to-video/turbo": {*WAN, "image_url", "acceleration"},
    "fal-ai/wan/v2.2-14b/speech-to-video": {
        "prompt",
        "image_url",
        "audio_url",
        "num_frames",
        "frames_per_second",
        "resolution",
        "negative_prompt",
        "seed",
        "num_inference_steps",
        "guidance_scale",
        "shift",
        "enable_safety_checker",
    },
    "fal-ai/wan/v2.2-14b/animate/move": {"video_url", "image_url", "resolution"},
    "fal-ai/wan/v2.2-14b/animate/replace": {"video_url", "image_url", "resolution"},
    "fal-ai/wan-25-preview/text-to-video": {*WAN, "duration", "aspect_ratio", "negative_prompt"},
    "fal-ai/wan-25-preview/image-to-video": {*WAN, "duration", "image_url", "negative_prompt"},
    "fal-ai/qwen-image": QWEN,
    "fal-ai/qwen-image-edit": {*QWEN, "image_url"},
    "fal-ai/topaz/upscale/video": {"video_url", "upscale_factor"},
    "fal-ai/bytedance/seedance/v1/lite/text-to-video": {*SEEDANCE, "aspect_ratio"},
    "fal-ai/bytedance/seedance/v1/lite/image-to-video": {*SEEDANCE, "image_url", "end_image_url"},
    "fal-ai/bytedance/seedance/v1/pro/text-to-video": {*SEEDANCE, "aspect_ratio"},
    "fal-ai/bytedance/seedance/v1/pro/image-to-video": {*SEEDANCE, "image_url"},
    "fal-ai/bytedance/seedance/v1/pro/fast/image-to-video": {*SEEDANCE, "image_url"},
    "fal-ai/elevenlabs/tts/multilingual-v2": SPEECH,
    "fal-ai/elevenlabs/tts/turbo-v2.5": SPEECH,
    "fal-ai/elevenlabs/sound-effects/v2": {
        "text",
        "loop",
        "duration_seconds",
        "prompt_influence",
        "output_format",
    },
    "fal-ai/elevenlabs/audio-isolation": {"audio_url"},
}
"""What each endpoint takes; what else is sent would be passed over there in silence."""
NEEDS: Final = {"prompt", "text", "image_url", "video_url", "audio_url"}
"""Fields an endpoint insists on where it has them."""


class FakeFal(FakeService):
    """fal.ai. ``[up:busy=N]`` leaves the task in the queue for N looks; ``[up:result=CODE]`` fails with that status."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.uploads: dict[str, bytes] = {}
        """Uploaded files by name."""
        self.signer = Signer()

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/storage/upload/initiate", self._initiate)
        app.router.add_put("/storage/put/{name}", self._put)
        app.router.add_get("/storage/put/{name}", self._read)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/{owner}/{alias}/requests/{id}/status", self._status)
        app.router.add_get("/{owner}/{alias}/requests/{id}", self._result)
        app.router.add_post("/{endpoint:.+}", self._create)

    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        return web.json_response({"detail": message}, status=code, headers=headers)

    def report(self, submit: Submit, *, forged: bool) -> tuple[dict[str, str], bytes]:
        status, made = self._outcome(submit)
        told: dict[str, Any] = {"request_id": submit.task_id, "gateway_request_id": uuid4().hex}
        if forged or status != 200:
            told |= {"status": "ERROR", "error": f"Invalid status code: {422 if forged else status}"}
        else:
            told |= {"status": "OK", "error": None}
        body = json.dumps(told | {"payload": {"detail": "It never failed"} if forged else made}).encode()
        signer = Signer() if forged else self.signer
        return {"Content-Type": "application/json"} | signer.headers(body, submit.task_id), body

    async def _keys(self, request: web.Request) -> web.Response:
        return web.json_response(self.signer.published())

    # --- the queue -----------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.StreamResponse:
        if not self._known(request):
            return self.refusal(401, "No user found for Key ID and Secret")
        endpoint = request.match_info["endpoint"]
        if endpoint not in TAKES:
            return self.refusal(404, f"Application {endpoint} not found")
        try:
            body: dict[str, Any] = json.loads(await request.text())
        except ValueError:
            return self.complain(422, "a body that is not JSON")
        unknown = body.keys() - TAKES[endpoint]
        missing = {name for name in NEEDS & TAKES[endpoint] if not body.get(name)}
        if unknown or missing:
            self.complaints.append(f"{endpoint}: unknown {sorted(unknown)}, missing {sorted(missing)}")
            return _invalid(sorted(unknown | missing)[0])
        prompt = str(body.get("prompt") or body.get("text") or body.get("audio_url") or body.get("video_url"))
        lie = await self.lie_before(request, prompt)
        if lie is not None:
            return lie
        submit = self.accept(endpoint, prompt, body, request.query.get("fal_webhook", ""))
        owner, alias = endpoint.split("/")[:2]
        address = f"{self.url}/{owner}/{alias}/requests/{submit.task_id}"
        told = {"status_url": f"{address}/status", "cancel_url": f"{address}/cancel", "queue_position": 0}
        answer = {"request_id": submit.task_id, "status": "IN_QUEUE", "response_url": address, **told}
        return await self.answer(request, submit, answer)

    async def _status(self, request: web.Request) -> web.StreamResponse:
        submit = self._of(request)
        if submit is None:
            return self.refusal(404, "Request not found")
        words, looks = Words(submit.prompt), self.polls[submit.task_id] + 1
        state = "IN_PROGRESS" if self.running(submit) else "COMPLETED"
        if looks <= words.times("busy") or self.back_in_queue(submit):
            state = "IN_QUEUE"
        if looks <= words.times("unknown-state"):
            state = "RETICULATING"
        whole = {"status": state, "request_id": submit.task_id}
        lie = await self.lie_while_polling(request, submit, whole)
        return web.json_response(whole) if lie is None else lie  # an empty answer counts as false

    async def _result(self, request: web.Request) -> web.StreamResponse:
        submit = self._of(request)
        if submit is None:
            return self.refusal(404, "Request not found")
        if self.running(submit):
            return self.refusal(400, "Request is still in progress")
        status, made = self._outcome(submit)
        return web.json_response(made, status=status)

    def _outcome(self, submit: Submit) -> tuple[int, dict[str, Any]]:
        """What has become of a task that has ended: status and body of its result."""
        words = Words(submit.prompt)
        if "moderated" in words:
            return 422, _detail("prompt", "content_policy_violation", "flagged by a content checker")
        if "result" in words:
            return int(words["result"]), {"detail": self.said("It broke", words)}
        if "no-file" in words and self.polls[submit.task_id] <= words.times("no-file", FOR_EVER):
            return 200, {"seed": 7}
        if submit.model.startswith("fal-ai/qwen"):
            count = int(submit.input.get("num_images", 1))
            images = [
                {"url": self.file_url(submit, index), "content_type": "image/png"} for index in range(count)
            ]
            return 200, {"images": images, "seed": 7, "prompt": submit.prompt}
        kind = "audio" if "elevenlabs" in submit.model else "video"
        return 200, {kind: {"url": self.file_url(submit, 0, kind), "file_size": None}}

    def _of(self, request: web.Request) -> Submit | None:
        submit = self.tasks.get(request.match_info["id"]) if self._known(request) else None
        owner_alias = f"{request.match_info['owner']}/{request.match_info['alias']}/"
        fits = submit is not None and f"{submit.model}/".startswith(owner_alias)
        return submit if fits else None

    def _known(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Key {self.key}"

    # --- uploads -------------------------------------------------------------------------------------

    async def _initiate(self, request: web.Request) -> web.Response:
        if not self._known(request):
            return self.refusal(401, "No user found for Key ID and Secret")
        body = json.loads(await request.text())
        if request.query.get("storage_type") != "fal-cdn-v3" or set(body) != {"file_name", "content_type"}:
            return self.complain(422, "an upload that is not announced as it should be")
        address = f"{self.url}/storage/put/{uuid4().hex[:8]}-{body['file_name']}"
        return web.json_response({"upload_url": address, "file_url": address})

    async def _put(self, request: web.Request) -> web.Response:
        if "Authorization" in request.headers:
            self.complaints.append("a key was sent to the storage")
        self.uploads[request.match_info["name"]] = await request.read()
        return web.Response()

    async def _read(self, request: web.Request) -> web.Response:
        content = self.uploads.get(request.match_info["name"])
        return web.Response(status=404) if content is None else web.Response(body=content)


def _invalid(field: str) -> web.Response:
    told = _detail(field, "value_error", "Input is not valid")
    return web.json_response(told, status=422, headers={"X-Fal-Retryable": "false"})


def _detail(field: str, type: str, message: str) -> dict[str, Any]:
    where = {"loc": ["body", field], "url": "https://docs.fal.example/errors"}
    return {"detail": [where | {"msg": message, "type": type}]}
