"""A strict stand-in for OpenAI's images and videos APIs on loopback, gone Sora included.

Beside the words of ``tests/upstreams/lies.py``: ``[up:code=CODE]`` with ``[up:refuse=STATUS]`` is the error's code,
``[up:links]`` answers pictures as addresses, ``[up:file-elsewhere]`` keeps a clip on another server,
``[up:429-ms]`` tells the time to wait in milliseconds.
"""

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from PIL import Image

from tests.upstreams.journal import Submit
from tests.upstreams.lies import FOR_EVER, Words
from tests.upstreams.results import MEDIA_TYPES, result_file
from tests.upstreams.service import FakeService

PICTURE_MODELS = {"gpt-image-1.5", "gpt-image-2", "gpt-image-2.5-sunburst"}
CLIP_MODELS = {"sora-2", "sora-2-pro"}
GONE = {"gpt-image-1": "The model `gpt-image-1` has been deprecated, learn more here."}
PICTURE_FIELDS = {
    "model",
    "prompt",
    "n",
    "size",
    "quality",
    "background",
    "output_format",
    "output_compression",
}
STANDARD_SIZES = {"1024x1024", "1536x1024", "1024x1536", "auto"}
QUALITIES = {"low", "medium", "high", "auto"}
CLIP_SIZES = {
    "sora-2": {"720x1280", "1280x720"},
    "sora-2-pro": {"720x1280", "1280x720", "1024x1792", "1792x1024"},
}
SORA_SECONDS = frozenset({"4", "8", "12"})
MASK_BYTES, PICTURE_BYTES = 4 << 20, 50 << 20
CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded", 500: "server_error"}


class Wrong(Exception):
    """What is wrong with a request, and the error's code and parameter."""

    def __init__(
        self, message: str, param: str = "", code: str | None = "invalid_value", status: int = 400
    ) -> None:
        super().__init__(message)
        self.param = param
        self.code = code
        self.status = status


