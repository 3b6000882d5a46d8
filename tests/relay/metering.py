"""Meters on a store of their own, and what its books say."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from souk.accounts import ledger
from souk.accounts.verify import verify
from souk.clock import Clock
from souk.operations.types import Caller
from souk.relay.block import Ticket
from souk.relay.meter import Meter
from souk.store.database import Connection, Database
from souk.store.lane import Lane
from souk.store.reads import Reads
from souk.store.statement import Statement
from souk.words import AccountId, Credits, KeyId, Millis, Mode
from tests.clock import HandClock

_KEY = Statement(
    "INSERT INTO keys (id, account_id, name, hash, hint, scope, mode, cap_hourly, cap_daily, cap_total, created_at) "
    "VALUES (:id, :account, 'k', :hash, '', 'user', 'live', :hourly, :daily, :total, 1)"
)
_BALANCE = Statement("SELECT available, held FROM balances WHERE account_id = :account AND mode = 'live'")
_BLOCKS = Statement("SELECT amount, spent FROM blocks ORDER BY id")
_ENTRIES = Statement("SELECT kind, amount, returned FROM ledger WHERE task_id IS NOT NULL ORDER BY id")
_COUNTED = Statement("SELECT hour_spent, day_spent, total_spent FROM keys WHERE id = :key")
_LOCK = Statement("UPDATE balances SET available = available")
_UNFINISHED = Statement("SELECT sum(unfinished) FROM balances")


async def admit(meter: Meter, bound: int, key: int = 1, account: int = 1) -> Ticket:
    caller = Caller(AccountId(account), KeyId(key), Mode.LIVE)
    return await meter.admit(caller, Mode.LIVE, Credits(bound))


@dataclass
class Shop:
    """A store, and the processes that sell chat from it."""

    url: str
    clock: Clock = field(default_factory=HandClock)
    lanes: list[tuple[Lane, Reads]] = field(default_factory=list[tuple[Lane, Reads]])
    _kept: Connection | None = None

    def process(self, name: str = "one#1", slot: str = "") -> Meter:
        """The meter of a process of its own, which does nothing until it is told to."""
        lane, reads = Lane(Database(self.url), name), Reads(Database(self.url))
        lane.start()
        self.lanes.append((lane, reads))
        return Meter(lane, reads, self.clock, random.Random(name), owner=name, slot=slot)

    def pass_time(self, seconds: float) -> None:
        assert isinstance(self.clock, HandClock)
        self.clock.advance(seconds)

    def keep_looking(self) -> None:
        """Look through one connection from now on: who looks a thousand times need not connect each time."""
        self._kept = Database(self.url).connect()

    def close(self) -> None:
        for lane, reads in self.lanes:
            lane.close()
            reads.close()
        if self._kept is not None:
            self._kept.close()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        connection = self._kept or Database(self.url).connect()
        try:
            yield connection
        finally:
            if connection is not self._kept:
                connection.close()

    def run(self, statement: Statement, **params: object) -> list[tuple[int, ...]]:
        with self._connected() as connection:
            return connection.run(statement, params)

    def grant(self, amount: int, account: int = 1) -> None:
        with self._connected() as connection:
            ledger.grant(connection, AccountId(account), Mode.LIVE, Credits(amount), "", Millis(1))

    def key(self, key: int = 1, account: int = 1, **caps: int) -> None:
        limits = {name: caps.get(name) for name in ("hourly", "daily", "total")}
        self.run(_KEY, id=key, account=account, hash=str(key), **limits)

    def balance(self, account: int = 1) -> tuple[int, int]:
        """Available and held."""
        available, held = self.run(_BALANCE, account=account)[0]
        return available, held

    def blocks(self) -> list[tuple[int, ...]]:
        """Amount and spent of each open block."""
        return self.run(_BLOCKS)

    def entries(self) -> list[tuple[str, int, int]]:
        return [(str(kind), amount, returned) for kind, amount, returned in self.run(_ENTRIES)]

    def counted(self, key: int = 1) -> tuple[int, ...]:
        """What the key's caps count: this hour, today, in all."""
        return self.run(_COUNTED, key=key)[0]

    def unfinished(self) -> int:
        return int(self.run(_UNFINISHED)[0][0])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """No balance can be written meanwhile."""
        connection = Database(self.url).connect()
        connection.begin()
        connection.run(_LOCK)
        try:
            yield
        finally:
            connection.rollback()
            connection.close()

    def problems(self) -> list[str]:
        with self._connected() as connection:
            return verify(connection).problems


@asynccontextmanager
async def shop(url: str, *, credits: int = 1000, clock: Clock | None = None) -> AsyncIterator[Shop]:
    """A store with one key of one account, which has these credits (in the smallest unit)."""
    opened = Shop(url, clock or HandClock())
    if credits:
        opened.grant(credits)
        opened.key()
    try:
        yield opened
    finally:
        await asyncio.to_thread(opened.close)
