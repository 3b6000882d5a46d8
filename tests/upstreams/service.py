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
from tests.upstreams.lies import FOR_EVER, HTML, Words, cut, drop, linger
from tests.upstreams.reports import Reports
from tests.upstreams.results import EXTENSIONS, MEDIA_TYPES, result_file

KEY = "upstream-key-1234"


class FakeService(ABC):
    """One service on a loopback port, served by a thread of its own, so any kind of test can use it."""

    retry_seconds: int = 1
    """What it names as the time to wait when it is asked too often."""

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
        self._decoy: Submit | None = None
        self.reports = Reports(self)
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

    def report(self, submit: Submit, *, forged: bool) -> tuple[dict[str, str], bytes]:
        """Headers and body of a webhook about a task; a forged one says that it failed."""
        raise AssertionError(f"{type(self).__name__} reports to nobody, but was given {submit.callback}")

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

    async def report_all_again(self) -> None:
        """Send a webhook about every task there ever was."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.reports.all_again(), self._loop))

    def stop(self) -> None:
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self.reports.close(), self._loop).result(10)
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
            return self.asked_too_often()
        return drop(request) if "drop-before-accept" in words else None

    def accept(self, model: str, prompt: str, input: dict[str, Any], callback: str = "") -> Submit:
        """Take a task: from here on it would be charged for."""
        submit = Submit(uuid4().hex, model, prompt, time.time(), input, callback)
        self.journal.record(submit)
        self.tasks[submit.task_id] = submit
        return submit

    async def answer(self, request: web.Request, submit: Submit, data: dict[str, Any]) -> web.StreamResponse:
        """The answer to a create call that was taken, or the lie its prompt asks for."""
        lie = await self.lie_after(request, submit, json.dumps(data).encode())
        return web.json_response(data) if lie is None else lie  # an empty answer counts as false

    async def lie_after(
        self, request: web.Request, submit: Submit, content: bytes
    ) -> web.StreamResponse | None:
        """What a create call that was taken is answered with instead of ``content``, if its prompt asks for that."""
        words = Words(submit.prompt)
        await self.reports.about(submit, words)
        if "slow-answer" in words:
            await linger(request, words.seconds("slow-answer"))
        if self.tries[submit.prompt] <= words.times("drop-after-accept", FOR_EVER):
            return drop(request)
        for word in words:
            code, _, after = word.partition("-after-")
            if after == "accept" and code.isdigit():
                return self.refusal(int(code), "Something went wrong")
        if "html" in words:
            return web.Response(text=HTML, content_type="text/html")
        if "truncated" in words:
            return await cut(request, content)
        if "null" in words:
            return web.json_response(None)
        return web.json_response({}) if "no-id" in words else None

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
                return await self.lied(request, submit, what, whole)
        return None

    async def lied(
        self, request: web.Request, submit: Submit, what: str, whole: dict[str, Any]
    ) -> web.StreamResponse:
        """A lie in place of a record. Services whose errors are special tell theirs."""
        match what:
            case "html":
                return web.Response(text=HTML, content_type="text/html")
            case "drop":
                return drop(request)
            case "truncated":
                return await cut(request, json.dumps(whole).encode())
            case "null":
                return web.json_response(None)
            case "other":
                told = json.dumps(whole).replace(submit.task_id, self._another().task_id)
                return web.json_response(text=told)
            case "429":
                return self.asked_too_often()
            case code:
                return self.refusal(int(code), "Not now")

    def _another(self) -> Submit:
        """A finished task that nobody here submitted; its file is there to be fetched."""
        if self._decoy is None:
            self._decoy = Submit(uuid4().hex, "", "a task of somebody else", 0)
            self.tasks[self._decoy.task_id] = self._decoy
        return self._decoy

    def asked_too_often(self) -> web.Response:
        return self.refusal(429, "Too many requests", {"Retry-After": str(self.retry_seconds)})

    def running(self, submit: Submit) -> bool:
        """Whether a task is still being worked on, as a record call that comes now is told."""
        words, looks = Words(submit.prompt), self.polls[submit.task_id]
        if looks < words.times("other-while-polling"):
            return False
        if "undone" in words:
            return 0 < looks < 3
        if "backwards" in words and looks < 3:
            return True
        run = words.seconds("slow", self.run_seconds)
        return "never" in words or time.time() - submit.created < self.queue_seconds + run

    def back_in_queue(self, submit: Submit) -> bool:
        """Whether a running task waits again, as every second record call hears of one that goes backwards."""
        return "backwards" in Words(submit.prompt) and self.polls[submit.task_id] % 2 == 1

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
        number, _, extension = name.partition(".")
        kind = next(kind for kind, known in EXTENSIONS.items() if known == extension)
        content = result_file(kind, int(task.task_id[:6], 16) + int(number))
        return await self.hand_out(request, task, f"{task.task_id}/{name}", content, MEDIA_TYPES[kind])

    async def hand_out(
        self, request: web.Request, submit: Submit, name: str, content: bytes, media_type: str
    ) -> web.StreamResponse:
        """A file of a task, or the lie its prompt asks for. ``name`` is what its calls are counted by."""
        words = Words(submit.prompt)
        self.fetches[name] += 1
        if "file-404" in words or self.fetches[name] <= words.times("file-404-once"):
            return web.Response(status=404, text="no such file")
        if self.fetches[name] <= words.times("file-html", FOR_EVER):
            return web.Response(text=HTML, content_type="text/html")
        if "file-private" in words:
            return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})
        if self.fetches[name] <= words.times("file-truncated", FOR_EVER):
            return await cut(request, content)
        await asyncio.sleep(words.seconds("file-slow"))
        empty = self.fetches[name] <= words.times("file-empty", FOR_EVER)
        return web.Response(body=b"" if empty else content, content_type=media_type)
