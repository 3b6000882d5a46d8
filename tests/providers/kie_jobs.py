"""Jobs for the KIE.AI adapter's tests: built by hand, and asked of a fake upstream."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from souk.net.http import Http
from souk.providers.base import Accepted, Connection, Done, Failed, Job, MediaFile, Running
from souk.providers.kie import Kie
from souk.words import JsonObject, Millis, ModelId, TaskId
from tests.upstreams.kie import KEY
from tests.upstreams.raw import answer


class Files:
    """The input files of a job, already on disk."""

    def __init__(self, *files: MediaFile) -> None:
        self._files = files

    async def files(self, field: str) -> Sequence[MediaFile]:
        return [file for file in self._files if file.field == field]

    async def all(self) -> Sequence[MediaFile]:
        return self._files


def job_at(base_url: str, prompt: str = "a boat", **changes: Any) -> Job:
    input: JsonObject = {"prompt": prompt, **changes.pop("input", {})}
    job = Job(
        task_id=TaskId("0" * 32),
        attempt_id="a" * 32,
        model=ModelId("seedream/4.5-text-to-image"),
        task="text-to-image",
        input=input,
        upstream_model="seedream/4.5-text-to-image",
        output={"kind": "image", "count": 1},
        media=changes.pop("media", Files()),
        connection=Connection("kie", "kie", base_url=base_url, api_key=KEY),
        now=Millis(0),
    )
    return replace(job, **changes)


async def accepted(job: Job, http: Http) -> str:
    outcome = await Kie().submit(job, http)
    assert isinstance(outcome, Accepted)
    return outcome.ref


async def polled(job: Job, http: Http) -> Running | Done | Failed:
    """The first poll of a new task."""
    return await Kie().poll(job, await accepted(job, http), http)


def said(code: int, msg: str, data: Any = None, status: str = "200 OK") -> bytes:
    """An HTTP answer with the envelope KIE.AI puts around everything."""
    return answer(json.dumps({"code": code, "msg": msg, "data": data}).encode(), status=status)
