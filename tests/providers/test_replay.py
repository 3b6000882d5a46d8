"""Our adapters against recorded exchanges with the real services: answers are read right, requests have known fields.

The recordings are no part of the project: ``SOUK_WIRE_SAMPLES`` names the folder they lie in.
"""

import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from souk.net.client import GuardedHttp
from souk.net.http import Unreadable
from souk.net.policy import Policy
from souk.providers.base import Accepted, Done, Failed, Job, Keyed, MediaFile, Refused, Running, Unreachable
from souk.providers.registry import PROVIDERS
from tests.providers import replay
from tests.providers.jobs import CATALOG, job_from
from tests.providers.replay import Asked, Recording, Stand, alike, key_header, recorded_keys, recording
from tests.providers.replay_left_out import DOCUMENTED, LEFT_OUT
from tests.providers.replay_rows import ROWS, Row
from tests.upstreams.service import KEY

if replay.FOLDER is None:
    pytest.skip(f"{replay.VARIABLE} names no folder of recorded exchanges", allow_module_level=True)

SERVICES = sorted({row.name.partition("/")[0] for row in ROWS})
BASES = {"dashscope": "/api/v1", "ark": "/api/v3", "openai": "/v1", "xai": "/v1"}
"""What the paths of a service begin with, where that belongs to the connection's address."""
OPTIONS = {"google-cloud": {"project": "a-project", "region": "us-central1"}}
WAITS = "x-dashscope-async"
"""Makes a call at DashScope a task; no other service has it."""
PARTS = ("/status", "/cancel", "/content")
"""What may follow the id of a task in a path."""


def name_of(row: Row) -> str:
    return f"{row.name}-{row.call}"


@pytest.mark.parametrize("row", [row for row in ROWS if row.expected], ids=name_of)
async def test_recorded_answer_is_read_as_what_it_says(row: Row, tmp_path: Path) -> None:
    one = recording(row.name)
    async with replay.standing(one, answered=True, first=row.first) as stand:
        outcome = await asked(row, one, stand, tmp_path)
    assert verdict(outcome) == row.expected
    told = json.dumps(one.response)
    match outcome:
        case Accepted(ref):
            assert json.dumps(ref) in told
        case Done(files):
            assert all(json.dumps(file.url) in told for file in files if file.url)
        case _:
            pass


@pytest.mark.parametrize("row", [row for row in ROWS if row.ours], ids=name_of)
async def test_request_has_no_field_the_service_does_not_know(row: Row, tmp_path: Path) -> None:
    one, sent = await sent_by(row, tmp_path)
    documented = DOCUMENTED.get(f"{row.provider} {sent.endpoint}", set())
    assert sent.endpoint == one.endpoint
    assert replay.unheard_of(sent.shape, alike(row.name, sent.endpoint), documented) == set()


@pytest.mark.parametrize("row", [row for row in ROWS if row.ours], ids=name_of)
async def test_key_travels_where_the_service_looks_for_it(row: Row, tmp_path: Path) -> None:
    one, sent = await sent_by(row, tmp_path)
    everything = [recording(name) for name in replay.names(row.name.partition("/")[0])]
    trusted = [one] if one.exact else [other for other in everything if other.exact]
    assert key_header(sent.headers, KEY) in (recorded_keys(trusted) or recorded_keys(everything))
    assert sent.headers.get(WAITS) == one.headers.get(WAITS)


@pytest.mark.parametrize("service", SERVICES)
def test_every_recording_is_replayed_or_left_out_for_a_reason(service: str) -> None:
    replayed = {row.name for row in ROWS}
    there = set(replay.names(service))
    assert there, f"no recordings of {service}"
    assert there - replayed - LEFT_OUT.keys() == set()
    assert replayed & LEFT_OUT.keys() == set()
    assert {name for name in replayed | LEFT_OUT.keys() if name.startswith(f"{service}/")} - there == set()


@pytest.mark.parametrize("place", DOCUMENTED)
def test_table_of_documented_fields_holds_none_that_was_recorded(place: str) -> None:
    provider, _, endpoint = place.partition(" ")
    row = next(row for row in ROWS if row.provider == provider)
    known = alike(row.name, endpoint)
    assert known, "no recording of the endpoint"
    assert DOCUMENTED[place] & set[tuple[str, str]]().union(*(one.shape for one in known)) == set()


