"""``souk`` as a process of its own: a server that printed where it is, and commands beside it."""
# ruff: noqa: S310 - the addresses are those of servers these tests started

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SOUK = [sys.executable, "-m", "souk"]
START_SECONDS = 60.0
MODEL = "qwen/text-to-image"
GIVEN_KEY = "given-key-0123456789"


class Served:
    """A running ``souk serve``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = self._read_announcement()
        self.url = self.said.splitlines()[0].split()[-1]

    def _read_announcement(self) -> str:
        assert self.process.stdout is not None
        said, deadline = "", time.monotonic() + START_SECONDS
        while "Try it" not in said or not said.endswith("}'\n\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
            piece = os.read(self.process.stdout.fileno(), 65536).decode() if ready else ""
            assert piece, f"souk serve did not come up: {said}"
            said += piece
        return said

    def get(self, path: str, key: str = "") -> Any:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


def environment(data: Path, **settings: str) -> dict[str, str]:
    return {**os.environ, "SOUK_DATA_DIR": str(data), "SOUK_SANDBOX_WORKERS": "1", **settings}


@contextmanager
def serving(data: Path, *flags: str, **settings: str) -> Iterator[Served]:
    with subprocess.Popen(
        [*SOUK, "serve", "--port", "0", *flags],
        env=environment(data, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield Served(process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)


def souk(data: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SOUK, *words],
        env=environment(data, **settings),
        cwd=data,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def made_key(served: Served) -> str:
    found = re.search(r"sk-souk-\w{32}", served.said)
    assert found is not None
    return found[0]


def code_of(served: Served, key: str) -> int:
    try:
        return served.get("/api/v1/chat/credit", key)["code"]
    except urllib.error.HTTPError as error:
        return error.code