class FakeOpenAIMedia(FakeService):
    """Takes bearer tokens. ``seconds``: the lengths of clips it makes; OpenAI's own were 4, 8 and 12."""

    def __init__(self, *, seconds: frozenset[str] = SORA_SECONDS, **options: Any) -> None:
        super().__init__(**options)
        self.seconds = seconds
        self.ids: dict[str, Submit] = {}
        """Clips by their id."""
        self.clip_fields = {"model", "prompt", "seconds", "size"}
        """What a clip may be asked for with; other makers' servers know more."""
        self.elsewhere = ""
        """Where clips with ``[up:file-elsewhere]`` lie."""

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/v1/images/generations", self._generate)
        app.router.add_post("/v1/images/edits", self._edit)
        app.router.add_post("/v1/videos", self._create)
        app.router.add_get("/v1/videos/{id}", self._retrieve)
        app.router.add_get("/v1/videos/{id}/content", self._content)

    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        return error(code, message, CODES.get(code), headers=headers)

    # --- pictures ----------------------------------------------------------------------------------

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        if wrong := self._locked(request):
            return wrong
        if request.content_type != "application/json":
            return self.complain(400, "generations without Content-Type: application/json")
        body = json.loads(await request.text())
        try:
            check_picture(body)
        except Wrong as wrong:
            return self._wrong(wrong)
        return await self._made(request, body)

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        if wrong := self._locked(request):
            return wrong
        try:
            fields, files = await form_of(request)
            check_picture({**fields, **({"n": int(fields["n"])} if "n" in fields else {})})
            check_edit(files)
        except Wrong as wrong:
            return self._wrong(wrong)
        return await self._made(request, {**fields, "files": [listed(*file) for file in files]})

    async def _made(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        words = Words(body["prompt"])
        if lied := await self._lie(request, body["prompt"]):
            return lied
        submit = self.accept(body["model"], body["prompt"], body)
        count = words.times("files") or int(body.get("n", 1))
        data = [] if "no-file" in words else [self._picture(submit, n, words) for n in range(count)]
        answer = {
            "created": int(submit.created),
            "background": "opaque",
            "data": data,
            "output_format": "png",
        }
        return await self.answer(request, submit, answer)

    def _picture(self, submit: Submit, number: int, words: Words) -> dict[str, Any]:
        if "links" in words:
            return {"url": self.file_url(submit, number)}
        content = base64.b64encode(result_file("image", int(submit.task_id[:6], 16) + number)).decode()
        return {"b64_json": content[:-3] if "bad-result" in words else content}

    # --- clips -------------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.StreamResponse:
        if wrong := self._locked(request):
            return wrong
        try:
            fields, files = await form_of(request)
            self._check_clip(fields, files)
        except Wrong as wrong:
            return self._wrong(wrong)
        if lied := await self._lie(request, fields["prompt"]):
            return lied
        body = {**fields, **({"files": [listed(*file) for file in files]} if files else {})}
        submit = self.accept(fields["model"], fields["prompt"], body)
        self.ids[f"video_{submit.task_id}"] = submit
        return await self.answer(request, submit, self._record(submit))

    def _check_clip(self, fields: dict[str, str], files: list[tuple[str, web.FileField]]) -> None:
        if unknown := set(fields) - self.clip_fields:
            raise Wrong(f"Unknown parameter: '{min(unknown)}'.", min(unknown), "unknown_parameter")
        check_model(fields, CLIP_MODELS)
        check_prompt(fields)
        if fields.get("seconds", "4") not in self.seconds:
            raise Wrong(f"Invalid value: '{fields['seconds']}'.", "seconds")
        size = fields.get("size", "720x1280")
        if size not in CLIP_SIZES[fields["model"]]:
            raise Wrong(f"Invalid value: '{size}'.", "size")
        for name, file in files:
            if name != "input_reference":
                raise Wrong(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
            if "x".join(map(str, picture_of(file).size)) != size:
                raise Wrong("Inpaint image must match the requested width and height", "input_reference")

    async def _retrieve(self, request: web.Request) -> web.StreamResponse:
        submit = self.ids.get(request.match_info["id"])
        if wrong := self._locked(request):
            return wrong
        if submit is None:
            return error(404, "Video with id was not found.", None)
        record = self._record(submit)
        other = "other-while-polling" in Words(submit.prompt)
        if other and not self.polls[submit.task_id]:
            self.polls[submit.task_id] += 1
            return web.json_response(record | {"id": "video_other", "status": "failed", "error": None})
        if lied := await self.lie_while_polling(request, submit, record):
            return lied
        return web.json_response(record)

    def _record(self, submit: Submit) -> dict[str, Any]:
        words = Words(submit.prompt)
        record: dict[str, Any] = {
            "id": f"video_{submit.task_id}",
            "object": "video",
            "created_at": int(submit.created),
            "model": submit.model,
            "status": "queued",
            "progress": 0,
            "seconds": submit.input.get("seconds", "4"),
            "size": submit.input.get("size", "720x1280"),
            "prompt": submit.prompt,
            "error": None,
        }
        begun = self.polls[submit.task_id] > 0 or "undone" in words or not self.queue_seconds
        if not begun or self.back_in_queue(submit):
            return record
        if self.polls[submit.task_id] < words.times("unknown-state"):
            return record | {"status": "reticulating"}
        if self.running(submit):
            return record | {"status": "in_progress", "progress": 40}
        if "fail" in words or "moderated" in words:
            code = words.get("fail") or "moderation_blocked"
            said = self.said("The clip could not be made.", words)
            return record | {"status": "failed", "error": {"code": code, "message": said}}
        return record | {"status": "completed", "progress": 100, "completed_at": int(submit.created) + 1}

    async def _content(self, request: web.Request) -> web.StreamResponse:
        submit = self.ids.get(request.match_info["id"])
        if wrong := self._locked(request):
            return wrong
        if submit is None:
            return error(404, "Video with id was not found.", None)
        if "file-elsewhere" in Words(submit.prompt):
            return web.Response(status=302, headers={"Location": self.elsewhere})
        content = result_file("video", int(submit.task_id[:6], 16))
        return await self.hand_out(request, submit, submit.task_id, content, MEDIA_TYPES["video"])

    # --- errors ------------------------------------------------------------------------------------

    def _locked(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        return error(401, f"Incorrect API key provided: {request.headers.get('Authorization')}", CODES[401])

    async def _lie(self, request: web.Request, prompt: str) -> web.StreamResponse | None:
        words = Words(prompt)
        if "code" in words:
            self.tries[prompt] += 1
            said = self.said("Refused as the prompt asked.", words)
            return error(int(words["refuse"]), said, words["code"])
        if self.tries[prompt] < words.times("429-ms", FOR_EVER):
            self.tries[prompt] += 1
            return error(429, "Rate limit reached", CODES[429], headers={"retry-after-ms": "250"})
        return await self.lie_before(request, prompt)

    def _wrong(self, wrong: Wrong) -> web.Response:
        if wrong.status == 400:
            self.complaints.append(str(wrong))
        return error(wrong.status, str(wrong), wrong.code, wrong.param)


def error(
    status: int, message: str, code: str | None, param: str = "", headers: Mapping[str, str] | None = None
) -> web.Response:
    kind = "image_generation_user_error" if code == "moderation_blocked" else "invalid_request_error"
    body = {"error": {"message": message, "type": kind, "param": param or None, "code": code}}
    return web.json_response(body, status=status, headers=headers)


async def form_of(request: web.Request) -> tuple[dict[str, str], list[tuple[str, web.FileField]]]:
    """The text fields of a form, and its files in order. Raises Wrong."""
    if request.content_type != "multipart/form-data":
        raise Wrong("the content type is not multipart/form-data", code="unsupported_content_type")
    fields: dict[str, str] = {}
    files: list[tuple[str, web.FileField]] = []
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files.append((name, value))
        elif name in fields:
            raise Wrong(f"Duplicate parameter: '{name}'.", name)
        else:
            fields[name] = str(value)
    return fields, files


def check_prompt(body: Mapping[str, Any]) -> None:
    prompt = body.get("prompt")
    if not isinstance(prompt, str) or not 0 < len(prompt) <= 32_000:
        raise Wrong("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")


def check_model(body: Mapping[str, Any], known: set[str]) -> None:
    model = str(body.get("model", ""))
    if model not in known:
        said = GONE.get(model, f"The model `{model}` does not exist or you do not have access to it.")
        raise Wrong(said, "model", "model_not_found", 404)


def check_picture(body: Mapping[str, Any]) -> None:
    """Raises Wrong for what neither call of the images API takes."""
    if unknown := set(body) - PICTURE_FIELDS:
        raise Wrong(f"Unknown parameter: '{min(unknown)}'.", min(unknown), "unknown_parameter")
    check_model(body, PICTURE_MODELS)
    check_prompt(body)
    size = body.get("size", "auto")
    if size not in STANDARD_SIZES and (body["model"] == "gpt-image-1.5" or not free_size(size)):
        raise Wrong(f"Invalid value: '{size}'.", "size")
    if body.get("quality", "auto") not in QUALITIES:
        raise Wrong(f"Invalid value: '{body['quality']}'.", "quality")
    if body.get("output_format", "png") not in ("png", "jpeg", "webp"):
        raise Wrong(f"Invalid value: '{body['output_format']}'.", "output_format")
    n = body.get("n", 1)
    if not isinstance(n, int) or not 1 <= n <= 10:
        raise Wrong(f"Invalid value: {n}.", "n")


def free_size(size: str) -> bool:
    """Whether GPT Image 2 makes pictures of this size."""
    width, height = (int(side) for side in size.split("x"))
    fits = max(width, height) <= 3840 and 655_360 <= width * height <= 3840 * 2160
    return width % 16 == height % 16 == 0 and fits and max(width, height) <= 3 * min(width, height)


def check_edit(files: list[tuple[str, web.FileField]]) -> None:
    """Raises Wrong for files that an edit cannot be made of."""
    names = [name for name, _ in files if name != "mask"]
    if names not in (["image"], ["image[]"] * len(names)) or not 1 <= len(names) <= 16:
        raise Wrong(f"Duplicate or unknown parameters: {names}", "image")
    for name, file in files:
        if file.content_type not in ("image/png", "image/jpeg", "image/webp") or "." not in file.filename:
            raise Wrong(
                f"Invalid file '{file.filename}': unsupported mimetype ('{file.content_type}').", name
            )
        size = len(file.file.read())
        file.file.seek(0)
        if not 0 < size < (MASK_BYTES if name == "mask" else PICTURE_BYTES):
            raise Wrong(f"Invalid file '{file.filename}': {size} bytes.", name)
    for _, mask in (file for file in files if file[0] == "mask"):
        if picture_of(mask).getbands()[-1] != "A" or picture_of(mask).size != picture_of(files[0][1]).size:
            raise Wrong(
                "Invalid mask image format - mask must have an alpha channel and the image's size", "mask"
            )


def picture_of(file: web.FileField) -> Image.Image:
    file.file.seek(0)
    return Image.open(io.BytesIO(file.file.read()))


def listed(name: str, file: web.FileField) -> list[Any]:
    """What a journal keeps of a file: field, file name, type, and pixels across and down."""
    return [name, file.filename, file.content_type, list(picture_of(file).size)]
