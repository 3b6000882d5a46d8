"""Grants, holds, captures, releases and caps in any order, against a model of what they must come to."""

import itertools
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from souk.accounts import ledger
from souk.accounts.caps import DAY_MS, HOUR_MS, KeySpend
from souk.accounts.ledger import NotEnough
from souk.accounts.verify import verify
from souk.engine.steps import Finish, finish_all
from souk.operations.create import CREATE, Limits, NewTask, Stored
from souk.operations.types import Reason, Refusal
from souk.store import retention
from souk.store.database import Connection, Database, sqlite_url
from souk.store.endings import Ending
from souk.store.statement import Statement
from souk.words import AccountId, Credits, Millis, Mode

START = 1_772_100_021_000
NO_LIMITS = Limits(0, 0)
ACCOUNTS = (0, 1)
KEYS = (0, 1, 2)
"""Keys 0 and 1 are of the first account, 2 of the second."""
OWNER = (0, 0, 1)
CAPS: tuple[dict[str, int | None], ...] = (
    {"cap_hourly": 300, "cap_daily": 500, "cap_total": None},
    {"cap_hourly": None, "cap_daily": None, "cap_total": 900},
    {"cap_hourly": None, "cap_daily": None, "cap_total": None},
)

_KEY = Statement(
    "INSERT INTO keys (id, account_id, name, hash, hint, scope, mode, cap_hourly, cap_daily, cap_total, created_at) "
    "VALUES (:id, :account, 'k', :hash, '', 'user', 'live', :cap_hourly, :cap_daily, :cap_total, 1)"
)
_SPENT = Statement("SELECT hour, hour_spent, day, day_spent, total_spent FROM keys WHERE id = :id")
_BALANCE = Statement(
    "SELECT available, held, unfinished FROM balances WHERE account_id = :account AND mode = 'live'"
)

serial = itertools.count(1)
"""Ids that no two examples share, because on PostgreSQL they share a database."""


@dataclass
class Hold:
    """A task in the model."""

    id: str
    key: int
    amount: int
    made_at: int
    captured: int | None = None
    """None while it is open."""

    @property
    def kept(self) -> int:
        return self.amount if self.captured is None else self.captured


