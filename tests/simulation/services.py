"""Simulated upstream services: each takes tasks, works on them and answers as badly as chance and fate will."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.loop import SimLoop
from tests.simulation.network import Reply, Request

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
"""A picture of one pixel."""


@dataclass
class Work:
    """A task a service accepted."""

    ref: str
    task: str
    attempt: str
    service: str
    accepted_at: float
    ends_at: float
    outcome: str
    """``done``, ``transient``, ``moderation`` or ``never``."""
    files: int
    missing: bool
    """Its first file cannot be had at first."""
    hook: str
    cancelled: bool = False


@dataclass
class Service:
    """One upstream. ``keyed`` honours attempt ids; ``found`` can be asked for them."""

    name: str
    loop: SimLoop
    chance: Random
    accepted: Callable[[Work], None]
    """Told of every piece of work it takes on."""
    report: Callable[[str, dict[str, Any]], None]
    """Sends a webhook."""
    keyed: bool = False
    found: bool = False
    trouble: float = 0.0
    """The share of calls that go wrong."""
    mood: str = ""
    """``down``, ``locked`` or ``crowded``: what it says to every call for now."""
    work: dict[str, Work] = field(default_factory=dict[str, Work])
    by_attempt: dict[str, Work] = field(default_factory=dict[str, Work])
    void: set[str] = field(default_factory=set[str])
    """Attempts it said it never took, and never will."""

    def __call__(self, request: Request) -> Reply:
        _, call, *rest = request.path.split("/")
        if self.mood:
            return _MOODS[self.mood]
        chance = self.chance.random()
        match call:
            case "submit":
                return self._submit(request.body, chance)
            case "poll":
                return self._poll(rest[0], chance)
            case "find":
                return self._find(rest[0], chance)
            case "cancel":
                return self._cancel(rest[0], chance)
            case _:
                return self._file(rest[0], int(rest[1]), chance)

    def _submit(self, body: dict[str, Any], chance: float) -> Reply:
        known = self.by_attempt.get(body["attempt"]) if self.keyed else None
        if chance < self.trouble:
            refusal = self.chance.choice(_REFUSALS)
            if known is None or refusal.status in (401, 429, 500):
                return refusal
        if body["attempt"] in self.void:
            return Reply(503, {"accepted": False})
        work = known or self._begin(body)
        answer = Reply(200, {"ref": work.ref}, seconds=0.05 + self.chance.random())
        if chance > 1 - self.trouble:
            lost = Reply(200, {}, lost=True)
            return self.chance.choice(
                [lost, lost, Reply(500, {}), Reply(200, {"welcome": "!"}), Reply(502, {})]
            )
        return answer

    def _begin(self, body: dict[str, Any]) -> Work:
        chance, now = self.chance, self.loop.time()
        work = Work(
            ref=f"{self.name}-{len(self.work)}",
            task=body["task"],
            attempt=body["attempt"],
            service=self.name,
            accepted_at=now,
            ends_at=now + 1 + chance.random() * 10 + (60 if chance.random() < 0.02 else 0),
            outcome=chance.choices(["done", "transient", "moderation", "never"], [88, 6, 4, 2])[0],
            files=max(1, body["n"] - (chance.random() < 0.1)),
            missing=chance.random() < 0.1,
            hook=body["hook"],
        )
        self.work[work.ref] = self.by_attempt[work.attempt] = work
        self.accepted(work)
        if work.hook:
            self._tell(work)
        return work

    def _tell(self, work: Work) -> None:
        """Report: perhaps at once, when it is done, and perhaps once more."""
        chance, left = self.chance, work.ends_at - self.loop.time()
        for delay, often in ((0.0, 0.2), (left / 2, 0.2), (left, 0.8), (left + 2, 0.2)):
            if chance.random() < often:
                self.loop.call_outside(delay, lambda: self.report(work.hook, self._state(work)))

    def _state(self, work: Work) -> dict[str, Any]:
        now = self.loop.time()
        if work.cancelled:
            return {"ref": work.ref, "state": "fail", "kind": "cancelled"}
        if now < work.ends_at or work.outcome == "never":
            share = (now - work.accepted_at) / (work.ends_at - work.accepted_at)
            # Some services count down now and then, or say that it has not begun after all.
            told = self.chance.choice(["queued", "running", "running", "puzzled"])
            progress = int(min(1.0, share) * 100 * self.chance.random())
            stage = "first" if share > 0.5 and work.files > 1 else ""
            return {"ref": work.ref, "state": told, "progress": progress, "stage": stage}
        if work.outcome == "done":
            return {"ref": work.ref, "state": "done", "files": work.files}
        return {"ref": work.ref, "state": "fail", "kind": work.outcome}

    def _poll(self, ref: str, chance: float) -> Reply:
        if chance < self.trouble:
            return self.chance.choice(_NO_VERDICTS)
        return Reply(200, self._state(self.work[ref]))

    def _find(self, attempt: str, chance: float) -> Reply:
        if chance < 0.2 + self.trouble:
            return self.chance.choice([Reply(200, {"unknown": True}), Reply(500, {})])
        if attempt in self.by_attempt:
            return Reply(200, {"ref": self.by_attempt[attempt].ref})
        self.void.add(attempt)
        return Reply(404, {})

    def _cancel(self, ref: str, chance: float) -> Reply:
        work = self.work[ref]
        if self.loop.time() >= work.ends_at or chance < 0.5:
            return Reply(409, {})
        work.cancelled = True
        return Reply(200, {}, lost=chance > 0.9)

    def _file(self, ref: str, number: int, chance: float) -> Reply:
        work = self.work[ref]
        if work.missing and not number:
            work.missing = False
            return Reply(404, b"")
        if chance < self.trouble:
            return self.chance.choice([Reply(503, b""), Reply(200, b"<html>sorry</html>"), Reply(200, b"")])
        return Reply(200, PNG, seconds=self.chance.random())


_MOODS = {
    "down": Reply(503, {}, seconds=1.0),
    "locked": Reply(401, {}),
    "crowded": Reply(429, {}, retry_after=3),
}
_REFUSALS = [
    Reply(429, {}, retry_after=2),
    Reply(429, {}),
    Reply(500, {}),
    Reply(503, {"accepted": False}),
    Reply(400, {}),
    Reply(401, {}),
]
_NO_VERDICTS = [
    Reply(401, {}),
    Reply(404, {}),
    Reply(429, {}, retry_after=4),
    Reply(500, {}),
    Reply(200, {"hello": 1}),
    Reply(200, {}, lost=True),
]
