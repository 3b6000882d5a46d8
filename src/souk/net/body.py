"""What a request carries, in the form aiohttp sends it: files are streamed from disk, then closed."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable

import aiohttp

from souk.net.http import Body, Form


@contextlib.asynccontextmanager
async def body_for(
    body: Body | None,
) -> AsyncGenerator[bytes | AsyncIterable[bytes] | aiohttp.FormData | None]:
    """The body of one exchange. Raises OSError when a form's file cannot be opened."""
    if not isinstance(body, Form):
        yield body
        return
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in body.fields.items():
        form.add_field(name, value)
    with contextlib.ExitStack() as opened:
        for part in body.files:
            file = opened.enter_context(await asyncio.to_thread(part.path.open, "rb"))
            form.add_field(part.name, file, filename=part.filename, content_type=part.media_type)
        yield form
