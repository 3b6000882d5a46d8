"""A maker of chat as fast as can be, for benches: ``python -m bench.chat_upstream PORT``.

It says the same to everybody: in fifty events a few milliseconds apart to a request with ``"stream":true``, in a whole
answer to any other.
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

CHUNKS = 50
CHUNK_SECONDS = 0.004
USAGE = {"prompt_tokens": 24, "completion_tokens": 50, "total_tokens": 74}


def _event(**members: object) -> bytes:
    told = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-5.2",
        **members,
    }
    data = b"data: " + json.dumps(told).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


def _delta(**delta: str) -> bytes:
    return _event(choices=[{"index": 0, "delta": delta, "finish_reason": None}], usage=None)


_ANSWER = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5.2",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "harbour " * 50},
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }
).encode()
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_ANSWER),
    _ANSWER,
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS = [_delta(content="harbour ")] * CHUNKS
END = (
    _event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], usage=None)
    + _event(choices=[], usage=USAGE)
    + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
)


class Upstream(asyncio.Protocol):
    """One connection, one request at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        body, self._buffer = self._buffer[end + 4 : end + 4 + length], b""
        if b'"stream":true' in body.replace(b" ", b""):
            self._transport.write(HEAD)
            self._tell(0)
        else:
            self._transport.write(WHOLE)

    def _tell(self, number: int) -> None:
        if self._transport.is_closing():
            return
        if number == len(EVENTS):
            self._transport.write(END)
            return
        self._transport.write(EVENTS[number])
        asyncio.get_running_loop().call_later(CHUNK_SECONDS, self._tell, number + 1)


async def serve(port: int) -> None:
    """Answer until killed."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
