"""Chat let in, settled, killed and stopped in any order: nobody overpays, and what was held comes back."""

import asyncio
import itertools
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from souk.operations.types import Reason, Refusal
from souk.relay.block import Ticket
from souk.relay.meter import LEASE_MS, Meter
from souk.store.database import sqlite_url
from souk.store.statement import Statement
from tests.relay.metering import Shop, admit

KEYS = (0, 1, 2)
"""Keys 0 and 1 are of the first account, 2 of the second."""
OWNER = (0, 0, 1)
CAPS: tuple[dict[str, int], ...] = ({"hourly": 300, "daily": 500}, {"total": 900}, {})
CREDITS: tuple[int, ...] = (700, 400)
SLOTS = ("a", "b")

_CHARGED = Statement(
    "SELECT COALESCE(sum(amount), 0) FROM ledger WHERE kind = 'capture' AND account_id = :account"
)
_WRITTEN = Statement("SELECT COALESCE(sum(spent), 0) FROM blocks WHERE account_id = :account")

serial = itertools.count(1)
"""Ids that no two examples share, because on PostgreSQL they share a database."""


@dataclass
class Running:
    """A request that was let in."""

    key: int
    ticket: Ticket
    doubtful: bool = False
    """Its process was stopped for so long that its block may be gone, and perhaps nothing can take its place."""


@dataclass
class Process:
    """A process of the model: what runs in it and what it has not written down yet."""

    meter: Meter
    beaten_at: int
    running: list[Running] = field(default_factory=list[Running])
    unwritten: list[int] = field(default_factory=lambda: [0, 0])


