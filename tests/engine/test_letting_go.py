"""Deleting tasks beside everything else: in steps that stay small, and never one that a create builds on just now."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from souk.engine.retention import DELETE_TASKS, DROP_MARKS, FORGET_KEYS, Forget, Lapsed
from souk.ids import oldest_id_at
from souk.operations.changes import DELETE
from souk.store import pins, retention
from souk.store.database import Connection, Database
from souk.store.lane import KEPT_MARK_MS, Kind, Lane
from souk.store.statement import Statement
from souk.words import Millis
from tests.engine.shelf import NOW, Shelf, shelf

LATER = NOW + 1000
END = oldest_id_at(Millis(LATER))
_IDS = Statement("SELECT id FROM tasks ORDER BY id")
_KEEP = Statement("UPDATE tasks SET keep = 1 WHERE id <= :id")


def ids(store: Shelf) -> list[str]:
    return [row[0] for row in store.connection.run(_IDS)]


def done(connection: Connection, kind: Kind[Any, Any], op: Any) -> Any:
    connection.begin()
    answer = kind.handle(connection, [op])[0]
    connection.commit()
    return answer


def test_tasks_that_stay_are_passed_over_in_steps(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.add(1, 10, state="success")
        every = ids(store)
        store.connection.run(_KEEP, {"id": every[4]})
        assert retention.old_tasks(store.connection, "", END, LATER, 4) == ([], every[3])
        found, after = retention.old_tasks(store.connection, every[3], END, LATER, 4)
        assert (found, after) == (every[5:8], every[7])
        assert retention.old_tasks(store.connection, every[7], END, LATER, 4) == (every[8:], None)


def test_what_was_kept_since_it_was_looked_for_stays(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.add(1, 3, state="success")
        every = ids(store)
        store.connection.run(_KEEP, {"id": every[0]})
        assert done(store.connection, DELETE_TASKS, Lapsed(every, LATER)) == 2
        assert ids(store) == every[:1]


@pytest.mark.parametrize(
    "delete",
    [
        lambda connection, task: done(connection, DELETE_TASKS, Lapsed([task], LATER)),
        lambda connection, task: done(connection, DELETE, task),
    ],
    ids=["sweep", "client"],
)
def test_a_task_that_a_create_builds_on_at_this_moment_stays(
    migrated_postgres_url: str, delete: Callable[[Connection, str], Any]
) -> None:
    other = Database(migrated_postgres_url).connect()
    with shelf(migrated_postgres_url) as store:
        store.add(1, 1, state="success")
        [parent] = ids(store)
        store.connection.begin()
        assert not pins.missing(store.connection, [parent], Millis(LATER))
        deleting = threading.Thread(target=delete, args=(other, parent))
        deleting.start()
        deleting.join(0.3)
        assert deleting.is_alive(), "it waits for the create to be decided"
        pins.insert(store.connection, [("child", parent)])
        store.connection.commit()
        deleting.join(10)
        assert ids(store) == [parent]
    other.close()


def test_old_keys_are_forgotten_in_steps(migrated_url: str) -> None:
    insert = Statement(
        "INSERT INTO idempotency (account_id, operation, key, body_hash, task_id, created_at) "
        "VALUES (1, 'jobs', :key, '', '', :at)"
    )
    with shelf(migrated_url) as store:
        for number in range(5):
            store.connection.run(insert, {"key": f"key-{number}", "at": NOW + number})
        steps = [done(store.connection, FORGET_KEYS, Forget(NOW + 3, 2)) for _ in range(3)]
        assert steps == [2, 1, 0]


def test_marks_of_lanes_that_are_long_gone_are_dropped(migrated_url: str) -> None:
    mark = Statement("INSERT INTO lane_marks (lane, batch) VALUES (:lane, :batch)")
    with shelf(migrated_url) as store:
        store.connection.run(mark, {"lane": "killed", "batch": NOW - KEPT_MARK_MS - 1})
        store.connection.run(mark, {"lane": "idle", "batch": NOW - KEPT_MARK_MS})
        done(store.connection, DROP_MARKS, NOW)
        assert store.connection.run(Statement("SELECT lane FROM lane_marks")) == [("idle",)]


async def test_a_lane_makes_sure_of_its_mark_after_a_long_rest(migrated_postgres_url: str) -> None:
    marks = Statement("SELECT lane FROM lane_marks")
    seen: list[Any] = []

    def look(_: Connection, ops: Sequence[None]) -> list[None]:
        other = Database(migrated_postgres_url).connect()
        seen.extend(other.run(marks))
        other.close()
        return list(ops)

    lane = Lane(Database(migrated_postgres_url), "resting")
    lane.start()
    with shelf(migrated_postgres_url) as store:
        store.connection.run(Statement("DELETE FROM lane_marks"))
    lane._batch_number = NOW - KEPT_MARK_MS
    await lane.write(Kind("look", 1, look), None)
    await asyncio.to_thread(lane.close)
    assert seen == [("resting",)], "a row to wait at, before the first batch is under way"