async def sent_by(row: Row, folder: Path) -> tuple[Recording, Asked]:
    """The recorded request of a row, and the one that our adapter sends in its place."""
    one = recording(row.name)
    async with replay.standing(one, answered=False, first=row.first) as stand:
        await asked(row, one, stand, folder)
    (sent,) = stand.asked
    return one, sent


async def asked(row: Row, one: Recording, stand: Stand, folder: Path) -> Any:
    """What comes of the call; an answer without a verdict is no outcome."""
    factory = PROVIDERS[row.provider].factory
    assert factory is not None
    provider = factory()
    job = job_of(row, stand, folder)
    ref = ref_of(one, stand.url)
    async with GuardedHttp.open(Policy.OPEN) as http:

        async def submitted(job: Job) -> Accepted | Done:
            return await provider.submit(await provider.prepare(job, http), http)

        async def fetched() -> None:
            """What the poll led to, got as the engine gets it."""
            done = await provider.poll(job, ref, http)
            assert isinstance(done, Done)
            assert isinstance(provider, Keyed)
            url = done.files[0].url
            access = await provider.access(job, url, http)
            await http.request("GET", url, headers=access.headers, timeout=10, max_bytes=1 << 20)

        calls: dict[str, Callable[[], Awaitable[Any]]] = {
            "prepare": lambda: provider.prepare(job, http),
            "submit": lambda: submitted(job),
            "poll": lambda: provider.poll(job, ref, http),
            "cancel": lambda: provider.cancel(job, ref, http),
            "fetch": fetched,
        }

        with contextlib.suppress(Unreadable, Unreachable):
            try:
                return await calls[row.call]()
            except Refused as refused:
                return refused
    return None


def verdict(outcome: Any) -> str:
    """An outcome in the words of the rows."""
    match outcome:
        case Accepted():
            return "accepted"
        case Done(files):
            return f"done {len(files)}"
        case Running(queued=queued):
            return "queued" if queued else "running"
        case Failed(kind):
            return f"failed {kind}"
        case Refused(kind=kind):
            return f"refused {kind}"
        case _:
            return f"no verdict: {outcome}"


def job_of(row: Row, stand: Stand, folder: Path) -> Job:
    files = files_of(row, folder)
    job = job_from(
        row.model, row.provider, f"{stand.url}{BASES.get(row.provider, '')}", files=files, **row.given
    )
    options = OPTIONS.get(row.provider, {}) | {"upload_url": stand.url}
    return replace(job, connection=replace(job.connection, options=options))


def files_of(row: Row, folder: Path) -> tuple[MediaFile, ...]:
    """A file for every address in the input; those that must be uploaded are out of the service's reach."""
    files: list[MediaFile] = []
    for field, value in {**CATALOG.models[row.model].example, **row.given}.items():
        for index, place in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(place, str) and place.startswith("https://"):
                path = folder / f"{field}-{index}{Path(urlsplit(place).path).suffix}"
                media_type, content = CONTENTS[path.suffix]
                path.write_bytes(content)
                reachable = row.call != "prepare"
                files.append(MediaFile(field, index, path, media_type, len(content), place, reachable))
    return tuple(files)


def drawn() -> bytes:
    written = BytesIO()
    Image.new("RGBA", (64, 64), (200, 40, 40, 0)).save(written, "png")
    return written.getvalue()


CONTENTS = {
    ".png": ("image/png", drawn()),
    ".mp3": ("audio/mpeg", replay.SOUND),
    ".mp4": ("video/mp4", bytes(64)),
}


def ref_of(one: Recording, url: str) -> str:
    """What the recorded request calls its task, as our poll would be told."""
    path = urlsplit(one.url).path
    for part in PARTS:
        path = path.removesuffix(part)
    if "fal." in urlsplit(one.url).netloc:
        return f"{url}{path}"
    if isinstance(one.body, dict) and "operationName" in one.body:
        return str(one.body["operationName"])
    return path.rpartition("/")[2]
