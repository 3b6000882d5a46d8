"""What must be true of a store after any number of crashes, read from the database, the disk and the witnesses."""

import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from souk.accounts.verify import verify
from souk.callbacks.signing import compatible_signature, standard_signature
from souk.store.database import Connection, Database
from souk.store.statement import Statement
from tests.faults.load import FAILING, UNCLEAR, Made
from tests.faults.process import WEBHOOK_KEY
from tests.upstreams.journal import Submit, count
from tests.upstreams.receiver import Received

_UNFINISHED = Statement("SELECT id FROM tasks WHERE completed_at IS NULL")
_UNTOLD = Statement("SELECT count(*) FROM outbox WHERE state = 'pending'")
_TASKS = Statement("SELECT id, state, fail_kind, captured, hold, attempts, lease_owner FROM tasks")
_ENTRIES = Statement(
    "SELECT task_id, kind, amount, returned FROM ledger WHERE task_id IS NOT NULL ORDER BY id"
)
_FILES = Statement("SELECT task_id, path, size, sha256 FROM assets WHERE task_id IS NOT NULL")
_LEFT = Statement(
    "SELECT (SELECT count(*) FROM pins), (SELECT count(*) FROM attempts WHERE verdict IS NULL), "
    "(SELECT count(*) FROM nodes), (SELECT coalesce(sum(held) + sum(unfinished), 0) FROM balances)"
)


@dataclass(frozen=True)
class Task:
    """A task's row, as far as it is judged."""

    id: str
    state: str
    fail_kind: str | None
    captured: int | None
    hold: int
    attempts: int
    lease_owner: str | None


@dataclass(frozen=True)
class Evidence:
    """Everything that is known from outside the server."""

    database_url: str
    files: Path
    made: Sequence[Made]
    submits: Sequence[Submit]
    callbacks: Sequence[Received]


def unfinished(database_url: str) -> set[str]:
    """The tasks that have not ended."""
    connection = Database(database_url).connect(read_only=True)
    try:
        return {row[0] for row in connection.run(_UNFINISHED)}
    finally:
        connection.close()


def settled(database_url: str) -> bool:
    """Whether every task has ended and every callback was delivered."""
    connection = Database(database_url).connect(read_only=True)
    try:
        return not connection.run(_UNFINISHED) and connection.run(_UNTOLD)[0][0] == 0
    finally:
        connection.close()


def problems(evidence: Evidence, *, killed_tasks_may_be_unclear: bool = True) -> list[str]:
    """Every promise that was broken, in words; empty if all were kept."""
    connection = Database(evidence.database_url).connect(read_only=True)
    try:
        tasks = {row[0]: Task(*row) for row in connection.run(_TASKS)}
        ends = _wrong_ends(evidence.made, tasks, unclear=killed_tasks_may_be_unclear)
        return [*ends, *_broken(evidence, connection, tasks)]
    finally:
        connection.close()


def broken(evidence: Evidence) -> list[str]:
    """Every promise that was broken, but for how each task should have ended: that is for others to know."""
    connection = Database(evidence.database_url).connect(read_only=True)
    try:
        return _broken(evidence, connection, {row[0]: Task(*row) for row in connection.run(_TASKS)})
    finally:
        connection.close()


def _broken(evidence: Evidence, connection: Connection, tasks: dict[str, Task]) -> list[str]:
    return [
        *_lost(evidence.made, tasks),
        *_wrong_charges(connection, tasks),
        *verify(connection).problems,
        *_double_spends(evidence.made, evidence.submits, tasks),
        *_lost_files(connection, tasks, evidence.files),
        *_untold(evidence.callbacks, tasks),
        *_left_behind(connection),
    ]


def _lost(made: Iterable[Made], tasks: dict[str, Task]) -> list[str]:
    ids = [each.task_id for each in made]
    found = [f"task {id} was promised and does not exist" for id in ids if id not in tasks]
    found += [f"task {task.id} is still {task.state}" for task in tasks.values() if not _over(task)]
    found += [f"two creates were answered with task {id}" for id, times in Counter(ids).items() if times > 1]
    return found


def _over(task: Task) -> bool:
    return task.state in ("success", "fail") and task.lease_owner is None


