"""``souk serve`` with a trap: the process is killed (or stopped) at the n-th time it reaches a chosen point.

``python -m tests.faults.server`` reads ``TRAP`` from its environment: ``POINT``, ``POINT:N`` or ``POINT:N:stop``.
Without it, this is ``souk serve``. The points are in :data:`POINTS`; production code knows nothing of them.
"""

import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from souk.assets.ingest import Ingest
from souk.callbacks import delivery
from souk.engine.steps import Finish, Step
from souk.providers.kie import Kie
from souk.store.database import PostgresConnection, SqliteConnection
from souk.store.lane import Lane
from tests.faults import switches

Spring = Callable[[], None]
Match = Callable[[Any], bool]
"""Whether a write of a batch, answered and not yet committed, is the one."""


def trap(text: str) -> Spring:
    """What is called at the point: the signal, once it has been called often enough."""
    _, count, how = (text + "::").split(":")[:3]
    left = int(count or 1)
    number = signal.SIGSTOP if how == "stop" else signal.SIGKILL

    def spring() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), number)

    return spring


def _step_to(state: str) -> Match:
    return lambda write: isinstance(write.op, Step) and write.op.move.to_state == state


def _end(state: str) -> Match:
    return lambda write: isinstance(write.op, Finish) and write.op.ending.to_state == state


def _write(name: str) -> Match:
    return lambda write: write.kind.name == name


def _claim(name: str) -> Match:
    """A claim that got something."""
    return lambda write: write.kind.name == name and bool(_taken(write.answer))


def _taken(claimed: Any) -> Any:
    return claimed.tasks if hasattr(claimed, "tasks") else claimed.rows


WRITES: dict[str, Match] = {
    "create": _write("create"),
    "claim": _claim("claim"),
    "mark": _step_to("submitting"),
    "accepted": _step_to("generating"),
    "storing": _step_to("storing"),
    "review": _step_to("review"),
    "success": _end("success"),
    "fail": _end("fail"),
    "report": _write("hint"),
    "upload": _write("upload"),
    "callback-claim": _claim("outbox.claim"),
    "callback-body": _write("outbox.body"),
    "callback-tried": _write("outbox.tried"),
}
"""Writes whose commit is a point: ``before-NAME`` and ``after-NAME``."""


def set_commit_trap(name: str, spring: Spring, *, after: bool) -> None:
    """Spring before (or after) the commit of a batch that holds a matching write."""
    match = WRITES[name]
    batch: list[Any] = []
    transact = Lane._transact

    def watched(lane: Lane, pending: list[Any]) -> None:
        batch[:] = pending
        transact(lane, pending)

    Lane._transact = watched  # pyright: ignore[reportAttributeAccessIssue] - the same, watched

    def around(commit: Callable[[Any], None]) -> Callable[[Any], None]:
        def committing(connection: Any) -> None:
            caught = any(match(write) for write in batch)
            batch.clear()
            if caught and not after:
                spring()
            commit(connection)
            if caught and after:
                spring()

        return committing

    for kind in (SqliteConnection, PostgresConnection):
        setattr(kind, "commit", around(kind.commit))  # noqa: B010 - the same, with a trap around it


def set_call_trap(owner: Any, name: str, spring: Spring, *, after: bool) -> None:
    """Spring before an asynchronous function is called, or after it returned."""
    whole = getattr(owner, name)

    async def watched(*args: Any, **named: Any) -> Any:
        if not after:
            spring()
        answer = await whole(*args, **named)
        if after:
            spring()
        return answer

    setattr(owner, name, watched)


CALLS: dict[str, tuple[Any, str]] = {
    "submit": (Kie, "submit"),
    "poll": (Kie, "poll"),
    "ingest": (Ingest, "from_output"),
    "callback": (delivery, "post"),
}
"""Calls whose begin and return are points."""


def points() -> Iterable[str]:
    """The name of every point."""
    return [f"{side}-{name}" for side in ("before", "after") for name in (*WRITES, *CALLS)]


def set_trap(text: str) -> None:
    side, _, name = text.partition(":")[0].partition("-")
    spring = trap(text)
    if name in WRITES:
        set_commit_trap(name, spring, after=side == "after")
    else:
        set_call_trap(*CALLS[name], spring, after=side == "after")


if __name__ == "__main__":
    if "TRAP" in os.environ:
        set_trap(os.environ["TRAP"])
    if "SWITCHES" in os.environ:
        switches.obey(Path(os.environ["SWITCHES"]))
    if "DAYS_FACTOR" in os.environ:
        switches.shorten_days(float(os.environ["DAYS_FACTOR"]))
    if "STALLED_SECONDS" in os.environ:
        switches.end_stalled(float(os.environ["STALLED_SECONDS"]))
    from souk.cli.serve import serve

    serve()
