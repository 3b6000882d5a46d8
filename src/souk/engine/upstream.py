"""What the states of an upstream task share: its lease, its routes, its slot on a connection, how it is asked."""

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from souk.engine.cause import most_useful
from souk.engine.failure import Failure
from souk.engine.gate import Gate
from souk.engine.job import job_for
from souk.engine.lease import Lease
from souk.engine.open_routes import open_routes
from souk.engine.pace import Pace
from souk.engine.result import spooled_json
from souk.engine.roads import Roads, Traffic
from souk.engine.routes import Route
from souk.engine.slots import Slots
from souk.providers.base import Accepted, Connection, Done, Failed, Job, Provider, Running, Unreachable
from souk.store import attempts as attempt_rows
from souk.store.attempts import Attempt
from souk.words import FailKind, Millis, TaskState

MAX_ATTEMPTS = 12
FIRST_BACKOFF = 1.0
MAX_BACKOFF = 60.0

FINAL_KINDS = frozenset({FailKind.BAD_INPUT, FailKind.MODERATION, FailKind.INPUT_UNREACHABLE})
"""Failures another connection would only repeat."""
PASSING_KINDS = frozenset({FailKind.TRANSIENT, FailKind.RATE_LIMIT})
"""Refusals that time may heal."""


class ConnectionGone(Exception):
    """The connection a task was submitted on is no longer configured, or another provider's by now."""


