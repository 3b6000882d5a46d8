"""What must be true: watched while tasks run, and read from everything that is left at the end."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterable

from souk.accounts.verify import verify
from souk.store.database import SqliteConnection
from souk.store.statement import Statement
from souk.words import TaskState
from tests.simulation.clock import EPOCH
from tests.simulation.database import BALANCES, CREDITS, SimDatabase
from tests.simulation.loop import SimLoop
from tests.simulation.outside import Intent, Receiver, told_the_end
from tests.simulation.process import Process
from tests.simulation.services import Work
from tests.simulation.storage import Shelves

_TASKS = Statement(
    "SELECT id, model, state, input, callback_url, hold, captured, result, lease_owner, fail_kind FROM tasks"
)
_UNTOLD = Statement("SELECT task_id, stage, state FROM outbox WHERE state IN ('pending', 'dead')")
_FILES = Statement("SELECT task_id, path FROM assets")
_HELD = Statement("SELECT id FROM tasks WHERE lease_owner = :node")
_CAPTURED = Statement("SELECT account_id, sum(captured) FROM tasks GROUP BY account_id")
_UNENDED = Statement("SELECT count(*) FROM tasks WHERE completed_at IS NULL")
_LATEST = Statement(
    "SELECT max(max(due_at, deadline_at, COALESCE((SELECT max(lease_until) FROM nodes), 0))) "
    "FROM tasks WHERE completed_at IS NULL"
)
_WAITING = Statement("SELECT count(*) FROM outbox WHERE state = 'pending'")
FORGOTTEN_SECONDS = 45.0
"""A lease that nobody lives may last so long: as long as the database may be away, and some."""
FORGOTTEN_LOOKS = 3
LINK = "souk:///"
"""How stored results begin the address of a file."""
AGAIN = "again"
"""The model whose operator wants one more submit where the first stayed unclear."""


class Judge:
    """Collects what was broken, in words."""

    def __init__(self, loop: SimLoop, database: SimDatabase) -> None:
        self._loop = loop
        self._database = database
        self._reader: SqliteConnection = database.reader()
        self.broken: list[str] = []
        self.work: defaultdict[str, list[Work]] = defaultdict(list)
        """By task: all that services took on for it."""

    def accepted(self, work: Work) -> None:
        """A service took a task. Whatever took it before must have failed, for sure, by now."""
        before = self.work[work.task]
        if any(earlier.attempt == work.attempt for earlier in before):
            self.broken.append(f"attempt {work.attempt} of {work.task} was submitted twice")
        live = [earlier for earlier in before if not self._has_failed(earlier)]
        if live and not (self._model(work.task) == AGAIN and len(live) == 1):
            at = ", ".join(f"{earlier.service} as {earlier.ref}" for earlier in live)
            self.broken.append(f"task {work.task} was submitted to {work.service} and is still with {at}")
        before.append(work)

    async def watch(self, processes: list[Process]) -> None:
        """Look now and then for leases of living processes that do not live the task."""
        seen: Counter[tuple[str, str]] = Counter()
        while True:
            await asyncio.sleep(FORGOTTEN_SECONDS / FORGOTTEN_LOOKS)
            held = [
                (process.name, task)
                for process in processes
                if process.serving and not process.strand.paused
                for (task,) in self._reader.run(_HELD, {"node": process.name})
                if task not in process.engine._leases
            ]
            seen = Counter({pair: seen[pair] + 1 for pair in held})
            for (name, task), looks in seen.items():
                if looks == FORGOTTEN_LOOKS:
                    self.broken.append(f"{name} has the lease of {task} and has forgotten it")

    def all_ended(self) -> bool:
        return self._reader.run(_UNENDED) == [(0,)]

    def latest_end(self) -> float:
        """When the last unfinished task can be taken up and must end, by the clocks that said so; the loop's time."""
        moment = self._reader.run(_LATEST)[0][0]
        return (moment - EPOCH) / 1000 if moment else self._loop.time()

    def all_told(self) -> bool:
        return self._reader.run(_WAITING) == [(0,)]

    def unfinished(self) -> list[str]:
        return [f"task {row[0]} ({row[1]}) is still {row[2]}" for row in self._rows() if row[2] not in _ENDS]

    def leftovers(self, processes: Iterable[Process]) -> list[str]:
        """What processes that have nothing left to do still hold."""
        found: list[str] = []
        for process in processes:
            engine = process.engine
            if engine.running or engine._leases:
                found.append(f"{process.name} still holds {engine.running} tasks")
            for name, traffic in engine._roads.all():
                if traffic.slots.used or traffic.gate._inside.used:
                    found.append(f"{process.name} still counts tasks on {name}")
        return found

    def verdict(self, intents: list[Intent], receivers: list[Receiver], shelves: Shelves) -> list[str]:
        """Everything that is not as it must be."""
        rows = self._rows()
        return [
            *self.broken,
            *self._database.broken(),
            *verify(self._reader).problems,
            *self._wrong_balances(),
            *_lost_intents(intents, {row[0]: json.loads(row[3])["prompt"] for row in rows}),
            *self._wrong_ends(rows, shelves),
            *_untold(rows, receivers),
            *(f"callback {row[1]} of {row[0]} is {row[2]}" for row in self._reader.run(_UNTOLD)),
        ]

    def _rows(self) -> list[tuple[str, ...]]:
        return self._reader.run(_TASKS)

    def _model(self, task: str) -> str:
        found = self._reader.run(Statement("SELECT model FROM tasks WHERE id = :id"), {"id": task})
        return found[0][0] if found else ""

    def _has_failed(self, work: Work) -> bool:
        return work.cancelled or (
            work.outcome in ("transient", "moderation") and self._loop.time() >= work.ends_at
        )

    def _wrong_balances(self) -> Iterable[str]:
        captured = dict(self._reader.run(_CAPTURED))
        for account, available, held in self._reader.run(BALANCES):
            if (available, held) != (CREDITS - captured.get(account, 0), 0):
                yield f"account {account} has {available} and holds {held}, of {captured.get(account)} captured"

    def _wrong_ends(self, rows: list[tuple[str, ...]], shelves: Shelves) -> Iterable[str]:
        files: defaultdict[str, list[str]] = defaultdict(list)
        for task, path in self._reader.run(_FILES):
            files[task].append(path)
        for id, model, state, _, _, hold, captured, result, owner, kind in rows:
            if owner is not None:
                yield f"task {id} is still leased to {owner}"
            if state == TaskState.FAIL:
                if captured or not kind:
                    yield f"task {id} failed ({kind}) and was charged {captured}"
                continue
            if int(captured) > int(hold) or not captured:
                yield f"task {id} was charged {captured} of {hold}"
            if model != "here" and not any(work.outcome == "done" for work in self.work[id]):
                yield f"task {id} succeeded, and nobody did it"
            named = [link.removeprefix(LINK) for link in json.loads(result)["resultUrls"]]
            if not named or not set(named) <= set(files[id]) or not set(files[id]) <= shelves.files.keys():
                yield f"task {id} succeeded, and its files are not all there: {files[id]} {result}"


def _lost_intents(intents: list[Intent], prompts: dict[str, str]) -> Iterable[str]:
    made = Counter(prompts.values())
    for intent in intents:
        prompt = f"wish {intent.number}"
        if made[prompt] != 1 or len(intent.answers) != 1:
            yield f"{prompt} was made {made[prompt]} times and answered with {sorted(intent.answers)}"
        elif prompts.get(next(iter(intent.answers))) != prompt:
            yield f"{prompt} was answered with another's task"


def _untold(rows: list[tuple[str, ...]], receivers: list[Receiver]) -> Iterable[str]:
    for id, _, state, _, callback_url, *_ in rows:
        told = told_the_end(receivers, id)
        if callback_url and told != state:
            yield f"task {id} ended in {state}, its client was told {told}"


_ENDS = ("success", "fail")