@dataclass
class Books:
    """What should be true."""

    granted: dict[int, int] = field(default_factory=lambda: dict.fromkeys(ACCOUNTS, 0))
    holds: list[Hold] = field(default_factory=list[Hold])

    def available(self, account: int) -> int:
        return self.granted[account] - sum(hold.kept for hold in self.holds if OWNER[hold.key] == account)

    def open(self, account: int) -> list[Hold]:
        return [hold for hold in self.holds if OWNER[hold.key] == account and hold.captured is None]

    def spent(self, key: int, window: int, number: int) -> int:
        """What a key's holds of one hour or day came to."""
        mine = (hold for hold in self.holds if hold.key == key and hold.made_at // window == number)
        return sum(hold.kept for hold in mine)

    def total(self, key: int) -> int:
        return sum(hold.kept for hold in self.holds if hold.key == key)

    def refusal(self, key: int, amount: int, now: int) -> Reason | None:
        if self.available(OWNER[key]) < amount:
            return Reason.INSUFFICIENT_CREDITS
        spent = {
            "cap_hourly": self.spent(key, HOUR_MS, now // HOUR_MS),
            "cap_daily": self.spent(key, DAY_MS, now // DAY_MS),
            "cap_total": self.total(key),
        }
        for name, cap in CAPS[key].items():
            if cap is not None and spent[name] + amount > cap:
                return Reason.KEY_CAP
        return None


class LedgerMachine(RuleBasedStateMachine):
    """Acts on a store and on the books alike."""

    def __init__(self, opened: Callable[[], Connection]) -> None:
        super().__init__()
        self.connection = opened()
        self.books = Books()
        self.now = START
        self.base = next(serial) * 10

    def teardown(self) -> None:
        self.connection.close()

    @initialize()
    def make_keys(self) -> None:
        for key in KEYS:
            ids = {"id": self.base + key, "account": self.base + OWNER[key], "hash": f"{self.base + key}"}
            self.connection.run(_KEY, {**ids, **CAPS[key]})

    @rule(account=st.sampled_from(ACCOUNTS), amount=st.integers(-300, 1000))
    def grant(self, account: int, amount: int) -> None:
        enough = self.books.available(account) + amount >= 0
        self.connection.begin()
        try:
            owner = AccountId(self.base + account)
            left = ledger.grant(self.connection, owner, Mode.LIVE, Credits(amount), "", Millis(self.now))
        except NotEnough:
            self.connection.rollback()
            assert not enough
        else:
            self.connection.commit()
            self.books.granted[account] += amount
            assert left == self.books.available(account)

    @rule(wanted=st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 250)), min_size=1, max_size=8))
    def create(self, wanted: list[tuple[int, int]]) -> None:
        """Several at once, as the lane hands them over: first come, first served."""
        creates = [self._new(key, amount) for key, amount in wanted]
        self.connection.begin()
        answers = CREATE.handle(self.connection, creates)
        self.connection.commit()
        for (key, amount), create, answer in zip(wanted, creates, answers, strict=True):
            refusal = self.books.refusal(key, amount, self.now)
            if isinstance(answer, Stored):
                assert refusal is None
                self.books.holds.append(Hold(create.row["id"], key, amount, self.now))
            else:
                assert isinstance(answer, Refusal), answer
                # An account that was never given anything has no balance to look at.
                assert answer.reason in (refusal, Reason.UNAUTHORIZED)

    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """End some tasks, each for any price; one of them twice, as a worker does that wakes late."""
        open_holds = [hold for account in ACCOUNTS for hold in self.books.open(account)]
        if not open_holds:
            return
        chosen = data.draw(st.lists(st.sampled_from(open_holds), min_size=1, max_size=6, unique_by=id))
        prices = [data.draw(st.sampled_from([0, 1, hold.amount // 2, hold.amount])) for hold in chosen]
        finishes = [self._end(hold, price) for hold, price in zip(chosen, prices, strict=True)]
        assert self._finish(finishes) == [True] * len(chosen)
        for hold, price in zip(chosen, prices, strict=True):
            hold.captured = min(price, hold.amount)
        assert self._finish(finishes) == [False] * len(chosen), "a task was ended twice"

    @rule(data=st.data())
    def charge_too_much(self, data: st.DataObject) -> None:
        """A price above the hold takes the hold and no more."""
        for hold in data.draw(st.permutations(self.books.open(0)))[:1]:
            assert self._finish([self._end(hold, hold.amount + 1000)]) == [True]
            hold.captured = hold.amount

    @rule(minutes=st.sampled_from([1, 20, 61, 600, 1441, 100_000]))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * 60_000

    @rule(days=st.integers(0, 3))
    def fold(self, days: int) -> None:
        """Old entries become one; no balance may notice."""
        self.connection.begin()
        folding, after = retention.folding(self.connection, self.now - days * DAY_MS, self.now), 0
        while after is not None:
            _, after = retention.fold_ledger(self.connection, folding, after, most=3)
        self.connection.commit()

    @invariant()
    def balances_are_what_the_books_say(self) -> None:
        for account in ACCOUNTS:
            rows = self.connection.run(_BALANCE, {"account": self.base + account})
            if not rows:
                assert self.books.available(account) == 0
                continue
            open_holds = self.books.open(account)
            held = sum(hold.amount for hold in open_holds)
            assert rows[0] == (self.books.available(account), held, len(open_holds))
            assert rows[0][0] >= 0

    @invariant()
    def caps_count_what_was_kept(self) -> None:
        for key in KEYS:
            rows = self.connection.run(_SPENT, {"id": self.base + key})
            if not rows:
                continue
            hour, hour_spent, day, day_spent, total = rows[0]
            assert hour_spent == self.books.spent(key, HOUR_MS, hour)
            assert day_spent == self.books.spent(key, DAY_MS, day)
            assert total == self.books.total(key)

    @invariant()
    def the_ledger_verifies(self) -> None:
        assert verify(self.connection).problems == []

    def _new(self, key: int, amount: int) -> NewTask:
        id = f"{next(serial):032x}"
        row: dict[str, Any] = {
            "id": id,
            "account_id": self.base + OWNER[key],
            "key_id": self.base + key,
            "mode": "live",
            "dialect": "jobs",
            "model": "m",
            "input": "{}",
            "callback_url": None,
            "progress_url": None,
            "client_task_id": None,
            "warnings": "",
            "created_at": self.now,
            "deadline_at": self.now,
            "hold": amount,
            "price": "{}",
            "pins": 0,
            "hops": 0,
        }
        return NewTask(row, NO_LIMITS)

    def _end(self, hold: Hold, price: int) -> Finish:
        state = "success" if price else "fail"
        return Finish(Ending(hold.id, None, 0, self.now, state, price))

    def _finish(self, finishes: list[Finish]) -> list[bool]:
        self.connection.begin()
        done = finish_all(self.connection, finishes)
        self.connection.commit()
        return done


def run_machine(opened: Callable[[], Connection], *, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        partial(LedgerMachine, opened),  # pyright: ignore[reportArgumentType] - it takes any factory
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )


@pytest.fixture
def sqlite_stores(tmp_path: Path, sqlite_template: Path) -> Callable[[], Connection]:
    """Opens a new store each time it is called."""

    def opened() -> Connection:
        for leftover in tmp_path.glob("ledger.db*"):
            with suppress(FileNotFoundError):
                leftover.unlink()
        shutil.copyfile(sqlite_template, tmp_path / "ledger.db")
        connection = Database(sqlite_url(tmp_path / "ledger.db")).connect()
        connection.run(Statement("PRAGMA synchronous=OFF"))
        return connection

    return opened


def test_money_adds_up_on_sqlite_whatever_happens(sqlite_stores: Callable[[], Connection]) -> None:
    run_machine(sqlite_stores, examples=150, steps=30)


def test_money_adds_up_on_postgresql_whatever_happens(migrated_postgres_url: str) -> None:
    run_machine(lambda: Database(migrated_postgres_url).connect(), examples=40, steps=20)


def test_what_comes_late_or_from_a_slow_clock_counts_in_the_hour_that_began() -> None:
    key = KeySpend(1, 100, None, None, 0, 0, 0, 0, 0)
    hour = 500_000 * HOUR_MS
    key.turn(Millis(hour))
    key.spend(90)
    key.turn(Millis(hour - 1))  # created a moment before the hour, written a moment after
    assert key.reached(20) == "hourly"
    key.turn(Millis(hour + 1))
    assert key.reached(20) == "hourly", "the late one emptied the counter"
