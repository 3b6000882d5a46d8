"""Processes to measure chat with: a maker that costs next to nothing, and the barest proxy in front of it."""

MAKER = """
import asyncio, sys, uvloop

WHOLE = b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":' \\
    b'{"role":"assistant","content":"Hello there, this is an answer of some length."},"finish_reason":"stop"}],' \\
    b'"usage":{"prompt_tokens":20,"completion_tokens":12,"total_tokens":32}}'
EVENT = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":' \\
    b'[{"index":0,"delta":{"content":" word"},"finish_reason":null}],"usage":null}\\n\\n'
LAST = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],' \\
    b'"usage":{"prompt_tokens":20,"completion_tokens":50,"total_tokens":70}}\\n\\ndata: [DONE]\\n\\n'
CHUNKS, PACE = 50, float(sys.argv[2])

def chunk(data):
    return b"%x\\r\\n%s\\r\\n" % (len(data), data)

class Maker(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\\r\\n\\r\\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15:].split(b"\\r\\n", 1)[0]) if at > 0 else 0
        if len(self.buffer) < end + 4 + length:
            return
        body, self.buffer = self.buffer[end + 4:], b""
        if b'"stream":true' in body:
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\n"
                                 b"Transfer-Encoding: chunked\\r\\n\\r\\n")
            self.say(CHUNKS)
        else:
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\n"
                                 b"Content-Length: %d\\r\\n\\r\\n" % len(WHOLE) + WHOLE)

    def say(self, left):
        if self.transport.is_closing():
            return
        if left:
            self.transport.write(chunk(EVENT))
            asyncio.get_running_loop().call_later(PACE, self.say, left - 1)
        else:
            self.transport.write(chunk(LAST) + b"0\\r\\n\\r\\n")

async def main():
    server = await asyncio.get_running_loop().create_server(Maker, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

uvloop.run(main())
"""

PROXY = """
import sys, aiohttp, uvicorn

TO = "http://127.0.0.1:%s/v1/chat/completions" % sys.argv[2]
session = None

async def app(scope, receive, send):
    global session
    if scope["type"] != "http":
        return
    if session is None:
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)
    body = (await receive())["body"]
    async with session.post(TO, data=body, headers={"Content-Type": "application/json"}) as answer:
        kind = answer.headers.get("Content-Type", "").encode()
        if kind == b"text/event-stream":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
            async for piece in answer.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        whole = await answer.read()
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(whole))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": whole})

uvicorn.run(app, port=int(sys.argv[1]), log_level="error", lifespan="off")
"""
