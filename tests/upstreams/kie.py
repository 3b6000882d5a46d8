"""A strict stand-in for KIE.AI on loopback: it checks what it is sent, counts what it takes, lies on request.

In a test: ``with FakeKie() as upstream: ...``. As a process that can be killed and started again:
``python -m tests.upstreams.kie --port 0 --journal FILE`` (it prints its address).
What the words in a prompt make it do is told in ``tests/upstreams/lies.py``.
"""

import argparse
import json
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web

from tests.upstreams.journal import Submit
from tests.upstreams.lies import FOR_EVER, HTML, Words
from tests.upstreams.service import KEY, FakeService

TOP_LEVEL = {"model", "input", "callBackUrl", "progressCallBackUrl"}
MESSAGES = {
    401: "Unauthorized – Authentication failed. Please check that your Authorization and Content-Type "
    "headers are correctly set.",
    402: "Credits insufficient : Your current balance isn't enough to run this request. "
    "Please top up to continue.",
    429: "Your call frequency is too high. Please try again later.",
    455: "Service is under maintenance",
    505: "This interface is temporarily paused.",
}
UNSUPPORTED = (
    "The model name you specified is not supported. "
    "Please verify your input and use one of the supported models provided by KIE."
)


class FakeKie(FakeService):
    """KIE.AI: its Jobs API and its uploads."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.uploads: dict[str, bytes] = {}
        """Uploaded files by path."""

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/api/v1/jobs/createTask", self._create)
        app.router.add_get("/api/v1/jobs/recordInfo", self._record)
        app.router.add_get("/api/v1/chat/credit", self._credit)
        app.router.add_post("/api/file-stream-upload", self._upload)
        app.router.add_get("/kieai/{path:.+}", self._uploaded)

    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        return envelope(code, MESSAGES.get(code, message), headers=dict(headers or {}))

    # The create call

    async def _create(self, request: web.Request) -> web.StreamResponse:
        if not self._known(request):
            return envelope(401, MESSAGES[401])
        body, wrong = await self._checked(request)
        if wrong is not None:
            return wrong
        prompt = prompt_of(body["input"])
        lie = await self.lie_before(request, prompt)
        if lie is not None:
            return lie
        submit = Submit(
            task_id=uuid4().hex,
            model=body["model"],
            prompt=prompt,
            created=time.time(),
            input=body["input"],
            callback=body.get("callBackUrl", ""),
            hops=request.headers.get("X-Souk-Hops", ""),
        )
        self.journal.record(submit)
        self.tasks[submit.task_id] = submit
        data = {"taskId": submit.task_id, "recordId": submit.task_id}
        return await self.answer(request, submit, {"code": 200, "msg": "success", "data": data})

    async def _checked(self, request: web.Request) -> tuple[dict[str, Any], web.Response | None]:
        """The body of a create call, and the refusal if there is something wrong with it."""
        if request.content_type != "application/json":
            return {}, self._complained(401, "createTask without Content-Type: application/json")
        try:
            body = json.loads(await request.text())
        except ValueError:
            return {}, self._complained(400, "createTask with a body that is not JSON")
        if not isinstance(body, dict) or set(body) - TOP_LEVEL:
            return {}, self._complained(
                400, f"createTask with unknown fields: {sorted(set(body) - TOP_LEVEL)}"
            )
        if not isinstance(body.get("model"), str) or body["model"].startswith("unknown"):
            return body, envelope(422, UNSUPPORTED)
        if not isinstance(body.get("input"), dict) or not body["input"]:
            return body, envelope(422, "This field is required")
        if inline := [text for text in texts_in(body["input"]) if text.startswith("data:")]:
            return body, self._complained(422, f"createTask with {len(inline)} files inside the JSON")
        return body, None

    # The record call

    async def _record(self, request: web.Request) -> web.StreamResponse:
        if not self._known(request):
            return envelope(401, MESSAGES[401])
        task_id = request.query.get("taskId", "")
        if not task_id:
            return envelope(400, "taskId parameter is required")
        task = self.tasks.get(task_id)
        if task is None:
            return envelope(422, "recordInfo is null")
        whole = {"code": 200, "msg": "success", "data": self._record_of(task, Words(task.prompt))}
        lie = await self.lie_while_polling(request, task, whole)
        return web.json_response(whole) if lie is None else lie  # an empty answer counts as false

    async def lied(
        self, request: web.Request, submit: Submit, what: str, whole: dict[str, Any]
    ) -> web.StreamResponse:
        match what:
            case "null":
                return envelope(422, "recordInfo is null")
            case "other":
                whole["data"] |= {"taskId": uuid4().hex, "state": "fail", "failCode": "422"}
                return web.json_response(whole)
            case "500" | "503":
                return web.Response(status=int(what), text=HTML, content_type="text/html")
            case code if code.isdigit():
                headers = {"Retry-After": str(self.retry_seconds)} if code == "429" else {}
                said = self.said(MESSAGES.get(int(code), "Not now"), Words(submit.prompt))
                return envelope(int(code), said, headers=headers)
            case _:
                return await super().lied(request, submit, what, whole)

    def _record_of(self, task: Submit, words: Words) -> dict[str, Any]:
        now, polls = time.time(), self.polls[task.task_id] + 1
        age = now - task.created
        run = words.seconds("slow", self.run_seconds)
        record: dict[str, Any] = {
            "taskId": task.task_id,
            "model": task.model,
            "state": "waiting" if age < self.queue_seconds else "generating",
            "param": json.dumps({"model": task.model, "input": task.input}),
            "resultJson": "",
            "failCode": "",
            "failMsg": "",
            "costTime": None,
            "completeTime": None,
            "createTime": int(task.created * 1000),
            "updateTime": int(now * 1000),
        }
        if polls <= words.times("unknown-state"):
            record["state"] = "reticulating"
        elif self.running(task):
            if self.back_in_queue(task):
                record["state"] = "waiting"
        else:
            record |= {"costTime": int(run * 1000), "completeTime": int(now * 1000)} | self._end_of(
                task, words
            )
        return record

    def _end_of(self, task: Submit, words: Words) -> dict[str, Any]:
        if "fail" in words or "moderated" in words:
            code = words.get("fail") or ("422" if "moderated" in words else "500")
            message = "Your prompt was flagged by content moderation" if "moderated" in words else "It failed"
            said = self.said(message, words)
            return {"state": "fail", "failCode": code, "failMsg": said, "creditsConsumed": 0}
        polls = self.polls[task.task_id] + 1
        result = json.dumps(self._result_of(task, words))
        if polls <= words.times("no-file", FOR_EVER):
            result = '{"resultUrls":[]}'
        if polls <= words.times("bad-result", FOR_EVER):
            result = result[:-3]
        return {"state": "success", "resultJson": result, "creditsConsumed": 8}

    def _result_of(self, task: Submit, words: Words) -> dict[str, Any]:
        if "text" in words:
            return {"resultObject": {"text": "words instead of files"}}
        if "character" in words:
            return {"character_id": words["character"]}
        kind = words.get("kind", "image")
        return {
            "resultUrls": [self.file_url(task, index, kind) for index in range(words.times("files") or 1)]
        }

    def report(self, submit: Submit, *, forged: bool) -> tuple[dict[str, str], bytes]:
        record = self._record_of(submit, Words(submit.prompt))
        if forged:
            record |= {"state": "fail", "failCode": "500", "failMsg": "It never failed"}
        told = {"code": 501 if forged else 200, "msg": "about your task", "data": record}
        return {"Content-Type": "application/json"}, json.dumps(told).encode()

    async def _upload(self, request: web.Request) -> web.Response:
        if not self._known(request):
            return upload_answer(401, "Authentication failed: Invalid API Key")
        if request.content_type != "multipart/form-data":
            return self._complained(400, "file-stream-upload that is not multipart/form-data")
        form = await request.post()
        folder, name, file = form.get("uploadPath"), form.get("fileName"), form.get("file")
        if not isinstance(folder, str) or not folder:
            return upload_answer(400, "Missing required parameter: uploadPath")
        if folder.strip("/") != folder:
            return self._complained(400, "uploadPath with outer slashes")
        if not isinstance(file, web.FileField):
            return upload_answer(400, "Missing required parameter: file")
        name = name if isinstance(name, str) and name else f"{uuid4().hex[:11]}{Path(file.filename).suffix}"
        path = f"kieai/100001/{folder}/{name}"
        content = file.file.read()
        self.uploads[path] = content
        data = {
            "success": True,
            "fileName": name,
            "filePath": path,
            "downloadUrl": f"{self.url}/{path}",
            "fileSize": len(content),
            "mimeType": file.content_type,
            "uploadedAt": "2026-02-26T09:15:30.412Z",
        }
        return upload_answer(200, "File uploaded successfully", data)

    async def _uploaded(self, request: web.Request) -> web.Response:
        content = self.uploads.get(request.path.removeprefix("/"))
        return web.Response(status=404) if content is None else web.Response(body=content)

    async def _credit(self, request: web.Request) -> web.Response:
        return envelope(200, "success", 5916.25) if self._known(request) else envelope(401, MESSAGES[401])

    def _complained(self, code: int, message: str) -> web.Response:
        self.complaints.append(message)
        return envelope(code, message)

    def _known(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.key}"


def prompt_of(input: dict[str, Any]) -> str:
    """The text a task is about."""
    return str(input.get("prompt") or input.get("text") or "")


def texts_in(value: Any) -> list[str]:
    """Every text inside a JSON value."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts_in(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    return [value] if isinstance(value, str) else []


def envelope(
    code: int, msg: str, data: Any = None, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.json_response({"code": code, "msg": msg, "data": data}, status=status, headers=headers)


def upload_answer(code: int, msg: str, data: Any = None) -> web.Response:
    return web.json_response({"success": code == 200, "code": code, "msg": msg, "data": data})


def main() -> None:
    options = argparse.ArgumentParser(description="A fake KIE.AI on loopback")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--journal", type=Path, required=True)
    options.add_argument("--key", default=KEY)
    options.add_argument("--queue-seconds", type=float, default=0.02)
    options.add_argument("--run-seconds", type=float, default=0.05)
    given = options.parse_args()
    # Threads inherit the mask, so the signals wait for the main thread.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with FakeKie(**vars(given)) as upstream:
        print(upstream.url, flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