class Upstream:
    """One task on its routes."""

    __slots__ = (
        "_edition",
        "_gate",
        "_made",
        "_routes",
        "_slot",
        "accepted_at",
        "book",
        "lease",
        "roads",
        "world",
    )

    def __init__(self, lease: Lease, roads: Roads) -> None:
        self.lease = lease
        self.world = lease.world
        self.book = roads.book
        self.roads = roads
        self._edition = -1
        self._routes: list[Route] = []
        self._slot: Slots | None = None
        self._gate: Gate | None = None
        self._made: Job | None = None
        self.accepted_at: float | None = None
        """On the monotonic clock; None when another process saw the acceptance."""

    @property
    def routes(self) -> list[Route]:
        """The routes that are open to the task now: connections come, go and change while it waits."""
        if self._edition != self.roads.edition:
            self._edition, self._routes = self.roads.edition, open_routes(self.lease)
        return self._routes

    def traffic(self, route: Route) -> Traffic:
        return self.roads.of(route.connection)

    def as_configured(self, route: Route) -> Route:
        """The route with its connection as it is now: the operator may have changed it while the task waited."""
        connection = self.connection(route.connection)
        return route if connection is route.connection else replace(route, connection=connection)

    def connection(self, connection: Connection) -> Connection:
        """A connection as it is now, or as it was if it is gone."""
        now = self.world.connections.get(connection.name)
        return now if now is not None and now.provider == connection.provider else connection

    def pace(self, route: Route) -> Pace:
        return self.traffic(route).paces.setdefault(route.upstream_model, Pace())

    def is_telling(self, connection: Connection) -> None:
        """Note that a connection's upstream reports, so that it need not be asked so often."""
        self.roads.of(connection).telling = True

    def provider(self, route: Route) -> Provider:
        return self.world.providers[route.connection.provider]

    def is_here(self, route: Route) -> bool:
        """Whether an engine of this machine serves the route."""
        return route.connection.provider in self.world.locals

    def runs_here(self) -> bool:
        """Whether the current attempt is on an engine of this machine."""
        connection = self.lease.connection()
        return connection is not None and connection.provider in self.world.locals

    def route(self) -> Route:
        """The route the current attempt runs on. Raises ConnectionGone."""
        task, connection = self.lease.task, self.lease.connection()
        if connection is None:
            raise ConnectionGone(self._why_gone())
        place = (connection.name, connection.provider, task.upstream_model)
        resubmit = any(
            route.resubmit_unclear
            for route in self.routes
            if (route.connection.name, route.connection.provider, route.upstream_model) == place
        )
        return Route(connection, task.upstream_model or "", resubmit)

    def _why_gone(self) -> str:
        name, attempt = self.lease.task.connection or "", self.lease.attempt
        now = self.world.connections.get(name)
        if now is None or attempt is None:
            return f"the connection {name} is no longer configured"
        before = attempt.provider
        return f"the connection {name} was given to {now.provider}, and not back to {before}, which has this task"

    async def job(self, route: Route) -> Job:
        """The current attempt as the provider sees it."""
        made, self._made = self._made, None  # thousands of tasks wait here at once; one job each is enough
        if made is None or made.attempt_id != self.lease.task.attempt_id:
            return await job_for(self.lease, route, self.lease.current_attempt())
        prepared = msgspec.json.decode(self.lease.task.prepared or "{}")
        if made.connection is route.connection and made.prepared == prepared:
            return made
        return replace(made, connection=route.connection, prepared=prepared)

    async def first_job(self, route: Route, attempt: Attempt) -> Job:
        """The job of an attempt that begins. It is put together once: what a job holds does not change."""
        self._made = await job_for(self.lease, route, attempt)
        return self._made

    async def taken(self, answer: Accepted | Done) -> None:
        """The upstream has the task (or has already done it): write that before anything else."""
        if isinstance(answer, Done):
            await self.to_storing(answer)
            return
        self.accepted_at = self.world.clock.monotonic()
        accepted = replace_attempt(self.lease.current_attempt(), verdict="accepted", ref=answer.ref)
        await self.lease.step(TaskState.GENERATING, attempt=accepted, ref=answer.ref)

    async def to_storing(self, done: Done) -> None:
        outputs = await spooled_json(done, self.lease.folder())
        await self.lease.step(TaskState.STORING, outputs=outputs)

    async def refused(self, attempt: Attempt, failure: Failure, verdict: str) -> None:
        """The upstream does not have the task, for sure: back in the queue with what was learnt."""
        self.release_slot()
        told = replace_attempt(
            attempt,
            verdict=verdict,
            ended_at=self.world.clock.now(),
            kind=failure.kind.value,
            message=failure.message[:1000],
            upstream=failure.upstream[:500] or None,
        )
        await self.lease.step(TaskState.QUEUING, attempt=told)

    async def asked(self, job: Job) -> Running | Done | Failed | Unreachable:
        """One poll. Nothing but a verified verdict says anything about the task."""
        job = replace(job, now=self.world.clock.now())
        started = self.world.clock.monotonic()
        provider = self.world.providers[job.connection.provider]
        try:
            verdict = await provider.poll(job, self.lease.task.ref or "", self.world.http)
        except Unreachable as error:
            verdict = error
        except Exception as error:  # noqa: BLE001 - whatever broke on the way, it is no verdict
            verdict = Unreachable(f"{type(error).__name__}: {error}")
        self.count(job, "poll", type(verdict).__name__.lower(), started)
        if isinstance(verdict, Unreachable):
            self.lease.log("poll without a verdict", reason=str(verdict))
        return verdict

    async def cancel(self, job: Job) -> bool:
        """Ask the upstream to drop the task; only its own confirmation counts."""
        provider = self.world.providers[job.connection.provider]
        job = replace(job, now=self.world.clock.now())
        try:
            return await provider.cancel(job, self.lease.task.ref or "", self.world.http)
        except Exception as error:  # noqa: BLE001 - not confirmed is not cancelled
            self.lease.log("cancel failed", reason=str(error))
            return False

    async def too_late_to_cancel(self) -> None:
        """Answer a cancel that came after the point of no return: the task runs on."""
        if self.lease.cancelled.is_set():
            self.lease.cancelled.clear()
            await self.lease.step(cancel_at=0)

    async def fail_over(self, failure: Failure) -> None:
        """The current attempt failed for sure: on to the next connection if it may do better, else the end."""
        lease = self.lease
        tried = [*await self.failed_attempts(), lease.current_attempt()]
        untried = [route for route in self.routes if not was_on(route.connection, tried)]
        # A client that was handed a part of one result must not get the rest from another.
        handed_over = bool(await lease.files())
        if failure.kind in FINAL_KINDS or not untried or handed_over:
            open_to_others = failure.kind not in FINAL_KINDS and not handed_over
            cause = most_useful((*await self.failures(), failure)) if open_to_others else failure
            await lease.fail(failure, verdict="failed", cause=cause)
            return
        self.release_slot()
        self.accepted_at = None
        closed = lease.closed_attempt("failed", failure)
        await lease.step(TaskState.QUEUING, attempt=closed, ref="", prepared="{}")

    async def failed_attempts(self) -> list[Attempt]:
        """Those that were accepted and failed for sure: the task is not run there twice."""
        return [row for row in await self._attempts() if row.verdict == "failed"]

    async def unclear_attempts(self) -> int:
        """How often nobody knows whether an upstream took the task, the attempt under review among them."""
        return sum(row.verdict == "unclear" for row in await self._attempts())

    def submitted_at(self) -> Millis:
        """When the submit of an attempt that was taken up was about to leave."""
        attempt = self.lease.attempt
        return Millis((attempt and attempt.submitted_at) or self.lease.task.updated_at)

    async def failures(self) -> list[Failure]:
        """Why the attempts so far failed, as far as they have, in order."""
        return [
            Failure(FailKind(row.kind), row.message or "", row.upstream or "")
            for row in await self._attempts()
            if row.kind
        ]

    def slot_at_once(self, route: Route) -> bool:
        """Take a slot on the connection if that needs no waiting."""
        slots = self.traffic(route).slots
        if not slots.taken_at_once():
            return False
        self._slot = slots
        return True

    async def acquire_slot(self, route: Route) -> None:
        slots = self.traffic(route).slots
        await slots.acquire(self.lease.task.account_id)
        self._slot = slots

    def hold_slot(self, route: Route) -> None:
        """Count the task on its connection, if it is not yet."""
        if self._slot is None:
            self._slot = self.traffic(route).slots
            self._slot.take()

    def release_slot(self) -> None:
        if self._slot is not None:
            self._slot.release()
            self._slot = None

    def gate_at_once(self, route: Route) -> bool:
        """Enter the connection's gate if that needs no waiting."""
        gate = self.traffic(route).gate
        if not gate.entered_at_once():
            return False
        self._gate = gate
        return True

    async def enter_gate(self, route: Route) -> None:
        """Wait until the connection may be asked to take this task."""
        gate = self.traffic(route).gate
        await gate.enter(self.lease.task.account_id)
        self._gate = gate

    def leave_gate(self) -> None:
        if self._gate is not None:
            self._gate.leave()
            self._gate = None

    def count(self, job: Job, call: str, outcome: str, started: float) -> None:
        took = self.world.clock.monotonic() - started
        self.world.meters.provider_call(job.connection.name, call, outcome, took)

    async def _attempts(self) -> list[Attempt]:
        if not self.lease.task.attempts:
            return []
        return await self.world.reads.run(lambda db: attempt_rows.of_task(db, self.lease.id))


def replace_attempt(attempt: Attempt, **known: object) -> Attempt:
    """The attempt with more known of it."""
    return msgspec.structs.replace(attempt, **known)


def was_on(connection: Connection, attempts: Iterable[Attempt]) -> bool:
    """Whether one of these attempts was on this connection, and at the provider that has it now."""
    return any(connection.answers_for(attempt.connection, attempt.provider) for attempt in attempts)


def backoff(errors: int) -> float:
    """Seconds to wait after so many errors in a row."""
    return min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** min(errors - 1, 10))
