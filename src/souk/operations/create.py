"""The create transaction: decide a whole set of creates against locked balances, then write them as sets.

Everything a create promises (the task, its hold, the key's counters, the idempotency binding, the pins on its inputs)
commits together or not at all.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from souk.accounts import caps, ledger
from souk.accounts.caps import KeySpend
from souk.accounts.ledger import Purse
from souk.operations.once import is_once
from souk.operations.types import Reason, Refusal
from souk.store import idempotency, pins, tasks
from souk.store.database import Connection
from souk.store.idempotency import Bound
from souk.store.lane import Kind
from souk.words import CREDIT, Millis, TaskId

RATE_WINDOW_MS = 10_000


class Limits(msgspec.Struct, frozen=True):
    """What an account may ask for; 0 means no limit."""

    rate_creates: int
    unfinished: int


class NewTask(msgspec.Struct, frozen=True):
    """A create, validated and priced, on its way into the lane."""

    row: dict[str, Any]
    limits: Limits
    bound: tuple[Bound, ...] = ()
    pins: tuple[str, ...] = ()
    """Stored files and tasks the new task needs."""
    late_pins: tuple[str, ...] = ()
    """Tasks it is to keep alive if they still are; it is made in any case."""

    @property
    def purse(self) -> tuple[int, str]:
        return (self.row["account_id"], self.row["mode"])


class Stored(msgspec.Struct, frozen=True):
    """The answer: the id of the task that now exists, perhaps made by an earlier call with the same key."""

    task_id: TaskId
    hold: int
    replayed: bool = False


class _Batch:
    """One set of creates being decided. Order of arrival decides who gets the last credit."""

    def __init__(self, connection: Connection, creates: Sequence[NewTask]) -> None:
        self.connection = connection
        self.creates = creates
        self.purses = ledger.lock_purses(connection, {create.purse for create in creates})
        self.keys = caps.lock_keys(connection, (create.row["key_id"] for create in creates))
        bounds = [bound for create in creates for bound in create.bound]
        self.taken = idempotency.find(connection, bounds) if bounds else {}
        targets = [target for create in creates for target in (*create.pins, *create.late_pins)]
        now = max(create.row["created_at"] for create in creates)
        self.missing = pins.missing(connection, targets, now) if targets else set[str]()
        self.accepted: list[NewTask] = []

    def decide(self) -> list[Stored | Exception]:
        answers: list[Stored | Exception] = []
        for create in self.creates:
            try:
                answers.append(self._replayed(create) or self._accept(create))
            except Refusal as refusal:
                answers.append(refusal)
        return answers

    def write(self) -> None:
        if not self.accepted:
            return
        rows = [create.row for create in self.accepted]
        purses = [purse for purse in self.purses.values() if purse.created_now]
        tasks.insert(self.connection, rows)
        ledger.hold(self.connection, purses, rows)
        caps.write_keys(self.connection, self.keys.values())
        bindings = [(bound, create.row["id"]) for create in self.accepted for bound in create.bound]
        if bindings:
            idempotency.insert(self.connection, bindings, rows[0]["created_at"])
        kept = [
            (create.row["id"], target)
            for create in self.accepted
            for target in (*create.pins, *create.late_pins)
            if target not in self.missing
        ]
        pins.insert(self.connection, kept)

    def _replayed(self, create: NewTask) -> Stored | None:
        for bound in create.bound:
            taken = self.taken.get(bound.scope)
            if taken is None:
                continue
            body_hash, task_id = taken
            if is_once(bound):
                raise Refusal(Reason.CONFLICT, f"task {task_id} made it already, or is making it")
            if body_hash != bound.body_hash:
                raise Refusal(
                    Reason.IDEMPOTENCY_CONFLICT,
                    f"{_name_of(bound)} was already used with another body; use a new one for a new task",
                    field=_name_of(bound),
                )
            return Stored(TaskId(task_id), create.row["hold"], replayed=True)
        return None

    def _accept(self, create: NewTask) -> Stored:
        row = create.row
        purse = self.purses.get(create.purse)
        key = self.keys.get(row["key_id"])
        if purse is None or key is None:
            raise Refusal(Reason.UNAUTHORIZED, "this key or its account no longer exists")
        if any(target in self.missing for target in create.pins):
            raise Refusal(Reason.UNKNOWN_PARENT, "a file or task named in the input no longer exists")
        _check_purse(purse, create.limits, row["hold"], row["created_at"])
        _check_key(key, row["hold"], row["created_at"])
        purse.available -= row["hold"]
        purse.held_now += row["hold"]
        purse.unfinished += 1
        purse.created_now += 1
        purse.rate_count += 1
        key.spend(row["hold"])
        self.accepted.append(create)
        for bound in create.bound:
            self.taken[bound.scope] = (bound.body_hash, row["id"])
        return Stored(row["id"], row["hold"])


def _check_purse(purse: Purse, limits: Limits, amount: int, now: Millis) -> None:
    if abs(now - purse.rate_started) >= RATE_WINDOW_MS:  # a clock put back starts a window too
        purse.rate_started, purse.rate_count = now, 0
    if limits.rate_creates and purse.rate_count >= limits.rate_creates:
        raise Refusal(
            Reason.RATE_LIMITED,
            f"more than {limits.rate_creates} creates in 10 seconds; this one was not queued",
            retry_after=(purse.rate_started + RATE_WINDOW_MS - now) / 1000,
        )
    if limits.unfinished and purse.unfinished >= limits.unfinished:
        raise Refusal(
            Reason.QUEUE_FULL,
            f"this account already has {purse.unfinished} unfinished tasks; wait for some to finish",
            retry_after=5.0,
        )
    if purse.available < amount:
        raise Refusal(
            Reason.INSUFFICIENT_CREDITS,
            f"this task holds {amount / CREDIT:g} credits and {purse.available / CREDIT:g} are available",
        )


def _check_key(key: KeySpend, amount: int, now: Millis) -> None:
    key.turn(now)
    reached = key.reached(amount)
    if reached is not None:
        raise Refusal(
            Reason.KEY_CAP,
            f"this task would exceed the key's {reached} cap; raise the cap or use another key",
        )


def _name_of(bound: Bound) -> str:
    return "clientTaskId" if bound.operation.startswith("client:") else "Idempotency-Key"


def _create(connection: Connection, creates: Sequence[NewTask]) -> list[Stored | Exception]:
    batch = _Batch(connection, creates)
    answers = batch.decide()
    batch.write()
    return answers


CREATE: Kind[NewTask, Stored] = Kind(
    "create", 10, _create, account=lambda create: create.row["account_id"], balances_first=True
)
