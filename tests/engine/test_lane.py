"""The write lane against databases that deadlock, stay busy, break off and forget to answer."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from souk.store import database as databases
from souk.store import lane as lanes
from souk.store.database import Conflict, Connection, Database, DatabaseError
from souk.store.lane import Busy, GaveUp, Kind, Lane
from souk.store.statement import Statement
from tests.upstreams.cable import Cable, cable

_NOTE = Statement("INSERT INTO audit (at, actor, action, subject) VALUES (1, 'test', 'note', :word)")
_NOTED = Statement("SELECT subject FROM audit ORDER BY id")
_PID = Statement("SELECT pg_backend_pid()")


def _note(connection: Connection, words: Sequence[str]) -> list[str]:
    for word in words:
        connection.run(_NOTE, {"word": word})
    return [word.upper() for word in words]


NOTE: Kind[str, str] = Kind("note", 10, _note)


def noting(then: Callable[[Connection], None]) -> Kind[str, str]:
    """Notes words; the first time, something happens before the commit."""
    once = [then]

    def handle(connection: Connection, words: Sequence[str]) -> list[str]:
        answers = _note(connection, words)
        if once:
            once.pop()(connection)
        return answers

    return Kind("note", 10, handle)


def noted(url: str) -> list[str]:
    connection = Database(url).connect()
    try:
        return [row[0] for row in connection.run(_NOTED)]
    finally:
        connection.close()


@asynccontextmanager
async def open_lane(url: str, name: str = "lane", *, limit: int = 4096) -> AsyncIterator[Lane]:
    lane = Lane(Database(url), name, limit=limit)
    lane.start()
    try:
        yield lane
    finally:
        await asyncio.to_thread(lane.close)


@pytest.fixture
def wire(migrated_postgres_url: str) -> Iterator[Cable]:
    with cable(migrated_postgres_url) as laid:
        yield laid


async def test_what_waits_is_committed_together(migrated_url: str) -> None:
    async with open_lane(migrated_url) as lane:
        words = [f"word-{number}" for number in range(300)]
        answers = await asyncio.gather(*(lane.write(NOTE, word) for word in words))
        assert answers == [word.upper() for word in words]
        assert noted(migrated_url) == words
        assert lane.stats.batches < 30


async def test_what_comes_in_one_turn_of_the_loop_is_committed_together(migrated_url: str) -> None:
    async def busy(word: str) -> str:
        until = time.perf_counter() + 0.002
        while time.perf_counter() < until:
            pass
        return await lane.write(NOTE, word)

    async with open_lane(migrated_url) as lane:
        await asyncio.gather(*(busy(f"word-{number}") for number in range(30)))
        assert lane.stats.batches <= 2


async def test_what_came_in_the_turn_that_closes_the_lane_is_committed(migrated_url: str) -> None:
    async with open_lane(migrated_url) as lane:
        last = lane.put(NOTE, "last")
        assert lane.depth == 1
        lane.close()
        assert await last == "LAST"
    assert noted(migrated_url) == ["last"]


async def test_one_bad_operation_fails_alone(migrated_url: str) -> None:
    def handle(connection: Connection, words: Sequence[str]) -> list[str]:
        if "bad" in words:
            connection.run(_NOTE, {"word": None})  # a constraint refuses it, and the transaction with it
        return _note(connection, words)

    picky: Kind[str, str] = Kind("note", 10, handle)
    async with open_lane(migrated_url) as lane:
        words = [*(f"a{number}" for number in range(40)), "bad", *(f"b{number}" for number in range(40))]
        answers = await asyncio.gather(*(lane.write(picky, word) for word in words), return_exceptions=True)
        refused = [word for word, answer in zip(words, answers, strict=True) if isinstance(answer, Exception)]
        assert refused == ["bad"]
        assert isinstance(answers[40], Conflict)
        assert sorted(noted(migrated_url)) == sorted(word for word in words if word != "bad")


async def test_an_answer_that_is_an_error_reaches_its_caller_alone_and_undoes_nothing(
    migrated_url: str,
) -> None:
    def handle(connection: Connection, words: Sequence[str]) -> list[str | Exception]:
        answers: list[str | Exception] = [*_note(connection, words)]
        return [KeyError(word) if word == "no" else said for word, said in zip(words, answers, strict=True)]

    polite: Kind[str, str] = Kind("note", 10, handle)
    async with open_lane(migrated_url) as lane:
        answers = await asyncio.gather(
            *(lane.write(polite, word) for word in ("yes", "no", "yes")), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [str, KeyError, str]
        assert noted(migrated_url) == ["yes", "no", "yes"]


async def test_more_than_the_lane_takes_is_refused_and_not_queued(migrated_url: str) -> None:
    gate = threading.Event()

    def wait(_connection: Connection) -> None:
        gate.wait(10)

    slow = noting(wait)
    async with open_lane(migrated_url, limit=3) as lane:
        first = asyncio.create_task(lane.write(slow, "first"))
        await asyncio.sleep(0.05)
        waiting = [asyncio.create_task(lane.write(NOTE, f"w{number}", bounded=True)) for number in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(Busy):
            await lane.write(NOTE, "too many", bounded=True)
        gate.set()
        await asyncio.gather(first, *waiting)
        assert noted(migrated_url) == ["first", "w0", "w1", "w2"]


async def test_closing_commits_what_waits(migrated_url: str) -> None:
    async with open_lane(migrated_url) as lane:
        waiting = [asyncio.create_task(lane.write(NOTE, f"w{number}")) for number in range(50)]
        await asyncio.sleep(0)
    assert len(await asyncio.gather(*waiting)) == len(noted(migrated_url)) == 50


async def test_a_closed_lane_refuses(migrated_url: str) -> None:
    async with open_lane(migrated_url) as lane:
        pass
    with pytest.raises(DatabaseError):
        await lane.write(NOTE, "late")


# --- SQLite ----------------------------------------------------------------------------------------


async def test_a_busy_sqlite_is_waited_for(sqlite_copy: str) -> None:
    other = sqlite3.connect(Database(sqlite_copy).path, isolation_level=None, check_same_thread=False)
    async with open_lane(sqlite_copy) as lane:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(lane.write(NOTE, "patient"))
        await asyncio.sleep(0.3)
        assert not writing.done()
        other.execute("COMMIT")
        assert await writing == "PATIENT"
    other.close()


async def test_a_sqlite_that_stays_busy_fails_every_caller_in_one_go(
    sqlite_copy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "SQLITE_BUSY_SECONDS", 0.01)
    monkeypatch.setattr(lanes, "RETRY_SECONDS", 0.001)
    other = sqlite3.connect(Database(sqlite_copy).path, isolation_level=None)
    async with open_lane(sqlite_copy) as lane:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        writing = [lane.write(NOTE, f"w{number}") for number in range(64)]
        answers = await asyncio.gather(*writing, return_exceptions=True)
        assert {type(answer) for answer in answers} == {GaveUp}
        assert time.monotonic() - started < 5, "the batch was halved although no operation was at fault"
        other.execute("COMMIT")
        assert await lane.write(NOTE, "again") == "AGAIN"
    other.close()
    assert noted(sqlite_copy) == ["again"]


@pytest.fixture
def sqlite_copy(tmp_path: Path, sqlite_template: Path) -> str:
    target = tmp_path / "souk.db"
    target.write_bytes(sqlite_template.read_bytes())
    return databases.sqlite_url(target)


# --- PostgreSQL ------------------------------------------------------------------------------------


async def test_a_backend_ended_in_the_middle_of_a_batch_makes_it_run_again(
    migrated_postgres_url: str,
) -> None:
    def end_it(connection: Connection) -> None:
        pid = connection.run(_PID)[0][0]
        with psycopg.connect(migrated_postgres_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", (pid,))

    async with open_lane(migrated_postgres_url) as lane:
        words = [f"w{number}" for number in range(20)]
        kind = noting(end_it)
        assert await asyncio.gather(*(lane.write(kind, word) for word in words)) == [
            word.upper() for word in words
        ]
        assert sorted(noted(migrated_postgres_url)) == sorted(words)
        assert lane.stats.retries == 1


async def test_an_idle_backend_that_was_ended_is_replaced(migrated_postgres_url: str) -> None:
    async with open_lane(migrated_postgres_url) as lane:
        await lane.write(NOTE, "before")
        with psycopg.connect(migrated_postgres_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert await lane.write(NOTE, "after") == "AFTER"
    assert noted(migrated_postgres_url) == ["before", "after"]


async def test_a_commit_whose_answer_was_lost_is_not_run_again(
    wire: Cable, migrated_postgres_url: str
) -> None:
    async with open_lane(wire.url) as lane:
        await lane.write(NOTE, "first")
        kind = noting(lambda _: wire.cut_when_committed())
        answers = await asyncio.gather(*(lane.write(kind, f"w{number}") for number in range(10)))
        assert answers == [f"W{number}" for number in range(10)]
        assert wire.cuts == 1
    assert sorted(noted(migrated_postgres_url)) == sorted(["first", *(f"w{number}" for number in range(10))])


@pytest.mark.parametrize("batches_before", [0, 3])
async def test_a_commit_still_on_its_way_when_the_lane_is_back_is_waited_for(
    wire: Cable, migrated_postgres_url: str, batches_before: int
) -> None:
    async with open_lane(wire.url) as lane:
        for number in range(batches_before):
            await lane.write(NOTE, f"before-{number}")
        kind = noting(lambda _: wire.deliver_late(0.7))
        assert await lane.write(kind, "once") == "ONCE"
        assert wire.cuts == 1
    assert noted(migrated_postgres_url).count("once") == 1


async def test_a_cut_before_the_commit_makes_the_batch_run_again(
    wire: Cable, migrated_postgres_url: str
) -> None:
    async with open_lane(wire.url) as lane:
        kind = noting(lambda _: wire.cut())
        assert await lane.write(kind, "once") == "ONCE"
    assert noted(migrated_postgres_url) == ["once"]


async def test_a_server_that_is_away_for_a_while_is_waited_for(
    wire: Cable, migrated_postgres_url: str
) -> None:
    async with open_lane(wire.url) as lane:
        wire.down = True
        wire.cut()
        writing = asyncio.create_task(lane.write(NOTE, "patient"))
        await asyncio.sleep(0.8)
        assert not writing.done()
        wire.down = False
        assert await writing == "PATIENT"
    assert noted(migrated_postgres_url) == ["patient"]


async def test_a_lane_can_be_closed_while_the_server_is_away(wire: Cable) -> None:
    async with open_lane(wire.url) as lane:
        wire.down = True
        wire.cut()
        writing = asyncio.create_task(lane.write(NOTE, "lost"))
        await asyncio.sleep(0.2)
        await asyncio.wait_for(asyncio.to_thread(lane.close), 10)
        with pytest.raises(GaveUp):
            await writing


async def test_a_deadlock_is_run_again(migrated_postgres_url: str) -> None:
    connection = Database(migrated_postgres_url).connect()
    for word in ("one", "two"):
        connection.run(_NOTE, {"word": word})
    connection.close()
    meeting = threading.Barrier(2)
    touch = Statement("UPDATE audit SET detail = detail || :mark WHERE subject = :word")

    def crossing(first: str, second: str) -> Kind[str, None]:
        meetings = [meeting]

        def handle(connection: Connection, marks: Sequence[str]) -> list[None]:
            for mark in marks:
                connection.run(touch, {"word": first, "mark": mark})
                if meetings:
                    meetings.pop().wait(10)
                connection.run(touch, {"word": second, "mark": mark})
            return [None] * len(marks)

        return Kind("cross", 10, handle)

    async with open_lane(migrated_postgres_url, "a") as a, open_lane(migrated_postgres_url, "b") as b:
        await asyncio.gather(a.write(crossing("one", "two"), "a"), b.write(crossing("two", "one"), "b"))
        assert a.stats.retries + b.stats.retries == 1
    check = Database(migrated_postgres_url).connect()
    details = [row[0] for row in check.run(Statement("SELECT detail FROM audit"))]
    check.close()
    assert [sorted(detail) for detail in details] == [sorted("{}ab")] * 2


async def test_a_transaction_whose_process_sleeps_does_not_hold_up_others_for_ever(
    migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_STALLED", "SET idle_in_transaction_session_timeout = '300ms'")
    lock = Statement("UPDATE meta SET value = :word WHERE key = 'test'")
    connection = Database(migrated_postgres_url).connect()
    connection.run(Statement("INSERT INTO meta (key, value) VALUES ('test', '')"))
    connection.close()

    def take(then: Callable[[], None]) -> Kind[str, None]:
        once = [then]

        def handle(connection: Connection, words: Sequence[str]) -> list[None]:
            for word in words:
                connection.run(lock, {"word": word})
            if once:
                once.pop()()
            return [None] * len(words)

        return Kind("take", 10, handle)

    async with open_lane(migrated_postgres_url, "a") as a, open_lane(migrated_postgres_url, "b") as b:
        asleep = asyncio.create_task(a.write(take(lambda: time.sleep(1.5)), "sleeper"))
        await asyncio.sleep(0.2)
        await asyncio.wait_for(b.write(take(lambda: None), "other"), 1)
        await asleep
        assert a.stats.retries == 1


async def test_a_write_that_meets_the_end_is_refused_rather_than_forgotten(migrated_url: str) -> None:
    lane = Lane(Database(migrated_url), "lane")
    lane.start()

    class Late:
        """Whoever comes for the lock first finds that the lane was closed meanwhile."""

        def __init__(self) -> None:
            self.lock, self.first = threading.Lock(), True

        def __enter__(self) -> None:
            if self.first:
                self.first = False
                closing = threading.Thread(target=lane.close)
                closing.start()
                closing.join()
            self.lock.acquire()

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    lane._handing = Late()  # type: ignore[assignment] - only entered and left
    with pytest.raises(DatabaseError, match="closed"):
        await asyncio.wait_for(lane.write(NOTE, "late"), 5)
