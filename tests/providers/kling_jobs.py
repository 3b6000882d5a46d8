"""Jobs for Kling's tests: opened with both keys, at this moment."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from souk.net.http import Http
from souk.providers.base import Done, Failed, Job, MediaFile, Running
from souk.providers.kling import Kling
from souk.words import Millis
from tests.providers.jobs import job_from
from tests.upstreams.kling import SECRET, FakeKling

TURBO = "kling/v2-5-turbo-text-to-video-pro"
TYPES = {
    "image_url": "image/png",
    "image_urls": "image/png",
    "input_urls": "image/png",
    "tail_image_url": "image/png",
    "audio_url": "audio/mpeg",
    "video_urls": "video/mp4",
}


def job_on(server: FakeKling, model: str = TURBO, *files: MediaFile, **input: Any) -> Job:
    return job_at(server.url, model, *files, **input)


def job_at(url: str, model: str = TURBO, *files: MediaFile, **input: Any) -> Job:
    made = job_from(model, "kling", url, files=files, **input)
    opened = replace(made.connection, options={"secret_key": SECRET})
    return replace(made, connection=opened, now=Millis(int(time.time() * 1000)))


def media(folder: Path, field: str, index: int = 0, *, reachable: bool = True) -> MediaFile:
    """An input file on disk, reachable from the upstream or not."""
    path = folder / f"{field}-{index}"
    path.write_bytes(b"not really a file")
    url = f"https://files.example/{path.name}"
    return MediaFile(field, index, path, TYPES[field], 17, url, reachable)


async def polled(job: Job, http: Http) -> Running | Done | Failed:
    """The first poll of a new task."""
    return await Kling().poll(job, (await Kling().submit(job, http)).ref, http)