def _wrong_ends(made: Iterable[Made], tasks: dict[str, Task], *, unclear: bool) -> list[str]:
    found: list[str] = []
    for each in made:
        task = tasks.get(each.task_id)
        if task is None or (task.fail_kind == "unclear" and unclear and not each.sandbox):
            continue
        if any(lie in each.lie for lie in UNCLEAR):
            right = task.fail_kind == "unclear"
        elif any(lie in each.lie for lie in FAILING):
            right = task.state == "fail" and task.fail_kind not in ("internal", "timeout", "unclear")
        else:
            right = task.state == "success"
        if not right:
            found.append(f"task {task.id} ({each.lie or 'plain'}) ended {task.state} {task.fail_kind}")
    return found


def _wrong_charges(connection: Connection, tasks: dict[str, Task]) -> list[str]:
    entries: defaultdict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for task_id, kind, amount, returned in connection.run(_ENTRIES):
        entries[task_id].append((kind, amount, returned))
    found: list[str] = []
    for task in tasks.values():
        closing = (
            ("capture", task.captured, task.hold - (task.captured or 0))
            if task.captured
            else ("release", task.hold, task.hold)
        )
        if entries[task.id] != [("hold", task.hold, 0), closing]:
            found.append(f"task {task.id} ({task.state}) has the ledger entries {entries[task.id]}")
        if bool(task.captured) != (task.state == "success"):
            found.append(f"task {task.id} ended {task.state} and cost {task.captured}")
    return found


def _double_spends(made: Iterable[Made], submits: Sequence[Submit], tasks: dict[str, Task]) -> list[str]:
    found: list[str] = []
    for each in made:
        times, task = count(list(submits), each.marker), tasks.get(each.task_id)
        if times > 1:
            found.append(f"task {each.task_id} ({each.lie or 'plain'}) was accepted upstream {times} times")
        if each.sandbox and times:
            found.append(f"the sandbox task {each.task_id} was sent upstream")
        if task and task.state == "success" and not each.sandbox and times != 1:
            found.append(f"task {each.task_id} succeeded and was accepted upstream {times} times")
    return found


def _lost_files(connection: Connection, tasks: dict[str, Task], folder: Path) -> list[str]:
    found: list[str] = []
    files: Counter[str] = Counter()
    for task_id, path, size, sha256 in connection.run(_FILES):
        files[task_id] += 1
        place = folder / path
        content = place.read_bytes() if place.exists() else b""
        if len(content) != size or hashlib.sha256(content).hexdigest() != sha256:
            found.append(f"a file of task {task_id} is not in storage as it was recorded")
    wrong = [task for task in tasks.values() if (files[task.id] > 0) != (task.state == "success")]
    return found + [f"task {task.id} ended {task.state} and has {files[task.id]} files" for task in wrong]


def _untold(callbacks: Sequence[Received], tasks: dict[str, Task]) -> list[str]:
    found: list[str] = []
    told: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for received in callbacks:
        body = json.loads(received.body)
        # The APIs of single makers tell by the code alone.
        state = "success" if body["code"] == 200 else "fail"
        told[body["data"]["taskId"]].append({"state": state, **body["data"]})
        if not signed(received, body["data"]["taskId"]):
            found.append(f"a callback of task {body['data']['taskId']} is not signed rightly")
    for task in tasks.values():
        if not told[task.id]:
            found.append(f"no callback told of task {task.id} ({task.state})")
        if any(data["state"] != task.state for data in told[task.id]):
            found.append(f"callbacks of task {task.id} do not all say that it ended {task.state}")
    return found


def signed(received: Received, task_id: str) -> bool:
    """Whether both signatures of a callback are those of the account's webhook key, made just now."""
    seconds, message_id = received.headers["webhook-timestamp"], received.headers["webhook-id"]
    return (
        abs(time.time() - int(seconds)) < 3600
        and received.headers["x-webhook-signature"] == compatible_signature(WEBHOOK_KEY, task_id, seconds)
        and received.headers["webhook-signature"]
        == standard_signature(WEBHOOK_KEY, message_id, seconds, received.body)
    )


def _left_behind(connection: Connection) -> list[str]:
    pins, silent, nodes, held = (int(value) for value in connection.run(_LEFT)[0])
    found = [f"{pins} pins of finished tasks are left"] if pins else []
    found += [f"{silent} attempts have no verdict"] if silent else []
    found += [f"{nodes} nodes are entered"] if nodes > 1 else []
    return found + ([f"balances still count {held} as held or unfinished"] if held else [])
