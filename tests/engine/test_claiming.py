"""Which tasks a node takes: by turns over the accounts, within their limits, at a cost that does not grow."""

import sqlite3
from typing import Any

import pytest

from souk.engine import steps
from souk.engine.steps import Beat, Claim
from souk.store import tasks
from souk.store.database import Database
from souk.store.statement import Dialect, Statement
from tests.engine.shelf import LEASE_MS, NOW, START, Shelf, by_account, shelf


def test_accounts_share_a_claim(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.enter("node")
        store.add(1, 500)
        store.add(2, 3)
        store.add(3, 100)
        assert by_account(store.claim(most=60)) == {1: 20, 2: 3, 3: 20}


def test_the_oldest_tasks_of_an_account_come_first(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.enter("node")
        store.add(1, 20)
        ids = [task.id for task in store.claim(most=5).tasks]
        assert ids == sorted(ids)
        assert max(ids) < min(task.id for task in store.claim().tasks)


def test_a_node_with_little_room_takes_from_each_account_in_turn(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.enter("node")
        for account in (1, 2, 3):
            store.add(account, 50)
        lap, taken = START, list[int]()
        for _ in range(6):
            claimed = store.claim(most=1, lap=lap)
            lap = claimed.lap
            taken += by_account(claimed)
        assert taken == [1, 2, 3, 1, 2, 3]


def test_every_account_is_reached_however_many_there_are(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.enter("node")
        for account in range(1, 101):
            store.add(account, 2)
        lap, rounds, reached = START, 0, set[int]()
        while rounds == 0 or lap.after:
            claimed = store.claim(most=64, lap=lap)
            lap = claimed.lap
            reached |= set(by_account(claimed))
            rounds += 1
        assert reached == set(range(1, 101))
        assert rounds <= 5


def rounds_until_quiet(store: Shelf, most: int = 256, enough: int = 200) -> int:
    """How often an engine would claim at once before it waits for something to happen."""
    lap, rounds, more = START, 0, True
    while more and rounds < enough:
        claimed = store.claim(most=most, lap=lap)
        lap, more = claimed.lap, claimed.more
        rounds += 1
    return rounds


def test_a_claim_tells_whether_the_end_of_a_task_makes_room_for_another(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.enter("node")
        store.add(1, 3, concurrency=4)
        assert not store.claim().full
        store.add(1, 2)
        assert store.claim().full
        assert by_account(store.claim()) == {}
        assert store.claim().full


def test_an_account_at_its_limit_is_remembered_till_the_end_of_the_way_round(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.enter("node")
        store.add(1, 2, concurrency=1)
        for account in range(2, 50):
            store.add(account, 1)
        claimed = store.claim()
        while claimed.more:
            claimed = store.claim(lap=claimed.lap)
        assert claimed.full


@pytest.mark.parametrize("accounts", [31, 32, 33, 64])
def test_claiming_rests_while_every_account_is_at_its_limit(migrated_url: str, accounts: int) -> None:
    with shelf(migrated_url) as store:
        store.enter("node")
        for account in range(1, accounts + 1):
            store.add(account, 2, concurrency=1)
        assert rounds_until_quiet(store) <= 5
        assert store.held() == accounts
        assert rounds_until_quiet(store) <= 3


def test_claiming_goes_on_as_long_as_there_is_room_and_work(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.enter("node")
        store.add(1, 700)
        for account in range(2, 42):
            store.add(account, 5)
        rounds_until_quiet(store)
        assert store.held() == 900


def test_an_account_runs_no_more_tasks_at_once_than_it_may(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.enter("node")
        store.add(1, 20, concurrency=3)
        store.add(2, 20)
        assert by_account(store.claim(concurrency=5)) == {1: 3, 2: 5}
        assert by_account(store.claim(concurrency=5)) == {}


def test_two_processes_that_claim_at_once_keep_an_accounts_limit_between_them(
    migrated_postgres_url: str,
) -> None:
    with shelf(migrated_postgres_url) as one, shelf(migrated_postgres_url) as two:
        one.enter("one")
        two.enter("two")
        one.add(1, 20, concurrency=5)
        one.connection.begin()
        first = steps.CLAIM.handle(one.connection, [Claim("one", 256, NOW, START, 0)])
        # The other process decides before the first has committed.
        second = two.claim("two")
        one.connection.commit()
        third = two.claim("two")
        taken = [
            len(claimed.tasks) for claimed in (*first, second, third) if not isinstance(claimed, Exception)
        ]
        assert sum(taken) == 5


def test_tasks_that_are_not_due_yet_wait(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.enter("node")
        store.add(1, 3)
        store.connection.run(Statement("UPDATE tasks SET due_at = :at"), {"at": NOW + 5000})
        assert not store.claim().tasks
        assert len(store.claim(now=NOW + 5000).tasks) == 3


def test_a_node_that_was_declared_dead_claims_nothing(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.enter("node")
        store.enter("other")
        store.add(1, 10)
        assert len(store.claim(most=4).tasks) == 4
        store.connection.run(Statement("UPDATE nodes SET lease_until = 0 WHERE id = 'node'"))
        store.connection.begin()
        pulse = steps.BEAT.handle(store.connection, [Beat("other", NOW, NOW + LEASE_MS)])[0]
        store.connection.commit()
        assert not isinstance(pulse, Exception)
        assert pulse.freed
        assert store.held() == 0
        assert not store.claim("node").tasks, "what it took now, nobody would ever take over"
        assert len(store.claim("other").tasks) == 10


def test_the_same_slot_taken_again_frees_its_tasks_at_once(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.enter("node", slot="slot-0")
        store.enter("neighbour", slot="slot-1")
        store.add(1, 6)
        store.claim("node", most=3)
        store.claim("neighbour", most=3)
        store.enter("heir", slot="slot-0")
        assert (store.held("node"), store.held("neighbour")) == (0, 3)
        assert len(store.claim("heir").tasks) == 3


def test_a_claim_costs_no_more_when_a_hundred_times_as_many_tasks_lie_there(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        store.enter("node")
        store.add(1, 100)
        store.add(2, 100, state="success")
        few = _cost(migrated_url)
        store.add(1, 9_900)
        store.add(2, 9_900, state="success")
        many = _cost(migrated_url)
    assert many < 2 * few, f"{few} became {many}"


def _cost(url: str) -> int:
    """What one claim of 20 tasks costs, undone afterwards: SQLite's steps, or PostgreSQL's pages."""
    database = Database(url)
    connection = database.connect()
    try:
        if database.dialect is Dialect.SQLITE:
            return _sqlite_steps(connection)
        connection.run(Statement("ANALYZE"))
        return _postgres_pages(connection)
    finally:
        connection.close()


def _sqlite_steps(connection: Any) -> int:
    steps_taken = 0

    def count() -> int:
        nonlocal steps_taken
        steps_taken += 1
        return 0

    raw: sqlite3.Connection = connection._raw
    connection.begin()
    raw.set_progress_handler(count, 10)
    steps.CLAIM.handle(connection, [Claim("node", 20, NOW, START, 100)])
    raw.set_progress_handler(None, 0)
    connection.rollback()
    return steps_taken


def _postgres_pages(connection: Any) -> int:
    claim = {"account_id": 1, "owner": "node", "most": 20, "now": NOW}
    total = 0
    for statement, params in (
        (tasks._ACCOUNTS_WITH_WORK, {"after": 0, "most": 32}),
        (tasks._RUNNING, {"account_id": 1, "cap": 100}),
        (tasks._CLAIM, claim),
    ):
        explain = Statement(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.text}")
        connection.begin()
        plan = connection.run(explain, params)[0][0][0]["Plan"]
        connection.rollback()
        total += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return total


def test_a_heartbeat_hears_of_cancels_without_reading_all_leases(migrated_url: str) -> None:
    asked = Statement("UPDATE tasks SET cancel_at = 1 WHERE id = (SELECT max(id) FROM tasks)")
    with shelf(migrated_url) as store:
        store.add(1, 400)
        store.enter("node")
        store.claim(most=400)
        assert tasks.cancelling(store.connection, "node") == []
        store.connection.run(asked)
        store.connection.run(Statement("ANALYZE"))
        assert len(tasks.cancelling(store.connection, "node")) == 1
        explain = "EXPLAIN QUERY PLAN" if store.connection.dialect is Dialect.SQLITE else "EXPLAIN"
        plan = store.connection.run(Statement(f"{explain} {tasks._CANCELLING.text}"), {"owner": "node"})
        assert "ix_tasks_cancelling" in str(plan)
