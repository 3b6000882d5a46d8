"""S3-compatible services for tests, or by hand: ``python -m tests.objectstore`` runs one and prints its settings.

rclone checks signatures and their time as Amazon does, and its objects are files in a folder that outlive it. It says
200 where it sends a part of a file, which a server in front corrects, and it knows no put under a condition. moto
knows those and checks no signature. What is right with both is right with either kind of service.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from obstore import sign

from souk.assets.bucket.client import Patience, opened
from souk.assets.bucket.place import Bucket, Keys
from tests.postgres import free_port
from tests.upstreams.hiccups import Hiccups

KEYS = Keys("souk-test-key-id", "souk-test-secret-access-key")
REGION = "us-east-1"
START_SECONDS = 60.0
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class ObjectStore:
    """A service that runs."""

    endpoint: str

    def bucket(self, prefix: str = "in/here", *, endpoint: str = "") -> Bucket:
        """A new bucket, reached at the service itself or at a server in front of it."""
        made = Bucket(f"souk-{uuid4().hex[:20]}", prefix, endpoint or self.endpoint, region=REGION, keys=KEYS)
        # rclone would not notice a bucket made by making its folder for minutes.
        at_service = opened(replace(made, prefix="", endpoint=self.endpoint), Patience())
        address = urlsplit(sign(at_service, "PUT", "", timedelta(minutes=1)))
        with closing(HTTPConnection(address.netloc)) as service:
            service.request("PUT", f"{address.path}?{address.query}")
            assert service.getresponse().status == 200
        return made


def settings_of(bucket: Bucket) -> dict[str, Any]:
    """What to set so that Souk stores its files in a bucket, by the settings' names."""
    return {
        "storage_url": bucket.url,
        "s3_endpoint": bucket.endpoint,
        "s3_region": bucket.region,
        "s3_access_key_id": KEYS.id,
        "s3_secret_access_key": KEYS.secret,
    }


@contextmanager
def running_rclone() -> Iterator[ObjectStore]:
    """rclone's S3 service over a folder of its own, with the server in front, in processes that end with this one."""
    with tempfile.TemporaryDirectory(prefix="souk-objects-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.objectstore", "--folder", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,  # an interrupt at the terminal is for the tests
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process, process.stdin:
            endpoint = process.stdout.readline().strip()
            if not endpoint:
                raise RuntimeError("the S3 service did not start; its reason stands above")
            yield ObjectStore(endpoint)


@contextmanager
def running_moto() -> Iterator[ObjectStore]:
    """moto's S3 service, which keeps its objects in memory."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _child(command) as process:
        _await(port, process)
        yield ObjectStore(f"http://127.0.0.1:{port}")


@contextmanager
def _child(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not outlive this one."""
    if setpriv := shutil.which("setpriv"):
        command = [setpriv, "--pdeathsig", "KILL", "--", *command]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens there."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not serve")


@contextmanager
def _rclone(folder: Path) -> Iterator[str]:
    port = free_port()
    program = shutil.which("rclone", path=str(Path(sys.executable).parent)) or "rclone"
    command = [program, "serve", "s3", "--auth-key", f"{KEYS.id},{KEYS.secret}"]
    command += ["--addr", f"127.0.0.1:{port}", "--config", os.devnull, str(folder)]
    with _child(command) as process:
        _await(port, process)
        yield f"http://127.0.0.1:{port}"


async def _serve(folder: Path) -> None:
    """Run the service until end of input or a signal."""
    end, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    threading.Thread(
        target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(end.set)), daemon=True
    ).start()
    with _rclone(folder) as target:
        front = Hiccups(target, mend=True)
        async with front.serving():
            print(front.url, flush=True)
            await end.wait()


def main() -> None:
    """Print the settings of a bucket and serve it until end of input or a signal."""
    if "--folder" in sys.argv:
        with suppress(KeyboardInterrupt):
            asyncio.run(_serve(Path(sys.argv[-1])))
        return
    with running_rclone() as store, suppress(KeyboardInterrupt):
        for name, value in settings_of(store.bucket("")).items():
            print(f"export SOUK_{name.upper()}={value}", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
