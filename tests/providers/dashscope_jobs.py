"""Jobs for DashScope, with an input file for every address in their input."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from souk.net.client import GuardedHttp
from souk.providers.base import Accepted, Done, Failed, Job, MediaFile, Running
from souk.providers.dashscope import DashScope
from tests.providers.jobs import CATALOG, job_from
from tests.upstreams.dashscope import FakeDashScope

ROUTED = sorted(
    id for id, model in CATALOG.models.items() if any(route.provider == "dashscope" for route in model.routes)
)


def job_at(
    server: FakeDashScope | str, model: str, local: Mapping[str, Path] | None = None, **given: Any
) -> Job:
    """A model's example with these changes. Fields named in ``local`` are files that only this machine can reach."""
    url = server if isinstance(server, str) else server.base
    files: list[MediaFile] = []
    for field, value in (CATALOG.models[model].example | given).items():
        addresses = value if isinstance(value, list) else [value]
        places = [place for place in addresses if isinstance(place, str) and place.startswith("https://")]
        path = (local or {}).get(field)
        for index, place in enumerate(places):
            if path is None:
                files.append(MediaFile(field, index, Path("/nowhere"), "image/png", 10, place))
            else:
                size = path.stat().st_size
                files.append(MediaFile(field, index, path, "image/png", size, place, reachable=False))
    return job_from(model, "dashscope", url, files=tuple(files), **given)


async def submitted(job: Job, http: GuardedHttp) -> Accepted | Done:
    return await DashScope().submit(await DashScope().prepare(job, http), http)


async def sent(server: FakeDashScope, job: Job, http: GuardedHttp) -> dict[str, Any]:
    """The body that arrived."""
    await submitted(job, http)
    (submit,) = server.submits
    return submit.input


async def polled(job: Job, http: GuardedHttp) -> Running | Done | Failed:
    taken = await submitted(job, http)
    assert isinstance(taken, Accepted)
    return await DashScope().poll(job, taken.ref, http)
