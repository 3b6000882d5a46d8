"""Every process of Souk is killed with SIGKILL at once, with tasks accepted upstream, and all are started again.

``python -m tests.faults.killed_all --tasks 1000 --database postgresql`` prints how long after its upstream's own
time each task ended, and every promise that was broken; its exit code is 1 if any was. On PostgreSQL a server and
two engines die, on SQLite the one process that is all of it. A few tasks are *caught*: the upstream took them, and its
answers are still awaited. With ``--accepted 0.5`` the kill comes when half of the others were taken, amid submits.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from souk.store.database import Database
from souk.store.statement import Statement
from tests.faults.fleet import Member, environment
from tests.faults.kill import upstream_process
from tests.faults.load import Load
from tests.faults.long_form import command, site
from tests.faults.process import API_KEY, WEBHOOK_KEY
from tests.faults.truth import Evidence, problems, settled
from tests.postgres import free_port
from tests.upstreams.journal import read_submits
from tests.upstreams.kie import KEY as UPSTREAM_KEY
from tests.upstreams.receiver import Receiver, receiver

LIMIT_SECONDS = 3.0
"""So long after its upstream's own time, and after the restart, a task may end."""
REVIEW_SECONDS = 2.0
PATIENCE_SECONDS = 120.0
QUEUE_SECONDS = 0.02
CREATES_AT_ONCE = 32
TAKEN = ("generating", "storing", "success")
UNANSWERED = "[up:slow-answer=300]"
"""The upstream takes the task, and the kill comes before its answer."""
SETTINGS = {
    "SOUK_API_KEY": API_KEY,
    "SOUK_WEBHOOK_KEY": WEBHOOK_KEY,
    "SOUK_SECRET_KEY": "one secret for all the processes",
    "SOUK_INITIAL_CREDITS": "1000000",
    "SOUK_ACCOUNT_CONCURRENCY": "0",
    "SOUK_POLLS_PER_SECOND": "1000",
    "SOUK_REVIEW_SECONDS": str(REVIEW_SECONDS),
    "SOUK_LEASE_SECONDS": "60",  # whoever waited for leases to run out would wait a minute
    "KIE_API_KEY": UPSTREAM_KEY,
}
_STATES = Statement("SELECT state, id FROM tasks")
_ENDS = Statement("SELECT id, fail_kind, completed_at FROM tasks")


@dataclass(frozen=True)
class Plan:
    """What is done."""

    tasks: int = 1000
    caught: int = 20
    """Tasks more, which the upstream took, and whose answers are not here when the kill comes."""
    accepted: float = 1.0
    """The share of the tasks that the upstream has taken by then."""
    seconds: float = 12.0
    """What the upstream takes for a task."""
    engines: int = 2
    """Beside a server, on PostgreSQL. They share a folder, so each must find the slot that one of them had."""


@dataclass
class Outcome:
    """What came of it."""

    at_kill: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Tasks by the state in which the kill found them."""
    restart: float = 0.0
    """Seconds from the kill until every process was ready."""
    late: list[float] = field(default_factory=list[float])
    """Seconds from the upstream's own time, or the restart if that was later, to each success."""
    unclear: list[float] = field(default_factory=list[float])
    """Seconds from the restart to each end of a task that was between its mark and the answer."""
    submits: int = 0
    broken: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        found = ", ".join(f"{len(ids)} {state}" for state, ids in sorted(self.at_kill.items()))
        lines = [
            f"found by the kill: {found}; all ready again after {self.restart:.1f} s",
            f"{len(self.late)} succeeded, {_spread(self.late)} s after their upstream's time or the restart",
            f"{len(self.unclear)} ended unclear, {_spread(self.unclear)} s after the restart",
            f"{self.submits} submits accepted upstream, {len(self.broken)} promises broken",
            *self.broken,
        ]
        return "\n".join(lines)


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return "-"
    ordered = sorted(seconds)
    p99 = ordered[int(len(ordered) * 0.99)]
    return f"p50 {ordered[len(ordered) // 2]:.2f}, p99 {p99:.2f}, worst {ordered[-1]:.2f}"


@dataclass
class Town:
    """Souk's processes, and all that lives on when they die."""

    members: list[Member]
    load: Load
    journal: Path
    receiver: Receiver
    database_url: str
    files: Path

    async def start(self) -> None:
        """Start all at once, and wait until the last is ready."""
        for member in self.members:
            await member.start()
        await asyncio.gather(*(member.ready() for member in self.members))

    async def end(self, number: signal.Signals) -> None:
        await asyncio.gather(*(member.end(number) for member in self.members))

    async def create(self, count: int, lie: str = "") -> None:
        turn = asyncio.Semaphore(CREATES_AT_ONCE)

        async def one() -> None:
            async with turn:
                await self.load.create(lie)

        await asyncio.gather(*(one() for _ in range(count)))

    async def until(self, count: int, *states: str) -> None:
        """Wait until so many tasks are in one of these states."""

        def found() -> int:
            by_state = self.states()
            return sum(len(by_state.get(state, ())) for state in states)

        async with asyncio.timeout(PATIENCE_SECONDS):
            while await asyncio.to_thread(found) < count:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)

    async def until_settled(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await asyncio.to_thread(settled, self.database_url):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.1)

    def states(self) -> dict[str, set[str]]:
        """Task ids by state."""
        found: dict[str, set[str]] = {}
        for state, task_id in self.rows(_STATES):
            found.setdefault(state, set()).add(task_id)
        return found

    def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        connection = Database(self.database_url).connect(read_only=True)
        try:
            return connection.run(statement)
        finally:
            connection.close()

    def evidence(self) -> Evidence:
        submits = read_submits(self.journal)
        return Evidence(self.database_url, self.files, self.load.made, submits, self.receiver.got)


