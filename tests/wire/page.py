"""One page in a headless Chromium, driven through its debugging protocol."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.wire.browser import FLAGS, browser

START_SECONDS = 60.0
WAIT_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.05


class Page:
    """An open page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.said: list[str] = []
        """Errors and refused loads that the browser's console tells of."""

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol and its answer."""
        id = next(self._ids)
        await self._socket.send_json({"id": id, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json()
            self._listen(message)
            if message.get("id") == id:
                assert "error" not in message, message
                return message["result"]

    def _listen(self, message: dict[str, Any]) -> None:
        match message.get("method"):
            case "Log.entryAdded" if message["params"]["entry"]["level"] == "error":
                self.said.append(str(message["params"]["entry"]["text"]))
            case "Runtime.exceptionThrown":
                self.said.append(str(message["params"]["exceptionDetails"]))
            case _:
                pass

    async def run(self, script: str) -> Any:
        """The value of an expression in the page; promises are awaited."""
        answer = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, script: str) -> Any:
        """The expression's value as soon as it is true."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                if value := await self.run(script):
                    return value
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def open(self, address: str) -> None:
        """Go to an address."""
        await self.ask("Page.navigate", url=address)

    async def size(self, width: int, height: int) -> None:
        """Make the window so large."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await self.ask("Emulation.setDeviceMetricsOverride", **metrics)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Page]:
    """A browser with one empty page; ``folder`` is an empty one, for its own files."""
    process = await asyncio.create_subprocess_exec(
        *(browser(), *FLAGS, f"--user-data-dir={folder}", "--remote-debugging-port=0", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port = await _port(folder / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                target = next(each for each in await answer.json() if each["type"] == "page")
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await page.ask(f"{domain}.enable")
                yield page
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _port(file: Path) -> int:
    """The port that the browser has chosen, told in a file."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            told = file.read_text().split() if file.exists() else []  # noqa: ASYNC240 - a few bytes
            if told:
                return int(told[0])
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
