"""Results that an upstream hands over badly: what can never be stored ends its task at once, and costs nothing."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from souk.engine.result import outputs_from_json, outputs_to_json
from souk.providers.base import Done, OutputFile, file_reference
from tests.upstreams.kie import KEY, FakeKie
from tests.wire.serving import Souk, open_souk

MODEL = "z-image"


@pytest.fixture
def upstream() -> Iterator[FakeKie]:
    with FakeKie() as kie:
        yield kie


@pytest.fixture
async def live(tmp_path: Path, upstream: FakeKie) -> AsyncIterator[Souk]:
    """Souk with one connection, which is polled from the first moment."""
    env = {"KIE_API_KEY": KEY, "SOUK_KIE_BASE_URL": upstream.url}
    async with open_souk(tmp_path, engine=True, env=env, models={MODEL: {"usual_seconds": 0.2}}) as souk:
        yield souk


async def ended(souk: Souk, prompt: str) -> dict[str, Any]:
    given = {"prompt": prompt, "aspect_ratio": "1:1"}
    return await souk.client.record(await souk.client.create({"model": MODEL, "input": given}), wait=30)


async def test_a_result_at_a_forbidden_address_ends_the_task_at_once(live: Souk, upstream: FakeKie) -> None:
    record = await ended(live, "[up:file-private]")
    assert (record["state"], record["error"]["code"]) == ("fail", "internal")
    assert "could not be stored" in record["failMsg"]
    assert sum(upstream.fetches.values()) == 1


async def test_one_file_that_breaks_off_fails_the_try_and_not_the_task(live: Souk, upstream: FakeKie) -> None:
    record = await ended(live, "[up:files=3][up:file-404-once]")
    assert record["state"] == "success"
    assert sorted(upstream.fetches.values()) == [2, 2, 2]


async def test_result_text_has_no_spaces(live: Souk) -> None:
    text = (await ended(live, "[up:files=2]"))["resultJson"]
    assert text == json.dumps(json.loads(text), separators=(",", ":"))


def test_files_spooled_again_leave_the_first_bytes_alone(tmp_path: Path) -> None:
    def spooled(data: bytes) -> Done:
        done = Done([OutputFile(data=data)], {"resultUrls": [file_reference(0)]})
        return outputs_from_json(outputs_to_json(done, tmp_path), tmp_path)

    (first,) = spooled(b"first").files
    assert first.path is not None
    stored = first.path.rename(tmp_path / "as-storage-has-it")
    spooled(b"another")
    assert stored.read_bytes() == b"first"
