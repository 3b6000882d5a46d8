"""Upstreams that lie, in every way their protocol allows: no task is lost, none is charged wrongly, none runs twice.

All tasks of all shapes run side by side in one Souk; what the tests ask is what became of them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio
from pydantic import SecretStr

from souk.clock import Timer
from souk.providers.registry import PROVIDERS
from souk.store.database import sqlite_url
from tests.engine.running import ShiftedClock
from tests.faults.liars import DEADLINE_SECONDS, FAKES, SHAPES, Liars, Shape, liars, models
from tests.faults.lie_aftermath import Aftermath, Told, tell
from tests.faults.lie_table import LATE, UNCLEAR, Lie, Trait, lies_for
from tests.faults.lies import EVERY, lie_to
from tests.faults.load import Load
from tests.faults.process import API_KEY, WEBHOOK_KEY
from tests.faults.truth import Evidence, settled, unfinished
from tests.postgres import free_port
from tests.upstreams.receiver import receiver
from tests.wire.serving import open_souk

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

CASES = {f"{shape.name}: {lie.name}": (shape, lie) for shape, lie in EVERY}
SECONDS = 200
"""For all tasks together, on a machine that has much else to do."""
PAST_DEADLINE = DEADLINE_SECONDS + 60
SAME_ADAPTER = {"openai-compatible"}
"""Providers that run tasks as another one does."""

HASTE = 10
LONG_SECONDS = 61
"""No pause between two calls is as long; what is waited for so long is a deadline."""


class HastyClock(ShiftedClock):
    """Shortens the waits between calls: these upstreams have no need of them."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(_shortened(seconds))

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        return super().call_later(_shortened(seconds), call)


def _shortened(seconds: float) -> float:
    return seconds / HASTE if seconds < LONG_SECONDS else seconds


each = pytest.mark.parametrize(("shape", "lie"), CASES.values(), ids=list(CASES))


Over = tuple[Aftermath, list[Told]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def all_over(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Over]:
    """What became of a task of every shape under every lie."""
    folder: Path = tmp_path_factory.mktemp("lies")
    with liars() as fakes:
        yield await lied_to(folder, fakes)


async def lied_to(folder: Path, fakes: Liars) -> Over:
    port, clock = free_port(), HastyClock()
    url = sqlite_url(folder / "souk.db")
    settings = {
        "api_key": SecretStr(API_KEY),
        "webhook_key": SecretStr(WEBHOOK_KEY),
        "initial_credits": 1_000_000,
        "public_url": f"http://127.0.0.1:{port}",
        "network_policy": "open",
        # A task whose acceptance was lost has all the time to be found.
        "review_seconds": DEADLINE_SECONDS,
        "breaker_seconds": 0,
        "account_concurrency": 0,
        # The clock is moved past the deadlines, and must not be moved past the leases.
        "lease_seconds": 10 * PAST_DEADLINE,
    }
    given = {"engine": True, "env": fakes.environment(), "models": models(), "clock": clock, "port": port}
    async with receiver() as hook:
        async with open_souk(folder, **given, **settings) as souk:
            load = Load(souk.client.url, hook.url())
            all_told = await asyncio.gather(*(tell(load, shape, lie) for shape, lie in CASES.values()))
            late = {told.made.task_id for told in all_told if ends_late(told)}
            async with asyncio.timeout(SECONDS):
                while not await asyncio.to_thread(unfinished, url) <= late:  # noqa: ASYNC110 - it sends no event
                    await asyncio.sleep(0.1)
                fakes.ahead(PAST_DEADLINE)
                clock.shift(PAST_DEADLINE)
                await fakes.report_all_again()
                while not await asyncio.to_thread(settled, url):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        evidence = Evidence(url, folder / "files", load.made, fakes.submits(), hook.got)
    return Aftermath(evidence, fakes), list(all_told)


def ends_late(told: Told) -> bool:
    """Whether only time ends a task: the deadline's or the review's."""
    return told.lie.end_for(told.shape.traits) in (LATE, UNCLEAR)


def told_of(all_told: list[Told], shape: Shape, lie: Lie) -> Told:
    return next(told for told in all_told if (told.shape, told.lie) == (shape, lie))


@each
async def test_a_task_that_is_lied_to_ends_as_it_should(all_over: Over, shape: Shape, lie: Lie) -> None:
    aftermath, all_told = all_over
    assert aftermath.wrong(told_of(all_told, shape, lie)) == []


async def test_all_tasks_together_break_no_promise(all_over: Over) -> None:
    assert all_over[0].broken_promises() == []


async def test_what_should_have_to_be_done_again_was(all_over: Over) -> None:
    aftermath, all_told = all_over
    unproven = [str(told) for told in all_told if told.lie.again and aftermath.told_again(told) < 2]
    assert unproven == [], "these lies were not told, so their tasks prove nothing"


async def test_every_provider_that_runs_tasks_is_made_to_lie() -> None:
    run_tasks = {name for name, entry in PROVIDERS.items() if entry.factory is not None} - SAME_ADAPTER
    assert {shape.provider for shape in SHAPES} == run_tasks == set(FAKES)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_each_shape_is_told_a_dozen_lies_and_more(shape: Shape) -> None:
    assert len(lies_for(shape.traits)) >= 12


async def test_every_report_is_taken_however_early_late_or_often(all_over: Over) -> None:
    fakes = all_over[0].fakes
    for fake in (fakes.of(shape) for shape in SHAPES if Trait.REPORTS in shape.traits):
        assert set(fake.reports.answers) == {200}
        assert len(fake.reports.answers) > sum(bool(submit.callback) for submit in fake.submits)


async def test_a_server_killed_while_it_is_lied_to_keeps_every_promise(tmp_path: Path) -> None:
    cases = Random(2026).sample(EVERY, 200)
    outcome = await lie_to(tmp_path, sqlite_url(tmp_path / "data" / "souk.db"), [cases])
    assert outcome.wrong == []
    assert (outcome.tasks, outcome.kills) == (200, 4)
