"""Jobs for OpenAI's images and videos, with real pictures to work from."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from souk.net.http import Http
from souk.providers.base import Accepted, Done, Failed, Job, MediaFile, Running
from souk.providers.openai import OpenAI

Colour = tuple[int, int, int]
RED: Colour = (200, 40, 40)


def drawn(
    folder: Path,
    field: str,
    index: int = 0,
    *,
    size: tuple[int, int] = (48, 32),
    media_type: str = "image/png",
    colour: Colour = RED,
) -> MediaFile:
    """An input picture of one colour."""
    kind = media_type.partition("/")[2]
    written = BytesIO()
    Image.new("RGB", size, colour).save(written, kind)
    return stored(folder, field, index, written.getvalue(), media_type)


def stored(folder: Path, field: str, index: int, content: bytes, media_type: str) -> MediaFile:
    """An input file that only this machine can reach."""
    path = folder / f"{field}-{index}.{media_type.partition('/')[2]}"
    path.write_bytes(content)
    return MediaFile(field, index, path, media_type, len(content), f"http://127.0.0.1:1/{path.name}", False)


async def submitted(job: Job, http: Http) -> Accepted | Done:
    provider = OpenAI()
    return await provider.submit(await provider.prepare(job, http), http)


async def taken(job: Job, http: Http) -> str:
    """The id of an accepted clip."""
    outcome = await submitted(job, http)
    assert isinstance(outcome, Accepted)
    return outcome.ref


async def polled(job: Job, http: Http) -> Running | Done | Failed:
    """The first poll of a new clip."""
    return await OpenAI().poll(job, await taken(job, http), http)
