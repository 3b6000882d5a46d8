"""Jobs made from the catalogue, as the engine would hand them to a provider."""

from pathlib import Path
from typing import Any

from souk.catalog.load import load_catalog
from souk.net.http import Http
from souk.providers.base import Connection, Job, Keyed, MediaFile, OutputFile
from souk.words import JsonObject, Millis, TaskId
from tests.providers.kie_jobs import Files
from tests.upstreams.service import KEY

CATALOG = load_catalog()


def job_from(
    model: str,
    provider: str,
    base_url: str,
    *,
    files: tuple[MediaFile, ...] = (),
    key: str = KEY,
    **input: Any,
) -> Job:
    """A model's example with these changes, on its route to this provider. A change to None leaves the field out."""
    entry = CATALOG.models[model]
    route = next(route for route in entry.routes if route.provider == provider)
    given: JsonObject = {name: value for name, value in (entry.example | input).items() if value is not None}
    checked = entry.check(given).input
    filled = entry.with_defaults(checked)
    return Job(
        task_id=TaskId("0" * 32),
        attempt_id="a" * 32,
        model=entry.id,
        task=entry.task,
        input=filled,
        upstream_model=route.model,
        output=entry.output_for(checked).to_json(),
        media=Files(*files),
        connection=Connection(provider, provider, base_url=base_url, api_key=key),
        now=Millis(0),
        filled=frozenset(filled.keys() - checked.keys()),
    )


async def fetched(provider: Keyed, job: Job, file: OutputFile, folder: Path, http: Http) -> bytes:
    """The bytes of an output that opens with a key, fetched as the engine fetches it."""
    assert (file.keyed, file.data, file.path) == (True, None, None)
    access = await provider.access(job, file.url, http)
    target = folder / "fetched"
    await http.download(
        file.url, target, headers=access.headers, trusted=access.trusted, timeout=10, max_bytes=1 << 30
    )
    return target.read_bytes()


def picture(folder: Path, field: str, index: int = 0, *, reachable: bool = False) -> MediaFile:
    """An input picture on disk, reachable from the upstream or not."""
    path = folder / f"{field}-{index}.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    url = f"https://files.example/{path.name}"
    return MediaFile(field, index, path, "image/png", path.stat().st_size, url, reachable)
