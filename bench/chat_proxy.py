"""The least a proxy in Python can be: bare ASGI and aiohttp, no key, no price, nothing read. ``… PORT UPSTREAM``."""

import sys
from typing import Any

import aiohttp
import uvicorn


class Proxy:
    """Copies bodies there and back."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
            )
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {"Content-Type": "application/json", "Authorization": "Bearer upstream"}
        url = self._upstream + scope["path"]
        async with self._session.post(url, data=body, headers=headers) as answer:
            kept = [
                (name.lower().encode(), value.encode())
                for name, value in answer.headers.items()
                if name.lower() in ("content-type", "content-length")
            ]
            await send({"type": "http.response.start", "status": answer.status, "headers": kept})
            async for piece in answer.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(
        Proxy(sys.argv[2]), port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off"
    )
