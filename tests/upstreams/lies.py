"""The lies a fake upstream tells when the prompt asks for them, such as ``[up:drop-after-accept]``.

``=N`` is how many times a lie is told: once by default, or for ever where that is said.

- the create call: ``[up:refuse=CODE]`` ``[up:429]`` (for ever; ``=N``: the first N tries)
  ``[up:drop-before-accept]`` ``[up:drop-after-accept]`` (for ever; ``=N``: the first N tries)
  ``[up:CODE-after-accept]`` ``[up:html]`` ``[up:truncated]`` ``[up:no-id]`` ``[up:null]`` ``[up:slow-create=SECONDS]``
  ``[up:slow-answer=SECONDS]`` (taken at once)
- polls: ``[up:WHAT-while-polling=N]`` with WHAT a code (401, 404, 422, 429, 500, 503), ``html``, ``drop``,
  ``truncated``, ``null`` or ``other`` (another task's record, which is done)
- the task: ``[up:slow=SECONDS]`` ``[up:never]`` ``[up:backwards]`` (runs, waits, runs) ``[up:undone]`` (done, then
  running twice, then done) ``[up:unknown-state=N]`` ``[up:fail=CODE]`` ``[up:moderated]``
- its webhooks: ``[up:webhooks=N]`` (as soon as it is done, N times) ``[up:webhook-first]`` (before the answer to the
  create call) ``[up:webhook-forged]`` (says that a running task failed)
- its words: ``[up:quotes-key]`` repeats the key in every refusal and failure
- its result: ``[up:no-file]`` (for ever; ``=N``) ``[up:bad-result]`` (for ever; ``=N``) ``[up:files=N]``
  ``[up:kind=image|video|audio]`` ``[up:text]`` ``[up:character=ID]``
- its files: ``[up:file-404-once]`` ``[up:file-404]``, ``[up:file-html]`` ``[up:file-empty]`` ``[up:file-truncated]``
  (for ever; ``=N``) ``[up:file-slow=SECONDS]`` ``[up:file-private]`` (redirects to a metadata address)
"""

import asyncio
import re
import time

from aiohttp import web

FOR_EVER = 1_000_000_000
HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"


class Words(dict[str, str]):
    """The scripted words of a prompt."""

    def __init__(self, prompt: str) -> None:
        super().__init__(re.findall(r"\[up:([a-z0-9-]+)=?([^\]]*)\]", prompt))

    def times(self, word: str, default: int = 1) -> int:
        """How often a lie is told: 0 if the word is absent."""
        return int(self[word] or default) if word in self else 0

    def seconds(self, word: str, default: float = 0.0) -> float:
        return float(self.get(word) or default)


def drop(request: web.Request) -> web.Response:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def cut(request: web.Request, content: bytes) -> web.StreamResponse:
    """Promise the whole content, send half of it and end the connection."""
    response = web.StreamResponse(headers={"Content-Length": str(len(content))})
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def linger(request: web.Request, seconds: float) -> None:
    """Be slow, but not for a client that has gone."""
    until = time.monotonic() + seconds
    while request.transport is not None and not request.transport.is_closing() and time.monotonic() < until:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0.05)