@contextlib.asynccontextmanager
async def _town(folder: Path, database_url: str, plan: Plan) -> AsyncIterator[Town]:
    journal, files = folder / "journal", folder / "files"
    times = ("--queue-seconds", str(QUEUE_SECONDS), "--run-seconds", str(plan.seconds))
    async with upstream_process(journal, *times) as upstream_url, receiver() as hearing:
        env = environment(
            SETTINGS
            | {
                "SOUK_DATABASE_URL": database_url,
                "SOUK_STORAGE_URL": f"file://{files}",
                "SOUK_KIE_BASE_URL": upstream_url,
            }
        )
        members = _members(folder / "data", env, plan, alone=database_url.startswith("sqlite"))
        load = Load(f"http://127.0.0.1:{members[0].port}", hearing.url())
        town = Town(members, load, journal, hearing, database_url, files)
        try:
            yield town
        finally:
            await town.end(signal.SIGKILL)


def _members(folder: Path, env: dict[str, str], plan: Plan, *, alone: bool) -> list[Member]:
    if alone:
        return [Member(folder, env, free_port(), runs_tasks=True)]
    engines = [Member(folder, env, log_name=f"engine-{number}") for number in range(plan.engines)]
    return [Member(folder, env, free_port()), *engines]


async def kill_all(folder: Path, database_url: str, plan: Plan, *, limit: float = LIMIT_SECONDS) -> Outcome:
    """Let tasks be taken upstream, kill everything, start it again, wait for all ends, and judge."""
    outcome = Outcome()
    async with _town(folder, database_url, plan) as town:
        await town.start()
        await town.create(plan.caught, UNANSWERED)
        await town.until(plan.caught, "submitting")
        creating = asyncio.create_task(town.create(plan.tasks))
        await town.until(int(plan.tasks * plan.accepted), *TAKEN)
        killed = time.time()
        await town.end(signal.SIGKILL)
        outcome.at_kill = await asyncio.to_thread(town.states)
        await town.start()
        ready = time.time()
        outcome.restart = ready - killed
        await creating
        await town.until_settled()
        await town.end(signal.SIGTERM)
        await asyncio.to_thread(_judge, town, plan, outcome, ready, limit)
    return outcome


def _judge(town: Town, plan: Plan, outcome: Outcome, ready: float, limit: float) -> None:
    """Hold every end against its upstream's time, its state at the kill, and all that was promised."""
    evidence = town.evidence()
    outcome.submits = len(evidence.submits)
    done = {
        submit.prompt.split()[0]: submit.created + QUEUE_SECONDS + plan.seconds for submit in evidence.submits
    }
    ends = {task_id: (kind, at / 1000) for task_id, kind, at in town.rows(_ENDS)}
    over = outcome.at_kill.get("success", set())
    doubtful = outcome.at_kill.get("submitting", set()) | outcome.at_kill.get("review", set())
    broken = problems(evidence)
    for made in evidence.made:
        kind, ended = ends[made.task_id]
        if (kind == "unclear") != (made.task_id in doubtful):
            broken.append(
                f"task {made.task_id} ended {kind or 'well'}; in doubt at the kill: {made.task_id in doubtful}"
            )
        elif made.task_id in doubtful:
            outcome.unclear.append(ended - ready)
        elif made.task_id not in over and made.marker in done:
            outcome.late.append(ended - max(done[made.marker], ready))
    slow = [seconds for seconds in outcome.late if seconds > limit]
    slow += [seconds for seconds in outcome.unclear if seconds > REVIEW_SECONDS + limit]
    outcome.broken = broken + ([f"{len(slow)} tasks ended more than {limit:g} s late"] if slow else [])


def main() -> int:
    parser = command("killed_all", __doc__)
    parser.add_argument("--tasks", type=int, default=Plan.tasks)
    parser.add_argument("--caught", type=int, default=Plan.caught)
    parser.add_argument("--accepted", type=float, default=Plan.accepted)
    parser.add_argument("--seconds", type=float, default=Plan.seconds)
    parser.add_argument("--engines", type=int, default=Plan.engines)
    given = parser.parse_args()
    plan = Plan(given.tasks, given.caught, given.accepted, given.seconds, given.engines)
    with site(given) as there:
        outcome = asyncio.run(kill_all(there.folder, there.database_url, plan))
    print(outcome)
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main())
