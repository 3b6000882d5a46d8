"""Counting what a house asks of its database, and holding up its writes until many wait together."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from souk.store import lane as lanes
from souk.store.database import Connection, PostgresConnection, SqliteConnection
from souk.store.lane import Kind, Lane


@dataclass
class Counts:
    """Statements by the kind of write that ran them, and those of readers."""

    of_writes: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    """By kind: for each transaction, how many writes of it there were and the statements they took together."""
    reads: list[str] = field(default_factory=list[str])
    ran: int = 0
    """By the thread of the lane."""

    def of(self, kind: str) -> int:
        """The statements that writes of a kind took, over all transactions."""
        return sum(statements for _, statements in self.of_writes[kind])


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counts]:
    """Count from here to the end of the block."""
    counts = Counts()
    with monkeypatch.context() as patched:
        for kind in (SqliteConnection, PostgresConnection):
            patched.setattr(kind, "run", _counting(kind.run, counts))
        by_kind = lanes._by_kind

        def grouped(batch: list[Any]) -> list[tuple[Kind[Any, Any], list[Any]]]:
            return [(_watched(kind, counts), group) for kind, group in by_kind(batch)]

        patched.setattr(lanes, "_by_kind", grouped)
        yield counts


def _counting(run: Callable[..., Any], counts: Counts) -> Callable[..., Any]:
    def counting(connection: Any, statement: Any, params: Any = None) -> Any:
        thread = threading.current_thread().name
        if thread.startswith("souk-read"):
            counts.reads.append(statement.text)
        elif thread == "souk-lane":
            counts.ran += 1
        return run(connection, statement, params)

    return counting


def _watched(kind: Kind[Any, Any], counts: Counts) -> Kind[Any, Any]:
    def handle(connection: Connection, ops: Sequence[Any]) -> Sequence[Any]:
        before = counts.ran
        answers = kind.handle(connection, ops)
        counts.of_writes[kind.name].append((len(ops), counts.ran - before))
        return answers

    return Kind(kind.name, kind.order, handle)


@contextmanager
def gathering(lane: Lane, writes: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Between transactions the lane waits until so many writes wait, so that tasks step together. Claims may pass."""
    carry_out, hand_on = lane._carry_out, lane._hand_on
    let_go = threading.Event()
    waiting: list[str] = []

    def noted() -> None:
        waiting.extend(pending.kind.name for pending in lane._fresh)
        hand_on()

    def ready() -> bool:
        names = list(waiting)
        steps = [name for name in names if name != "claim"]
        return len(steps) >= writes or (bool(names) and not steps)

    def patient(batch: list[Any]) -> None:
        for pending in batch:
            if pending.kind.name in waiting:  # some were handed in before anybody took notes
                waiting.remove(pending.kind.name)
        carry_out(batch)
        while not ready() and not let_go.wait(0.002):
            pass

    with monkeypatch.context() as patched:
        patched.setattr(lane, "_carry_out", patient)
        patched.setattr(lane, "_hand_on", noted)
        try:
            yield
        finally:
            let_go.set()
