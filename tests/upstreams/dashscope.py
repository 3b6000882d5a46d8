"""A strict stand-in for DashScope: clips and Wan's pictures are tasks, other pictures come with the answer.

``[up:code=STATUS:CODE]`` is a refusal, ``[up:unfetched]`` one of an input file. ``[up:fail=CODE]`` and
``[up:moderated]`` end a task, ``[up:state=WORD]`` is its state, ``[up:queued]`` never begins it, ``[up:races]`` begins
it in the moment of a cancel, ``[up:blocked]`` has an error in the place of its file.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from tests.upstreams.journal import Submit
from tests.upstreams.lies import FOR_EVER, Words
from tests.upstreams.service import FakeService

FIELDED: Final = ("prompt", "negative_prompt")
LISTED: Final = (*FIELDED, "media")
TAKES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "wan2.5-t2v-preview": ((*FIELDED, "audio_url"), ("size", "duration", "prompt_extend", "audio", "seed")),
    "wan2.5-i2v-preview": (
        (*FIELDED, "img_url", "audio_url"),
        ("resolution", "duration", "prompt_extend", "audio", "seed"),
    ),
    "wan2.6-t2v": ((*FIELDED, "audio_url"), ("size", "duration", "prompt_extend", "shot_type", "seed")),
    "wan2.6-i2v": (
        (*FIELDED, "img_url", "audio_url"),
        ("resolution", "duration", "prompt_extend", "shot_type", "seed"),
    ),
    "wan2.6-i2v-flash": (
        (*FIELDED, "img_url", "audio_url"),
        ("resolution", "duration", "prompt_extend", "shot_type", "audio", "seed"),
    ),
    "wan2.6-r2v": (("prompt", "reference_urls"), ("size", "duration", "shot_type", "seed")),
    "wan2.6-r2v-flash": (("prompt", "reference_urls"), ("size", "duration", "shot_type", "audio", "seed")),
    "wan2.7-t2v": ((*FIELDED, "audio_url"), ("resolution", "ratio", "duration", "prompt_extend", "seed")),
    "wan2.7-i2v": (LISTED, ("resolution", "duration", "prompt_extend", "seed")),
    "wan2.7-r2v": (LISTED, ("resolution", "ratio", "duration", "prompt_extend", "seed")),
    "wan2.7-videoedit": (
        LISTED,
        ("resolution", "ratio", "duration", "prompt_extend", "seed", "audio_setting"),
    ),
    "happyhorse-1.0-t2v": (("prompt",), ("resolution", "ratio", "duration", "seed")),
    "happyhorse-1.1-t2v": (("prompt",), ("resolution", "ratio", "duration", "seed")),
    "happyhorse-1.0-i2v": (("prompt", "media"), ("resolution", "duration", "seed")),
    "happyhorse-1.1-i2v": (("prompt", "media"), ("resolution", "duration", "seed")),
    "happyhorse-1.0-r2v": (("prompt", "media"), ("resolution", "ratio", "duration", "seed")),
    "happyhorse-1.1-r2v": (("prompt", "media"), ("resolution", "ratio", "duration", "seed")),
    "happyhorse-1.0-video-edit": (("prompt", "media"), ("resolution", "audio_setting", "seed")),
}
"""What each clip model takes: its inputs, and its parameters beside the watermark."""
OF_THE_CLIENT: Final = ("function", "extend_prompt")
"""What the maker's own client puts beside the inputs of every clip."""
ROLES: Final = {
    "wan2.7-i2v": {"first_frame", "last_frame", "first_clip", "driving_audio"},
    "wan2.7-r2v": {"first_frame", "reference_image", "reference_video"},
    "wan2.7-videoedit": {"video", "reference_image"},
    "happyhorse-1.0-i2v": {"first_frame"},
    "happyhorse-1.1-i2v": {"first_frame"},
    "happyhorse-1.0-r2v": {"reference_image"},
    "happyhorse-1.1-r2v": {"reference_image"},
    "happyhorse-1.0-video-edit": {"video", "reference_image"},
}
OF_QWEN: Final = ("size", "n", "negative_prompt", "prompt_extend", "watermark", "seed")
OF_WAN: Final = (
    *("size", "n", "watermark", "seed"),
    *("thinking_mode", "enable_sequential", "color_palette", "bbox_list"),
)
PICTURES: Final[dict[str, tuple[str, ...]]] = {
    "z-image-turbo": ("size", "prompt_extend", "seed"),
    "qwen-image-plus": OF_QWEN,
    "qwen-image-edit-plus": OF_QWEN,
    "qwen-image-2.0": OF_QWEN,
    "qwen-image-3.0": OF_QWEN,
    "qwen-image-3.0-pro": OF_QWEN,
}
TASK_PICTURES: Final[dict[str, tuple[str, ...]]] = {"wan2.7-image": OF_WAN, "wan2.7-image-pro": OF_WAN}
OF_PLUS: Final = {"1664*928", "1472*1104", "1328*1328", "1104*1472", "928*1664"}
SIZES: Final = {
    *("1280*720", "720*1280", "960*960", "1088*832", "832*1088"),
    *("1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632"),
}
TYPES: Final[dict[str, type]] = {
    **dict.fromkeys(("size", "resolution", "ratio", "shot_type", "audio_setting", "negative_prompt"), str),
    **dict.fromkeys(("duration", "seed", "n"), int),
    **dict.fromkeys(("prompt_extend", "audio", "watermark", "thinking_mode", "enable_sequential"), bool),
    **dict.fromkeys(("color_palette", "bbox_list"), list),
}
ALLOWED: Final = {
    "resolution": {"720P", "1080P"},
    "shot_type": {"single", "multi"},
    "audio_setting": {"auto", "origin"},
    "ratio": {"16:9", "9:16", "1:1", "4:3", "3:4", "4:5", "5:4", "9:21", "21:9"},
}


