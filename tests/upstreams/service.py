"""What the fake services that run tasks have in common: a thread of their own, a journal, files, and lies on request.

A service says which routes it has, what wrong requests and refusals look like, and what its records say. What the words
in a prompt make any of them do is told in ``tests/upstreams/lies.py``.
"""

import asyncio
import json
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from aiohttp import web

from tests.upstreams.journal import Journal, Submit, count
from tests.upstreams.lies import FOR_EVER, HTML, Words, cut, drop
from tests.upstreams.results import EXTENSIONS, MEDIA_TYPES, result_file

KEY = "upstream-key-1234"


class FakeService(ABC):
    """One service on a loopback port, served by a thread of its own, so any kind of test can use it."""

    def __init__(
        self,
        *,
        key: str = KEY,
        journal: Path | None = None,
        port: int = 0,
        queue_seconds: float = 0.02,
        run_seconds: float = 0.05,
    ) -> None:
        self.key = key
        self.port = port
        self.queue_seconds = queue_seconds
        self.run_seconds = run_seconds
        self.journal = Journal(journal)
        self.tasks = {submit.task_id: submit for submit in self.journal.submits}
        self.polls: Counter[str] = Counter()
        """Record calls by task id."""
        self.tries: Counter[str] = Counter()
        """Create calls by prompt, refused ones included."""
        self.fetches: Counter[str] = Counter()
        """Result file calls by file name."""
        self.complaints: list[str] = []
        """What a client did wrong, beyond what the answers say. Tests may assert that it stays empty."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=type(self).__name__, daemon=True)
        self._runner: web.AppRunner | None = None

    # --- what a service is -------------------------------------------------------------------------

    @abstractmethod
    def routes(self, app: web.Application) -> None:
        """Add the service's own paths."""

    @abstractmethod
    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        """An error in the service's own form."""

    # --- its life ----------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def submits(self) -> list[Submit]:
        """What was accepted, in order, since the journal began."""
        return self.journal.submits

    def count(self, marker: str, model: str = "") -> int:
        """How many accepted submits carry ``marker`` in their prompt."""
        return count(self.submits, marker, model)

    def start(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        return self

    def stop(self) -> None:
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
            self._runner = None
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()
        self.journal.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=256 * 1024 * 1024)
        self.routes(app)
        app.router.add_get("/files/{task}/{name}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    def complain(self, code: int, message: str) -> web.Response:
        """Refuse what no well-made client sends, and remember it."""
        self.complaints.append(message)
        return self.refusal(code, message)

    # --- the create call ---------------------------------------------------------------------------

    async def lie_before(self, request: web.Request, prompt: str) -> web.Response | None:
        """What happens to a create call before it is taken, if its prompt asks for that."""
        words = Words(prompt)
        self.tries[prompt] += 1
        if "slow-create" in words:
            await asyncio.sleep(words.seconds("slow-create"))
        if "refuse" in words:
            return self.refusal(int(words["refuse"]), self.said("Refused as the prompt asked", words))
        if self.tries[prompt] <= words.times("429", FOR_EVER):
            return self.refusal(429, "Too many requests", {"Retry-After": "1"})
        return drop(request) if "drop-before-accept" in words else None

    def accept(self, model: str, prompt: str, input: dict[str, Any], callback: str = "") -> Submit:
        """Take a task: from here on it would be charged for."""
        submit = Submit(uuid4().hex, model, prompt, time.time(), input, callback)
        self.journal.record(submit)
        self.tasks[submit.task_id] = submit
        return submit

    async def answer(self, request: web.Request, submit: Submit, data: dict[str, Any]) -> web.StreamResponse:
        """The answer to a create call that was taken, or the lie its prompt asks for."""
        words = Words(submit.prompt)
        if self.tries[submit.prompt] <= words.times("drop-after-accept", FOR_EVER):
            return drop(request)
        if "500-after-accept" in words:
            return self.refusal(500, "Internal error")
        if "html" in words:
            return web.Response(text=HTML, content_type="text/html")
        if "truncated" in words:
            return await cut(request, json.dumps(data).encode())
        return web.json_response({} if "no-id" in words else data)

    # --- the record call ---------------------------------------------------------------------------

    async def lie_while_polling(
        self, request: web.Request, submit: Submit, whole: dict[str, Any]
    ) -> web.StreamResponse | None:
        """What a record call is answered with instead of ``whole``, if the task's prompt asks for that."""
        self.polls[submit.task_id] += 1
        words = Words(submit.prompt)
        for word in words:
            what, _, polling = word.partition("-while-")
            if polling == "polling" and self.polls[submit.task_id] <= words.times(word):
                return await self._lied(request, what, whole)
        return None

    async def _lied(self, request: web.Request, what: str, whole: dict[str, Any]) -> web.StreamResponse:
        match what:
            case "html":
                return web.Response(text=HTML, content_type="text/html")
            case "drop":
                return drop(request)
            case "truncated":
                return await cut(request, json.dumps(whole).encode())
            case "null":
                return web.json_response(None)
            case code:
                return self.refusal(int(code), "Not now", {"Retry-After": "1"} if code == "429" else None)

    def running(self, submit: Submit) -> bool:
        """Whether a task is still being worked on."""
        words = Words(submit.prompt)
        run = words.seconds("slow", self.run_seconds)
        return "never" in words or time.time() - submit.created < self.queue_seconds + run

    def said(self, message: str, words: Words) -> str:
        return f"{message} Your key: {self.key}" if "quotes-key" in words else message

    # --- files -------------------------------------------------------------------------------------

    def file_url(self, submit: Submit, index: int = 0, kind: str = "image") -> str:
        """Where a finished task's file lies, with a signature whose spelling must not change."""
        return f"{self.url}/files/{submit.task_id}/{index}.{EXTENSIONS[kind]}?sig=s%2Fg"

    async def _file(self, request: web.Request) -> web.StreamResponse:
        task = self.tasks.get(request.match_info["task"])
        name = request.match_info["name"]
        if self.key in str(request.headers):
            self.complaints.append("a key was sent to the address of a result file")
        if "sig=s%2Fg" not in request.raw_path:
            self.complaints.append("the signature of a result file's address was respelt")
        if task is None:
            return web.Response(status=404)
        words = Words(task.prompt)
        self.fetches[f"{task.task_id}/{name}"] += 1
        if "file-404" in words or self.fetches[f"{task.task_id}/{name}"] <= words.times("file-404-once"):
            return web.Response(status=404, text="no such file")
        if "file-html" in words:
            return web.Response(text=HTML, content_type="text/html")
        if "file-private" in words:
            return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})
        number, _, extension = name.partition(".")
        kind = next(kind for kind, known in EXTENSIONS.items() if known == extension)
        content = result_file(kind, int(task.task_id[:6], 16) + int(number))
        if "file-truncated" in words:
            return await cut(request, content)
        if "file-slow" in words:
            await asyncio.sleep(words.seconds("file-slow"))
        body = b"" if "file-empty" in words else content
        return web.Response(body=body, content_type=MEDIA_TYPES[kind])
