"""What chat costs a connection counts against its daily cap, in every process, with one write a second."""

import asyncio

import pytest

from souk.providers.base import Connection
from souk.store.connections import DAY_MS
from souk.store.database import Database, DatabaseError
from souk.store.statement import Statement
from tests.relay.metering import Shop, admit, shop

CAPPED = Connection(name="one", provider="openai", daily_cap=100)
OPEN = Connection(name="two", provider="openai")
_WAITING = Statement("SELECT count(*) FROM pg_locks WHERE NOT granted")
_SPENT = Statement("SELECT name, spent FROM connections ORDER BY name")


def spent(till: Shop) -> list[tuple[int, ...]]:
    return till.run(_SPENT)


def day_left(till: Shop) -> float:
    return (DAY_MS - till.clock.now() % DAY_MS) / 1000


async def test_what_requests_cost_is_written_once_for_all_of_them(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        for cost in (10, 20, 30):
            meter.expenses.add("one", cost)
        meter.expenses.add("two", 5)
        assert spent(till) == []
        await meter.beat()
        assert spent(till) == [("one", 60), ("two", 5)]
        await meter.beat()
        assert spent(till) == [("one", 60), ("two", 5)]
        await meter.close()


async def test_connection_is_capped_at_once_where_it_was_used_up(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        expenses = till.process().expenses
        expenses.add("one", 99)
        assert await expenses.capped(CAPPED) == 0
        expenses.add("one", 1)
        assert await expenses.capped(CAPPED) == day_left(till)
        assert await expenses.capped(OPEN) == 0
        await expenses.close()


async def test_other_processes_know_within_two_seconds(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        one, other = till.process("one#1"), till.process("other#1")
        assert await other.expenses.capped(CAPPED) == 0
        one.expenses.add("one", 100)
        await one.beat()
        till.pass_time(1)
        assert await other.expenses.capped(CAPPED) == day_left(till)
        for meter in (one, other):
            await meter.close()


async def test_next_day_takes_requests_again(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        meter.expenses.add("one", 100)
        await meter.beat()
        till.pass_time(day_left(till))
        assert await meter.expenses.capped(CAPPED) == 0
        await meter.close()


async def test_closing_writes_down_the_rest(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 100)).settle(30)
        meter.expenses.add("one", 30)
        await meter.close()
        assert spent(till) == [("one", 30)]


async def test_writing_that_is_under_way_when_the_process_closes_counts_once(
    migrated_postgres_url: str,
) -> None:
    async with shop(migrated_postgres_url) as till:
        meter = till.process()
        meter.expenses.add("one", 30)
        holder = Database(migrated_postgres_url).connect()
        holder.begin()
        holder.run(Statement("LOCK TABLE connections IN EXCLUSIVE MODE"))
        meter.start()
        async with asyncio.timeout(30):
            while till.run(_WAITING) == [(0,)]:  # noqa: ASYNC110 - the database tells of it to those who ask
                await asyncio.sleep(0.02)
        meter.expenses.add("one", 5)
        closing = asyncio.create_task(meter.close())
        await asyncio.sleep(0.05)
        holder.rollback()
        holder.close()
        await closing
        assert spent(till) == [("one", 35)]


async def test_what_could_not_be_written_is_written_later(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        expenses = till.process().expenses
        till.run(Statement("ALTER TABLE connections RENAME TO away"))
        expenses.add("one", 30)
        with pytest.raises(DatabaseError):
            await expenses.flush()
        expenses.add("one", 5)
        till.run(Statement("ALTER TABLE away RENAME TO connections"))
        await expenses.flush()
        assert spent(till) == [("one", 35)]
