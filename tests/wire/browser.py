"""A real browser that opens result links in a page of another site, the way clients show them."""

import asyncio
import contextlib
import html
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("playback.html")
BROWSER_SECONDS = 180.0
PATIENCE_SECONDS = 150.0
"""How long the page may count as loading."""
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pings",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
"""What makes it quick, silent, and unable to reach anything but this machine."""


def browser() -> str:
    """The browser's command."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise RuntimeError("Chromium is missing (on Debian: apt-get install chromium)")
    return found


async def open_in_browser(files: list[dict[str, str]], folder: Path) -> list[dict[str, Any]]:
    """What the browser saw of each file: ``{"kind": "image" | "video" | "audio", "url": …}``.

    ``folder`` is an empty one, for the browser's own files.
    """
    with _page(files) as address:
        process = await asyncio.create_subprocess_exec(
            *(browser(), *FLAGS, f"--user-data-dir={folder}", f"--timeout={PATIENCE_SECONDS * 1000:g}"),
            *("--dump-dom", address),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(BROWSER_SECONDS):
                printed, said = await process.communicate()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    seen = re.search(r'<pre id="seen">(.+?)</pre>', printed.decode(), re.DOTALL)
    assert seen, said.decode()[-2000:]
    return json.loads(html.unescape(seen[1]))


@contextmanager
def _page(files: list[dict[str, str]]) -> Iterator[str]:
    """Serve the page until the end; gives its address."""
    done = threading.Event()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path:
                case "/":
                    self._answer("text/html", PAGE.read_bytes())
                case "/files.json":
                    self._answer("application/json", json.dumps(files).encode())
                case "/done":
                    done.set()
                    self._answer("text/plain", b"thank you")
                case "/hold.png":
                    done.wait(PATIENCE_SECONDS)
                    self._answer("image/png", b"")
                case _:
                    self.send_error(404)

        def _answer(self, media_type: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="playback-page")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            done.set()
            server.shutdown()
            thread.join()
