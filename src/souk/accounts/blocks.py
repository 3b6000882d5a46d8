"""Credit blocks of chat in the ledger: exchanging one for the next, writing down what is spent, closing what was left.

A block is a hold like a task's, of one key, that many small requests draw on. The process that owns it admits them in
memory, tells now and then what is spent, and gives the block back: one capture of what was spent, the rest returned.
"""

from collections.abc import Sequence

import msgspec

from souk.accounts import caps, ledger
from souk.accounts.caps import KeySpend
from souk.accounts.ledger import Closing, Purse
from souk.store import blocks
from souk.store.blocks import BlockRow, Told
from souk.store.database import Connection
from souk.store.lane import Kind
from souk.words import Millis

SWEPT_AT_ONCE = 500
GREED = 4
"""What is held ahead of any request is at most one part in this many of what is left: other keys want some too."""


class Back(msgspec.Struct, frozen=True):
    """A block that is given back, and all that was spent of it."""

    id: str
    spent: int


class Ask(msgspec.Struct, frozen=True):
    """A new block. It holds ``base`` and at least ``need`` in any case, or it is not opened."""

    id: str
    owner: str
    until: int
    base: int
    """What running requests may still cost; the old block covered it."""
    need: int
    """What the cheapest waiting request may cost, or what requests can draw on until the new block is there."""
    asked: int
    """What all waiting requests may cost."""
    ahead: int
    """More, for requests to come."""


class Exchange(msgspec.Struct, frozen=True):
    """Give a key's block back, open another, or both. If the new one cannot be opened the old one stays."""

    account_id: int
    mode: str
    key_id: int
    now: int
    back: Back | None = None
    ask: Ask | None = None

    @property
    def purse(self) -> tuple[int, str]:
        return (self.account_id, self.mode)


class Short(msgspec.Struct, frozen=True):
    """Why no block was opened."""

    available: int
    """Credits that requests of this key could still hold, but for its caps."""
    cap: str | None = None
    """The cap that stands in the way; None = there are too few credits."""
    unknown: bool = False
    """The key is gone."""


class Exchanged(msgspec.Struct, frozen=True):
    amount: int = 0
    """What the new block holds; 0 = there is none."""
    lost: bool = False
    """The old block had been closed by others: what was spent since it was last told was not charged."""
    short: Short | None = None


class _Batch:
    """A set of exchanges being decided. What is only given back comes first, so that others can have it."""

    def __init__(self, connection: Connection, exchanges: Sequence[Exchange]) -> None:
        self.connection = connection
        self.exchanges = exchanges
        self.rows = blocks.lock(connection, [each.back.id for each in exchanges if each.back])
        self.purses = ledger.lock_purses(connection, {each.purse for each in exchanges})
        self.keys = caps.lock_keys(connection, (each.key_id for each in exchanges))
        self.closed: list[Closing] = []
        self.opened: list[BlockRow] = []

    def decide(self) -> list[Exchanged]:
        answers: dict[int, Exchanged] = {}
        for number in sorted(range(len(self.exchanges)), key=lambda n: self.exchanges[n].ask is not None):
            answers[number] = self._exchange(self.exchanges[number])
        return [answers[number] for number in range(len(self.exchanges))]

    def write(self) -> None:
        _close(self.connection, self.closed, self.exchanges[0].now)
        if self.opened:
            ledger.hold(
                self.connection,
                [purse for purse in self.purses.values() if purse.held_now],
                [_as_held(row) for row in self.opened],
            )
            blocks.insert(self.connection, self.opened)
        caps.write_keys(self.connection, self.keys.values())

    def _exchange(self, exchange: Exchange) -> Exchanged:
        row = self.rows.pop(exchange.back.id, None) if exchange.back else None
        lost = exchange.back is not None and row is None
        closing = _closing(row, exchange.back.spent) if row and exchange.back else None
        purse, key = self._after(exchange, closing)
        opened: BlockRow | None = None
        if exchange.ask is not None:
            sized = _size(exchange.ask, purse, key)
            if isinstance(sized, Short):
                return Exchanged(lost=lost, short=sized)
            opened = _opened(exchange, exchange.ask, sized)
            self._take(opened, purse, key)
        if closing is not None:
            self.closed.append(closing)
        self._settle_on(purse, key)
        return Exchanged(opened.amount if opened else 0, lost)

    def _after(self, exchange: Exchange, closing: Closing | None) -> tuple[Purse | None, KeySpend | None]:
        """Purse and key as they are once the old block has been given back."""
        purse, key = self.purses.get(exchange.purse), self.keys.get(exchange.key_id)
        purse = msgspec.structs.replace(purse) if purse else None
        key = msgspec.structs.replace(key) if key else None
        if key is not None:
            key.turn(Millis(exchange.now))
        if closing is not None:
            if purse is not None:
                purse.available += closing.hold - closing.captured
            if key is not None:
                key.give_back(closing)
        return purse, key

    def _take(self, opened: BlockRow, purse: Purse | None, key: KeySpend | None) -> None:
        if purse is not None and key is not None:
            purse.available -= opened.amount
            purse.held_now += opened.amount
            key.spend(opened.amount)
        self.opened.append(opened)

    def _settle_on(self, purse: Purse | None, key: KeySpend | None) -> None:
        if purse is not None:
            self.purses[purse.account_id, purse.mode] = purse
        if key is not None:
            self.keys[key.id] = key