class MeterMachine(RuleBasedStateMachine):
    """Two processes that sell chat from one store."""

    def __init__(self, opened: Callable[[], Shop]) -> None:
        super().__init__()
        self.shop = opened()
        self.shop.keep_looking()
        self.runner = asyncio.Runner()
        self.base = next(serial) * 10
        self.settled = [0, 0]
        self.may_be_lost = [0, 0]
        self.granted: list[int] = [*CREDITS]
        self.processes: dict[str, Process] = {}

    def teardown(self) -> None:
        try:
            self._all_comes_back()
        finally:
            self.shop.close()
            self.runner.close()

    @initialize()
    def open(self) -> None:
        for key in KEYS:
            self.shop.key(self.base + key, self.base + OWNER[key], **CAPS[key])
        for account, credits in enumerate(CREDITS):
            self.shop.grant(credits, self.base + account)
        for slot in SLOTS:
            self._begin(slot)

    @rule(
        slot=st.sampled_from(SLOTS),
        key=st.sampled_from(KEYS),
        bounds=st.lists(st.integers(1, 250), max_size=6),
    )
    def crowd(self, slot: str, key: int, bounds: list[int]) -> None:
        """Several requests at once."""
        process, owner = self.processes[slot], self.base + OWNER[key]

        async def come() -> list[Ticket | BaseException]:
            asked = (admit(process.meter, bound, self.base + key, owner) for bound in bounds)
            return await asyncio.gather(*asked, return_exceptions=True)

        for bound, answer in zip(bounds, self.runner.run(come()), strict=True):
            if isinstance(answer, Ticket):
                process.running.append(Running(key, answer, doubtful=self._was_stopped(process)))
            elif not (self._was_stopped(process) or any(running.doubtful for running in process.running)):
                # Otherwise what runs may need new credits first.
                self._was_right_to_refuse(answer, key, bound)

    @rule(slot=st.sampled_from(SLOTS), part=st.sampled_from([0.0, 0.2, 1.0, 3.0]), data=st.data())
    def settle(self, slot: str, part: float, data: st.DataObject) -> None:
        process = self.processes[slot]
        for _ in range(min(2, len(process.running))):
            chosen = data.draw(st.sampled_from(process.running))
            process.running.remove(chosen)
            chosen.ticket.settle(int(chosen.ticket.bound * part))
            chosen.ticket.settle(chosen.ticket.bound)
            cost = min(int(chosen.ticket.bound * part), chosen.ticket.bound)
            self.settled[OWNER[chosen.key]] += cost
            if chosen.doubtful:
                self.may_be_lost[OWNER[chosen.key]] += cost
            else:
                process.unwritten[OWNER[chosen.key]] += cost

    @rule(slot=st.sampled_from(SLOTS), data=st.data())
    def cancel(self, slot: str, data: st.DataObject) -> None:
        running = self.processes[slot].running
        if running:
            chosen = data.draw(st.sampled_from(running))
            running.remove(chosen)
            chosen.ticket.cancel()

    @rule(slot=st.sampled_from(SLOTS))
    def beat(self, slot: str) -> None:
        process = self.processes[slot]
        self._note_a_stop(process)
        self.runner.run(process.meter.beat())
        process.beaten_at, process.unwritten = self._now(), [0, 0]

    @rule(slot=st.sampled_from(SLOTS), account=st.sampled_from((0, 1)))
    def give_way(self, slot: str, account: int) -> None:
        self.runner.run(self.processes[slot].meter.give_way(self.base + account))

    @rule(seconds=st.sampled_from([0.5, 1, 4, 15, 25, 61, 3600, 90_000]))
    def time_passes(self, seconds: float) -> None:
        self.shop.pass_time(seconds)

    @rule(slot=st.sampled_from(SLOTS))
    def kill(self, slot: str) -> None:
        """Nothing is written down any more; the next life of the slot finds what was left."""
        process = self.processes[slot]
        for account in (0, 1):
            self.may_be_lost[account] += process.unwritten[account]
        self._begin(slot)

    @rule(account=st.sampled_from((0, 1)), amount=st.integers(1, 300))
    def grant(self, account: int, amount: int) -> None:
        self.shop.grant(amount, self.base + account)
        self.granted[account] += amount

    @invariant()
    def nobody_pays_more_than_was_settled(self) -> None:
        for account in (0, 1):
            if self.processes:
                assert self._charged(account) + self._sum(_WRITTEN, account) <= self.settled[account]

    @invariant()
    def caps_are_kept(self) -> None:
        for key in KEYS if self.processes else ():
            hour, day, total = self.shop.counted(self.base + key)
            assert hour <= CAPS[key].get("hourly", hour)
            assert day <= CAPS[key].get("daily", day)
            assert total <= CAPS[key].get("total", total)

    @invariant()
    def the_ledger_verifies(self) -> None:
        assert self.shop.problems() == []

    def _all_comes_back(self) -> None:
        for process in self.processes.values():
            for running in process.running:
                running.ticket.cancel()
            self._note_a_stop(process)
            self.runner.run(process.meter.beat())
            self.runner.run(process.meter.close())
        for account in (0, 1) if self.processes else ():
            charged = self._charged(account)
            assert self.shop.balance(self.base + account) == (self.granted[account] - charged, 0)
            assert self.settled[account] - self.may_be_lost[account] <= charged <= self.settled[account]
        assert self.shop.problems() == []

    def _begin(self, slot: str) -> None:
        name = f"{self.base}{slot}#"
        meter = self.shop.process(f"{name}{next(serial)}", name)
        self.runner.run(meter.beat())
        self.processes[slot] = Process(meter, self._now())

    def _note_a_stop(self, process: Process) -> None:
        """Others may have closed a block whose process did not tell of it for so long."""
        if not self._was_stopped(process):
            return
        for account in (0, 1):
            self.may_be_lost[account] += process.unwritten[account]
        for running in process.running:
            running.doubtful = True

    def _was_stopped(self, process: Process) -> bool:
        """A lease is renewed when a third of it is over, so a beat leaves two thirds at least."""
        return self._now() - process.beaten_at >= LEASE_MS * 2 // 3

    def _was_right_to_refuse(self, answer: BaseException, key: int, bound: int) -> None:
        assert isinstance(answer, Refusal), answer
        if answer.reason is Reason.KEY_CAP:
            hour, day, total = self.shop.counted(self.base + key)
            caps = CAPS[key]
            spent = ((caps.get("hourly"), hour), (caps.get("daily"), day), (caps.get("total"), total))
            assert any(cap is not None and counted + bound > cap for cap, counted in spent)
        else:
            assert answer.reason is Reason.INSUFFICIENT_CREDITS
            assert self.shop.balance(self.base + OWNER[key])[0] < bound

    def _now(self) -> int:
        return self.shop.clock.now()

    def _charged(self, account: int) -> int:
        return self._sum(_CHARGED, account)

    def _sum(self, statement: Statement, account: int) -> int:
        return int(self.shop.run(statement, account=self.base + account)[0][0])


def run_machine(opened: Callable[[], Shop], *, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        partial(MeterMachine, opened),  # pyright: ignore[reportArgumentType] - it takes any factory
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )


@pytest.fixture
def sqlite_shops(tmp_path: Path, sqlite_template: Path) -> Callable[[], Shop]:
    """Opens a new store each time it is called."""

    def opened() -> Shop:
        for leftover in tmp_path.glob("meter.db*"):
            with suppress(FileNotFoundError):
                leftover.unlink()
        shutil.copyfile(sqlite_template, tmp_path / "meter.db")
        return Shop(sqlite_url(tmp_path / "meter.db"))

    return opened


def test_chat_is_charged_rightly_on_sqlite_whatever_happens(sqlite_shops: Callable[[], Shop]) -> None:
    run_machine(sqlite_shops, examples=60, steps=30)


def test_chat_is_charged_rightly_on_postgresql_whatever_happens(migrated_postgres_url: str) -> None:
    run_machine(lambda: Shop(migrated_postgres_url), examples=25, steps=25)