class FakeDashScope(FakeService):
    """DashScope, as one of its regions answers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dropped: set[str] = set()
        """Ids of the tasks that were cancelled."""
        self.uploads: dict[str, bytes] = {}
        """Uploaded files by the address they are named with."""

    def routes(self, app: web.Application) -> None:
        services = "/api/v1/services/aigc"
        app.router.add_post(f"{services}/video-generation/video-synthesis", self._clip)
        app.router.add_post(f"{services}/image-generation/generation", self._picture_task)
        app.router.add_post(f"{services}/multimodal-generation/generation", self._picture)
        app.router.add_get("/api/v1/tasks/{task}", self._get)
        app.router.add_post("/api/v1/tasks/{task}/cancel", self._cancel)
        app.router.add_get("/api/v1/uploads", self._policy)
        app.router.add_post("/store", self._store)

    @property
    def base(self) -> str:
        """What a connection is given as its address."""
        return f"{self.url}/api/v1"

    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        names = {401: "InvalidApiKey", 403: "AccessDenied", 404: "ModelNotFound", 429: "Throttling.RateQuota"}
        return self.error(
            code, names.get(code, "InternalError" if code >= 500 else "InvalidParameter"), message, headers
        )

    def error(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        told = {"code": code, "message": message, "request_id": "b69b"}
        return web.json_response(told, status=status, headers=headers)

    # --- the create calls --------------------------------------------------------------------------

    async def _clip(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request, TAKES, task=True)
        if not isinstance(body, dict):
            return body
        wrong = _wrong_clip(body)
        if wrong is not None:
            return self.complain(400, f"Invalid {wrong}: {json.dumps(body)[:200]}")
        return await self._take(request, body, body["input"].get("prompt", ""), None)

    async def _picture_task(self, request: web.Request) -> web.StreamResponse:
        return await self._picture_of(request, TASK_PICTURES, task=True)

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        return await self._picture_of(request, PICTURES, task=False)

    async def _picture_of(
        self, request: web.Request, models: Mapping[str, tuple[str, ...]], *, task: bool
    ) -> web.StreamResponse:
        body = await self._body(request, models, task=task)
        if not isinstance(body, dict):
            return body
        wrong = _wrong_picture(body, models[body["model"]])
        if wrong is not None:
            return self.complain(400, f"Invalid {wrong}: {json.dumps(body)[:200]}")
        prompt = body["input"]["messages"][0]["content"][-1]["text"]
        return await self._take(request, body, prompt, None if task else body["parameters"].get("n", 1))

    async def _take(
        self, request: web.Request, body: dict[str, Any], prompt: str, pictures: int | None
    ) -> web.StreamResponse:
        """Take a task; ``pictures`` are answered at once, where that is how the model works."""
        words = Words(prompt)
        if "unfetched" in words:
            return self.error(400, "InvalidParameter.DataInspection", "Unable to download the media resource")
        if "code" in words:
            status, _, code = words["code"].partition(":")
            return self.error(int(status), code, self.said("Refused.", words))
        lie = await self.lie_before(request, prompt)
        if lie is not None:
            return lie
        submit = self.accept(body["model"], prompt, body)
        output: dict[str, Any] = {"task_id": submit.task_id, "task_status": "PENDING"}
        if pictures is not None:
            output = {"choices": [] if "no-file" in words else self._choices(submit, pictures)}
        return await self.answer(request, submit, {"request_id": "b69b", "output": output})

    def _choices(self, submit: Submit, count: int) -> list[dict[str, Any]]:
        """Pictures spread over several choices, among words."""
        return [
            {
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": [{"text": "so"}, {"image": place}]},
            }
            for place in (self.file_url(submit, number) for number in range(count))
        ]

    # --- the record --------------------------------------------------------------------------------

    async def _get(self, request: web.Request) -> web.StreamResponse:
        if not self._opens(request):
            return self.refusal(401, "Invalid API-key provided.")
        submit = self.tasks.get(request.match_info["task"])
        if submit is None:
            unknown = {"task_id": request.match_info["task"], "task_status": "UNKNOWN"}
            return web.json_response({"request_id": "5fec", "output": unknown})
        whole = {"request_id": "5fec", "output": self._record(submit)}
        lie = await self.lie_while_polling(request, submit, whole)
        return web.json_response(whole) if lie is None else lie  # an empty answer counts as false

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        submit = self.tasks.get(request.match_info["task"])
        if not self._opens(request) or submit is None:
            return self.refusal(401, "Invalid API-key provided.")
        words = Words(submit.prompt)
        if "races" in words:
            return web.json_response({"request_id": "7a"})
        if self._record(submit)["task_status"] != "PENDING":
            return self.error(400, "UnsupportedOperation", "Failed to cancel the task, it is not pending.")
        self.dropped.add(submit.task_id)
        return web.json_response({"request_id": "7a"})

    def _record(self, submit: Submit) -> dict[str, Any]:
        words, polls = Words(submit.prompt), self.polls[submit.task_id] + 1
        record: dict[str, Any] = {"task_id": submit.task_id, "submit_time": "2026-04-17 13:12:08.928"}
        if submit.task_id in self.dropped:
            return record | {"task_status": "CANCELED"}
        if "queued" in words or self.back_in_queue(submit):
            return record | {"task_status": "PENDING"}
        if polls <= words.times("unknown-state"):
            return record | {"task_status": "RETICULATING"}
        if self.running(submit) or "races" in words:
            return record | {"task_status": "RUNNING"}
        if "state" in words:
            return record | {"task_status": words["state"]}
        if "moderated" in words:
            told = {
                "code": "DataInspectionFailed",
                "message": "Output data may contain inappropriate content.",
            }
            return record | {"task_status": "FAILED"} | told
        if "fail" in words:
            told = {"code": words["fail"] or "InternalError.Algo", "message": self.said("It broke.", words)}
            return record | {"task_status": "FAILED"} | told
        return record | {"task_status": "SUCCEEDED"} | self._made(submit, words, polls)

    def _made(self, submit: Submit, words: Words, polls: int) -> dict[str, Any]:
        if polls <= words.times("no-file", FOR_EVER):
            return {}
        if "blocked" in words:
            return {"results": [{"code": "DataInspectionFailed", "message": "It may be inappropriate."}]}
        if submit.model in TASK_PICTURES:
            return {"finished": True, "choices": self._choices(submit, submit.input["parameters"]["n"])}
        return {"video_url": self.file_url(submit, kind="video"), "orig_prompt": submit.prompt}

    # --- uploads -----------------------------------------------------------------------------------

    async def _policy(self, request: web.Request) -> web.StreamResponse:
        if not self._opens(request):
            return self.refusal(401, "Invalid API-key provided.")
        if request.query.get("action") != "getPolicy" or not request.query.get("model"):
            return self.complain(400, "a policy is asked for by action and model")
        data = {
            "policy": "cG9saWN5",
            "signature": "c2lnbmF0dXJl",
            "upload_dir": "dashscope-instant/1/2",
            "upload_host": f"{self.url}/store",
            "expire_in_seconds": 300,
            "max_file_size_mb": 1024,
            "oss_access_key_id": "LTAI-for-uploads",
            "x_oss_object_acl": "private",
            "x_oss_forbid_overwrite": "true",
        }
        return web.json_response({"data": data, "request_id": "d3eb"})

    async def _store(self, request: web.Request) -> web.StreamResponse:
        if "Authorization" in request.headers:
            self.complaints.append("the key was sent to the store")
        form: dict[str, Any] = dict(await request.post())
        wanted = {
            "OSSAccessKeyId": "LTAI-for-uploads",
            "Signature": "c2lnbmF0dXJl",
            "policy": "cG9saWN5",
            "x-oss-object-acl": "private",
            "x-oss-forbid-overwrite": "true",
            "success_action_status": "200",
        }
        if {name: form.get(name) for name in wanted} != wanted or list(form)[-1] != "file":
            return self.complain(403, f"a form the policy does not let in: {list(form)}")
        if not str(form["key"]).startswith("dashscope-instant/1/2/"):
            return self.complain(403, "a file outside of the policy's folder")
        self.uploads[f"oss://{form['key']}"] = form["file"].file.read()
        return web.Response()

    # --- all ---------------------------------------------------------------------------------------

    def _opens(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.key}"

    async def _body(
        self, request: web.Request, models: Mapping[str, object], *, task: bool
    ) -> dict[str, Any] | web.Response:
        if not self._opens(request):
            return self.error(401, "InvalidApiKey", "Invalid API-key provided.")
        if (request.headers.get("X-DashScope-Async") == "enable") != task:
            return self.complain(
                403, "current user api does not support synchronous calls, or asynchronous ones"
            )
        try:
            text = await request.text()
            body: dict[str, Any] = json.loads(text)
        except ValueError:
            return self.complain(400, "a body that is not JSON")
        if set(body) != {"model", "input", "parameters"}:
            return self.complain(400, f"a body of {sorted(body)}")
        if body["model"] not in models:
            return self.error(404, "ModelNotFound", "The model does not exist.")
        named = re.findall(r'"(oss://[^"]*)"', text)
        if bool(named) != (request.headers.get("X-DashScope-OssResourceResolve") == "enable"):
            return self.complain(400, "uploaded files, and the header that resolves them, come together")
        missing = [place for place in named if place not in self.uploads]
        return self.complain(400, f"{missing[0]} was never uploaded") if missing else body


def _wrong_clip(body: dict[str, Any]) -> str | None:
    """The first field that is not as the documents say."""
    model, input, parameters = body["model"], body["input"], body["parameters"]
    inputs, settings = TAKES[model]
    if unknown := [name for name in input if name not in (*inputs, *OF_THE_CLIENT)]:
        return f"input.{unknown[0]}"
    if wrong := _wrong_setting(parameters, (*settings, "watermark")):
        return wrong
    if "size" in parameters and parameters["size"] not in SIZES:
        return "size"
    if "size" not in parameters and "resolution" not in parameters:
        return "resolution"
    if not 2 <= parameters.get("duration", 5) <= (10 if model.startswith("wan2.5") else 15):
        return "duration"
    places = [input[name] for name in ("img_url", "audio_url") if name in input]
    places += input.get("reference_urls", [])
    for item in input.get("media", []):
        if item["type"] not in ROLES[model] or set(item) - {"type", "url", "reference_voice"}:
            return "media"
        places += [item["url"], *([item["reference_voice"]] if "reference_voice" in item else [])]
    if "media" in inputs and not input.get("media"):
        return "media"
    return None if all(_is_place(place) for place in places) else "url"


def _wrong_picture(body: dict[str, Any], settings: tuple[str, ...]) -> str | None:
    model, parameters = body["model"], body["parameters"]
    (message,) = body["input"]["messages"]
    *pictures, words = message["content"]
    if message["role"] != "user" or not words.get("text"):
        return "messages"
    if not all(set(part) == {"image"} and _is_place(part["image"]) for part in pictures):
        return "image"
    most = {"z-image-turbo": 0, "qwen-image-plus": 0}.get(model, 9 if model.startswith("wan") else 3)
    if len(pictures) > most or ("-edit-" in model and not pictures):
        return "content"
    if wrong := _wrong_setting(parameters, settings):
        return wrong
    group = parameters.get("enable_sequential", False)
    single = model in ("z-image-turbo", "qwen-image-plus")
    if parameters.get("n", 1) > (12 if group else 1 if single else 4 if model.startswith("wan") else 6):
        return "n"
    if "thinking_mode" in parameters and (group or pictures):
        return "thinking_mode"
    return None if _is_size(model, parameters.get("size", ""), edits=bool(pictures)) else "size"


def _wrong_setting(parameters: dict[str, Any], known: tuple[str, ...]) -> str | None:
    for name, value in parameters.items():
        # To Python a boolean is a number too.
        if name not in known or type(value) is not TYPES[name]:
            return name
        if name in ALLOWED and value not in ALLOWED[name]:
            return name
    return None if 0 <= parameters.get("seed", 0) <= 2147483647 else "seed"


def _is_size(model: str, size: str, *, edits: bool) -> bool:
    if model.startswith("wan") and edits:
        return size in ("1K", "2K")
    if model == "qwen-image-plus":
        return size in OF_PLUS
    sides = re.fullmatch(r"(\d+)\*(\d+)", size)
    if sides is None:
        return False
    width, height = int(sides[1]), int(sides[2])
    if model == "qwen-image-edit-plus":
        return 512 <= min(width, height) <= max(width, height) <= 2048
    most = 4096 if model == "wan2.7-image-pro" else 2048
    return 512**2 <= width * height <= most**2 and max(width, height) <= 8 * min(width, height)


def _is_place(value: Any) -> bool:
    return str(value).startswith(("http://", "https://", "oss://"))
