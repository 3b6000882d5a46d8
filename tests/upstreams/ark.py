"""A strict stand-in for Ark: pictures in the answer, clips as tasks that wait, run and end.

``[up:moderated]`` and ``[up:fail=CODE]`` end a clip, ``[up:state=WORD]`` is its state, ``[up:queued]`` never begins it,
``[up:races]`` begins it in the moment of a cancel. ``[up:all-blocked]`` and ``[up:one-blocked]`` are for pictures.
``[up:unfetched]`` and ``[up:code=STATUS:CODE]`` are refusals.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from tests.upstreams.journal import Submit
from tests.upstreams.lies import FOR_EVER, Words
from tests.upstreams.service import FakeService

PICTURE: Final[dict[str, tuple[type, ...]]] = {
    "model": (str,),
    "prompt": (str,),
    "image": (str, list),
    "response_format": (str,),
    "size": (str,),
    "seed": (int,),
    "guidance_scale": (int, float),
    "watermark": (bool,),
    "optimize_prompt_options": (dict,),
    "sequential_image_generation": (str,),
    "sequential_image_generation_options": (dict,),
    "output_format": (str,),
    "stream": (bool,),
}
CLIP: Final[dict[str, tuple[type, ...]]] = {
    "model": (str,),
    "content": (list,),
    "callback_url": (str,),
    "return_last_frame": (bool,),
    "service_tier": (str,),
    "execution_expires_after": (int,),
    "generate_audio": (bool,),
    "camera_fixed": (bool,),
    "watermark": (bool,),
    "seed": (int,),
    "resolution": (str,),
    "ratio": (str,),
    "duration": (int,),
    "frames": (int,),
    "tools": (list,),
    "output_format": (str,),
}
PIXELS: Final = {
    "seedream-3-0-t2i-250415": (512 * 512, 2048 * 2048),
    "seedream-4-0-250828": (921_600, 4096 * 4096),
    "seedream-4-5-251128": (3_686_400, 4096 * 4096),
    "seedream-5-0-260128": (3_686_400, 4096 * 4096),
    "dola-seedream-5-0-pro-260628": (921_600, 2048 * 2048),
}
"""The fewest and the most pixels of each picture model."""
LENGTHS: Final = {
    "seedance-1-0-lite-t2v-250428": (2, 12),
    "seedance-1-0-lite-i2v-250428": (2, 12),
    "seedance-1-0-pro-250528": (2, 12),
    "seedance-1-0-pro-fast-251015": (2, 12),
    "seedance-1-5-pro-251215": (4, 12),
    "dreamina-seedance-2-0-260128": (4, 15),
    "dreamina-seedance-2-0-fast-260128": (4, 15),
    "dreamina-seedance-2-0-mini-260615": (4, 15),
    "dreamina-seedance-2-5-260628": (4, 30),
}
"""The fewest and the most seconds of each clip model."""
ROLES: Final = {
    "image_url": {"first_frame", "last_frame", "reference_image"},
    "video_url": {"reference_video"},
    "audio_url": {"reference_audio"},
}
RATIOS: Final = {"16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "9:21", "adaptive"}
RESOLUTIONS: Final = {"480p", "720p", "1080p", "4k"}
FLAG: Final = re.compile(r"--(?:rs|rt|dur|resolution|ratio|duration)\b")


class FakeArk(FakeService):
    """Ark, as the international platform answers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dropped: set[str] = set()
        """Ids of the tasks that were cancelled."""

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/api/v3/images/generations", self._pictures)
        app.router.add_post("/api/v3/contents/generations/tasks", self._create)
        app.router.add_get("/api/v3/contents/generations/tasks/{task}", self._get)
        app.router.add_delete("/api/v3/contents/generations/tasks/{task}", self._delete)

    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        names = {401: "AuthenticationError", 429: "RateLimitExceeded.EndpointRPMExceeded"}
        names |= {404: "InvalidEndpointOrModel.NotFound", 500: "InternalServiceError"}
        return self.error(code, names.get(code, "InvalidParameter"), message, headers)

    def error(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        told = {"code": code, "message": f"{message} Request id: 0217", "param": "", "type": "BadRequest"}
        return web.json_response({"error": told}, status=status, headers=headers)

    # --- pictures ----------------------------------------------------------------------------------

    async def _pictures(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request, PICTURE, PIXELS)
        if not isinstance(body, dict):
            return body
        wrong = _wrong_picture(body)
        if wrong is not None:
            return self.complain(400, f"The parameter `{wrong}` is not valid: {body.get(wrong)!r:.60}")
        prompt = body["prompt"]
        lie = await self._lie(request, prompt)
        if lie is not None:
            return lie
        words = Words(prompt)
        blocked = {"code": "OutputImageSensitiveContentDetected", "message": "The picture is sensitive."}
        if "all-blocked" in words:
            return web.json_response({"model": body["model"], "created": 1, "data": [{"error": blocked}]})
        submit = self.accept(body["model"], prompt, body)
        count = body.get("sequential_image_generation_options", {}).get("max_images", 1)
        data: list[dict[str, Any]] = [
            {"url": self.file_url(submit, number), "size": body["size"]} for number in range(count)
        ]
        if "one-blocked" in words:
            data[0] = {"error": blocked}
        if "no-file" in words:
            data = []
        usage = {"generated_images": len(data), "output_tokens": 4096, "total_tokens": 4096}
        told = {"model": body["model"], "created": int(submit.created), "data": data, "usage": usage}
        return await self.answer(request, submit, told)

    def report(self, submit: Submit, *, forged: bool) -> tuple[dict[str, str], bytes]:
        record = self._record(submit)
        if forged:
            record |= {"status": "failed", "error": {"code": "InternalServiceError", "message": "Not true"}}
        return {"Content-Type": "application/json"}, json.dumps(record).encode()

    # --- clips -------------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request, CLIP, LENGTHS)
        if not isinstance(body, dict):
            return body
        wrong = _wrong_clip(body)
        if wrong is not None:
            return self.complain(400, f"The parameter `{wrong}` is not valid: {body.get(wrong)!r:.60}")
        prompt = next((item["text"] for item in body["content"] if item["type"] == "text"), "")
        lie = await self._lie(request, prompt)
        if lie is not None:
            return lie
        submit = self.accept(body["model"], prompt, body, body.get("callback_url", ""))
        return await self.answer(request, submit, {"id": submit.task_id})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        submit = self.tasks.get(request.match_info["task"])
        if not self._opens(request):
            return self.error(401, "AuthenticationError", "The API key is missing or invalid.")
        if submit is None:
            return self.error(404, "ResourceNotFound", "The specified resource is not found.")
        whole = self._record(submit)
        lie = await self.lie_while_polling(request, submit, whole)
        return web.json_response(whole) if lie is None else lie  # an empty answer counts as false

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        submit = self.tasks.get(request.match_info["task"])
        if not self._opens(request) or submit is None:
            return self.error(401, "AuthenticationError", "The API key is missing or invalid.")
        state = "running" if "races" in Words(submit.prompt) else self._record(submit)["status"]
        if state == "running":
            return self.error(409, "InvalidAction.RunningTaskDeletion", "The task is running.")
        if state == "queued":
            self.dropped.add(submit.task_id)
        else:
            self.complaints.append("the record of a finished task was deleted")
        return web.json_response({})

    def _record(self, submit: Submit) -> dict[str, Any]:
        words, polls = Words(submit.prompt), self.polls[submit.task_id] + 1
        record: dict[str, Any] = {"id": submit.task_id, "model": submit.model, "service_tier": "default"}
        if submit.task_id in self.dropped:
            return record | {"status": "cancelled"}
        if "queued" in words or "races" in words or self.back_in_queue(submit):
            return record | {"status": "queued"}
        if polls <= words.times("unknown-state"):
            return record | {"status": "reticulating"}
        if self.running(submit):
            return record | {"status": "running"}
        if "state" in words:
            return record | {"status": words["state"]}
        if error := self._failure(words):
            return record | {"status": "failed", "error": error}
        content = {"video_url": self.file_url(submit, kind="video")}
        if submit.input.get("return_last_frame"):
            content["last_frame_url"] = self.file_url(submit, 1)
        if polls <= words.times("no-file", FOR_EVER):
            content = {}
        made = {name: submit.input.get(name) for name in ("resolution", "ratio", "duration")}
        return record | {"status": "succeeded", "content": content, "framespersecond": 24, **made}

    def _failure(self, words: Words) -> dict[str, str] | None:
        if "moderated" in words:
            return {"code": "OutputVideoSensitiveContentDetected", "message": "The clip is sensitive."}
        if "fail" in words:
            return {"code": words["fail"] or "InternalServiceError", "message": self.said("It broke.", words)}
        return None

    # --- both --------------------------------------------------------------------------------------

    def _opens(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.key}"

    async def _body(
        self, request: web.Request, fields: dict[str, tuple[type, ...]], models: Mapping[str, object]
    ) -> dict[str, Any] | web.Response:
        if not self._opens(request):
            return self.error(401, "AuthenticationError", "The API key format is incorrect.")
        try:
            body: dict[str, Any] = json.loads(await request.text())
        except ValueError:
            return self.complain(400, "a body that is not JSON")
        # The maker's own client sends a null for whatever is not set.
        body = {name: value for name, value in body.items() if value is not None}
        for name, value in body.items():
            if name not in fields or not isinstance(value, fields[name]):
                return self.complain(400, f"The parameter `{name}` is not valid: {value!r:.60}")
        if body.get("model") not in models:
            return self.error(404, "InvalidEndpointOrModel.NotFound", "The model does not exist.")
        return body

    async def _lie(self, request: web.Request, prompt: str) -> web.Response | None:
        words = Words(prompt)
        if "unfetched" in words:
            bad = "The parameter `content[1].image_url` is not valid: resource download failed"
            return self.error(400, "InvalidParameter", bad)
        if "code" in words:
            status, _, code = words["code"].partition(":")
            return self.error(int(status), code, self.said("Refused.", words))
        return await self.lie_before(request, prompt)


def _wrong_picture(body: dict[str, Any]) -> str | None:
    """The first field that is not as the documents say."""
    fewest, most = PIXELS[body["model"]]
    size = re.fullmatch(r"(\d+)x(\d+)", body.get("size", "2048x2048"))
    if size is None or not fewest <= int(size[1]) * int(size[2]) <= most:
        return "size"
    given = body.get("image", [])
    pictures = [given] if isinstance(given, str) else given
    if not all(_is_file(each, "image") for each in pictures) or len(pictures) > 14:
        return "image"
    third, fifth = "-3-0-" in body["model"], "-5-0-" in body["model"]
    if not third and ("seed" in body or "guidance_scale" in body):
        return "seed"
    if not fifth and "output_format" in body:
        return "output_format"
    group = body.get("sequential_image_generation_options", {}).get("max_images", 1)
    if (group > 1) != (body.get("sequential_image_generation") == "auto") or group + len(pictures) > 15:
        return "sequential_image_generation"
    return None if body.get("prompt") else "prompt"


def _wrong_clip(body: dict[str, Any]) -> str | None:
    """The first field that is not as the documents say."""
    fewest, most = LENGTHS[body["model"]]
    if not fewest <= body.get("duration", 5) <= most and body["duration"] != -1:
        return "duration"
    if body.get("ratio", "adaptive") not in RATIOS:
        return "ratio"
    if body.get("resolution", "720p") not in RESOLUTIONS:
        return "resolution"
    second = "seedance-2-" in body["model"]
    if "tools" in body and (not second or body["tools"] != [{"type": "web_search"}]):
        return "tools"
    if "generate_audio" in body and "seedance-1-0" in body["model"]:
        return "generate_audio"
    return _wrong_content(body["content"], second=second)


def _wrong_content(content: list[dict[str, Any]], *, second: bool) -> str | None:
    roles: list[str] = []
    for number, item in enumerate(content):
        kind = item.get("type", "")
        if kind == "text":
            if FLAG.search(item["text"]):
                return "content"
            continue
        if item.get("role") not in ROLES.get(kind, set()):
            return f"content[{number}].role"
        inline = kind.removesuffix("_url")
        if not _is_file(item[kind]["url"], inline) or (
            inline == "video" and item[kind]["url"][:5] == "data:"
        ):
            return f"content[{number}].{kind}"
        roles.append(item["role"])
    drawn_from = [role for role in roles if role.startswith("reference_")]
    mixed = drawn_from and (len(drawn_from) < len(roles) or not second)
    return "content" if mixed or not content or roles.count("first_frame") > 1 else None


def _is_file(value: Any, kind: str) -> bool:
    """An address, or a ``data:`` address whose media type is in lower case."""
    if str(value).startswith(("http://", "https://")):
        return True
    head, _, data = str(value).partition(";base64,")
    try:
        return (
            re.fullmatch(rf"data:{kind}/[a-z0-9.+-]+", head) is not None
            and len(base64.b64decode(data, validate=True)) > 8
        )
    except binascii.Error:
        return False
