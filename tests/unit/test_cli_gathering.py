"""How one scrape sees all workers of a server: their pages on sockets of their own, joined into one."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from souk.cli.gathering import Gathering, Place, joined
from souk.measure import Meters


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, as sockets need."""
    with TemporaryDirectory(prefix="souk-") as made:
        yield Path(made)


def gathering(folder: Path, number: int, outcome: str, patience: float = 60) -> Gathering:
    """One of two workers, which answered one create with that outcome."""
    meters = Meters()
    meters.create(outcome)

    async def page() -> bytes:
        return generate_latest(meters.registry)

    return Gathering(Place(folder, number, 2), page, patience)


async def test_each_worker_shows_what_both_counted(folder: Path) -> None:
    first, second = gathering(folder, 0, "created"), gathering(folder, 1, "replayed")
    await first.open()
    await second.open()
    for asked in (first, second):
        page = (await asked.page()).decode()
        assert 'souk_creates_total{outcome="created",worker="0"} 1.0' in page
        assert 'souk_creates_total{outcome="replayed",worker="1"} 1.0' in page
        assert 'souk_worker_up{worker="0"} 1.0' in page
        assert 'souk_worker_up{worker="1"} 1.0' in page
    await first.close()
    await second.close()


async def test_worker_that_is_not_there_is_told_to_be_down(folder: Path) -> None:
    page = (await gathering(folder, 0, "created").page()).decode()
    assert 'souk_worker_up{worker="1"} 0.0' in page
    assert 'souk_creates_total{outcome="created",worker="0"} 1.0' in page


async def test_worker_that_does_not_answer_keeps_nobody_waiting(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(folder / "1"))
        hung.listen()
        page = (await gathering(folder, 0, "created", patience=0.05).page()).decode()
    assert 'souk_worker_up{worker="1"} 0.0' in page


async def test_page_that_breaks_off_is_not_shown(folder: Path) -> None:
    def die(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"# TYPE souk_creates_total counter\nsouk_creates_total{outco")
        writer.close()

    async with await asyncio.start_unix_server(die, folder / "1"):
        page = (await gathering(folder, 0, "created").page()).decode()
    assert 'souk_worker_up{worker="1"} 0.0' in page
    assert 'souk_creates_total{outcome="created",worker="0"} 1.0' in page


async def test_worker_takes_the_place_of_one_that_was_killed(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(folder / "1"))
    await test_each_worker_shows_what_both_counted(folder)


async def test_worker_that_cannot_show_its_page_serves_all_the_same(folder: Path) -> None:
    nowhere = gathering(folder / "missing", 0, "created")
    await nowhere.open()
    assert b'souk_worker_up{worker="0"} 1.0' in await nowhere.page()
    await nowhere.close()


def test_joined_page_has_one_heading_for_each_metric_and_no_series_twice() -> None:
    page = generate_latest(Meters().registry)
    text = joined({"0": page, "1": page}).decode()
    headings = [line for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(headings) == len(set(headings))
    series = [
        (sample.name, *sorted(sample.labels.items()))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]
    assert len(series) == len(set(series)) > 20