def _size(ask: Ask, purse: Purse | None, key: KeySpend | None) -> int | Short:
    """How much the new block may hold."""
    if key is None:
        return Short(0, unknown=True)
    available = (purse.available if purse else 0) - ask.base
    if available < ask.need:
        return Short(max(0, available))
    cap = key.reached(ask.base + ask.need)
    if cap is not None:
        return Short(available, cap)
    room = min(available, key.room() - ask.base)
    more = max(0, min(ask.ahead, (room - ask.asked) // GREED))
    return ask.base + max(ask.need, min(room, ask.asked) + more)


def _opened(exchange: Exchange, ask: Ask, amount: int) -> BlockRow:
    return BlockRow(
        id=ask.id,
        account_id=exchange.account_id,
        mode=exchange.mode,
        key_id=exchange.key_id,
        amount=amount,
        spent=0,
        opened_at=exchange.now,
        owner=ask.owner,
        lease_until=ask.until,
    )


def _as_held(row: BlockRow) -> dict[str, object]:
    return {
        "id": row.id,
        "account_id": row.account_id,
        "mode": row.mode,
        "hold": row.amount,
        "key_id": row.key_id,
        "created_at": row.opened_at,
    }


def _closing(row: BlockRow, spent: int) -> Closing:
    return Closing(
        task_id=row.id,
        account_id=row.account_id,
        mode=row.mode,
        key_id=row.key_id,
        hold=row.amount,
        captured=max(0, min(spent, row.amount)),
        hold_made_at=row.opened_at,
        unfinished=0,
    )


def _close(connection: Connection, closings: Sequence[Closing], now: int) -> None:
    if closings:
        blocks.delete(connection, [closing.task_id for closing in closings])
        ledger.close(connection, closings, Millis(now))


def _exchange(connection: Connection, exchanges: Sequence[Exchange]) -> list[Exchanged]:
    batch = _Batch(connection, exchanges)
    answers = batch.decide()
    batch.write()
    return answers


def _flush(connection: Connection, sets: Sequence[Sequence[Told]]) -> list[set[str]]:
    return [blocks.flush(connection, told) for told in sets]


class Sweep(msgspec.Struct, frozen=True):
    """Close blocks nobody draws on any more with what is known to be spent: see :func:`blocks.left_behind`."""

    now: int
    owner: str
    slot: str = ""


def _sweep(connection: Connection, sweeps: Sequence[Sweep]) -> list[int]:
    return [_close_left(connection, sweep) for sweep in sweeps]


def _close_left(connection: Connection, sweep: Sweep) -> int:
    rows = blocks.left_behind(connection, sweep.now, sweep.owner, sweep.slot, SWEPT_AT_ONCE)
    closings = [_closing(row, row.spent) for row in rows]
    ledger.lock_purses(connection, {(closing.account_id, closing.mode) for closing in closings})
    _close(connection, closings, sweep.now)
    caps.give_back(connection, closings, Millis(sweep.now))
    return len(rows)


# Blocks are closed before tasks are created, so that a create in the same transaction can have what they return.
FLUSH_BLOCKS: Kind[Sequence[Told], set[str]] = Kind("blocks.flush", 5, _flush)
EXCHANGE_BLOCKS: Kind[Exchange, Exchanged] = Kind(
    "blocks.exchange", 6, _exchange, account=lambda each: each.account_id
)
SWEEP_BLOCKS: Kind[Sweep, int] = Kind("blocks.sweep", 7, _sweep, alone=True)
