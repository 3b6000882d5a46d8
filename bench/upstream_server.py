"""An upstream as light as can be, for benches: ``python -m bench.upstream_server PORT SECONDS``.

It has KIE.AI's Jobs API (create, look up) and serves a picture of 20 KB for each task, SECONDS after it was taken.
``GET /counts`` tells how often it was asked for what.
"""

import asyncio
import json
import random
import struct
import sys
import zlib
from collections import Counter
from typing import cast

import uvloop

FILE_BYTES = 20 * 1024
SIDE = 64


def _picture() -> bytes:
    """A PNG's frame around noise, as long as asked for: what is measured of it is read from its head."""
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    noise = random.Random(0).randbytes(FILE_BYTES - 57)
    chunks = ((b"IHDR", header), (b"IDAT", noise), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _answer(body: bytes, media_type: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (media_type, len(body)) + body


def _told(data: object) -> bytes:
    return _answer(json.dumps({"code": 200, "msg": "success", "data": data}).encode())


PICTURE = _answer(_picture(), b"image/png")


class Work:
    """What was taken and when it is done."""

    def __init__(self, port: int, seconds: float) -> None:
        self.counts: Counter[str] = Counter()
        self._done_at: dict[str, float] = {}
        self._port = port
        self._seconds = seconds

    def answer(self, method: bytes, path: str) -> bytes:
        """The answer to a request."""
        if method == b"POST":
            return self._taken()
        if path.startswith("/api/v1/jobs/recordInfo"):
            return self._record(path.partition("taskId=")[2])
        if path.startswith("/files/"):
            self.counts["files"] += 1
            return PICTURE
        return _answer(json.dumps(self.counts).encode())

    def _taken(self) -> bytes:
        self.counts["submits"] += 1
        task = f"{self.counts['submits']:032x}"
        self._done_at[task] = asyncio.get_running_loop().time() + self._seconds
        return _told({"taskId": task})

    def _record(self, task: str) -> bytes:
        self.counts["polls"] += 1
        if asyncio.get_running_loop().time() < self._done_at[task]:
            return _told({"taskId": task, "state": "generating"})
        made = json.dumps({"resultUrls": [f"http://127.0.0.1:{self._port}/files/{task}.png"]})
        return _told({"taskId": task, "state": "success", "resultJson": made})


class Upstream(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._work.counts["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end]
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        self._buffer = b""
        method, path, _ = head.split(b" ", 2)
        self._transport.write(self._work.answer(method, path.decode()))
        if b"connection: close" in head.lower():
            self._transport.close()


async def serve(port: int, seconds: float) -> None:
    """Answer until killed."""
    work = Work(port, seconds)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(work), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2])))
