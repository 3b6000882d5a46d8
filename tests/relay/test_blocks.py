"""Whatever becomes of a block of credits and its process, it is closed once and nobody is overcharged."""

import asyncio

import pytest

from souk.accounts.blocks import GREED
from souk.relay import meter as metering
from souk.relay.meter import FLUSH_SECONDS, IDLE_MS, LEASE_MS, OLDEST_MS
from souk.store import dump, retention
from souk.store.database import Database
from souk.store.statement import Statement
from tests.relay.metering import Shop, admit, shop

LEASE = LEASE_MS / 1000 + 1


async def test_what_was_spent_is_written_down_at_the_next_beat(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 100)).settle(30)
        assert [spent for _, spent in till.blocks()] == [0]
        await meter.beat()
        assert [spent for _, spent in till.blocks()] == [30]
        assert till.problems() == []


async def test_an_idle_block_is_given_back(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 100)).settle(30)
        await meter.beat()
        till.pass_time(IDLE_MS / 1000)
        await meter.beat()
        assert till.blocks() == []
        assert till.balance() == (970, 0)


async def test_a_running_request_keeps_its_credits_however_long_it_takes(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter, other = till.process(), till.process("two#1")
        ticket = await admit(meter, 100)
        for _ in range(600):
            till.pass_time(FLUSH_SECONDS)
            await meter.beat()
            await other.beat()
        ticket.settle(80)
        await meter.close()
        assert till.balance() == (920, 0)
        assert till.problems() == []


async def test_an_old_block_is_exchanged_and_its_cost_captured(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 100)).settle(30)
        running = await admit(meter, 100)
        till.pass_time(OLDEST_MS / 1000)
        await meter.beat()
        assert ("capture", 30) in [entry[:2] for entry in till.entries()]
        running.settle(50)
        await meter.close()
        assert till.balance() == (920, 0)
        assert till.counted() == (80, 80, 80)


async def test_a_kill_costs_the_user_no_more_than_what_was_written_down(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        killed = till.process()
        (await admit(killed, 100)).settle(30)
        await killed.beat()
        (await admit(killed, 100)).settle(40)
        heir = till.process("two#1")
        await heir.beat()
        assert len(till.blocks()) == 1, "its lease has not run out"
        till.pass_time(LEASE)
        await heir.beat()
        assert till.blocks() == []
        assert till.balance() == (970, 0)
        assert till.problems() == []


async def test_the_next_life_of_a_slot_closes_what_the_last_one_left_at_once(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        await admit(till.process("one#1", slot="one#"), 100)
        await admit(till.process("one-more#1", slot="one-more#"), 100)
        await till.process("one#2", slot="one#").beat()
        assert len(till.blocks()) == 1
        assert till.problems() == []


async def test_a_block_closed_by_others_is_not_charged_again(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        slow, sweeper = till.process(), till.process("two#1")
        (await admit(slow, 100)).settle(30)
        await slow.beat()
        (await admit(slow, 100)).settle(40)
        till.pass_time(LEASE)
        await sweeper.beat()
        assert till.balance() == (970, 0)
        await slow.beat()
        assert till.balance() == (970, 0)
        (await admit(slow, 100)).settle(5)
        await slow.close()
        assert till.balance() == (965, 0)
        assert till.problems() == []


async def test_a_request_outlives_the_block_it_began_on(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        slow, sweeper = till.process(), till.process("two#1")
        running = await admit(slow, 100)
        till.pass_time(LEASE)
        await sweeper.beat()
        await slow.beat()
        running.settle(60)
        await slow.close()
        assert till.balance() == (940, 0)


async def test_what_no_block_can_cover_any_more_is_the_operators_loss(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        slow, sweeper = till.process(), till.process("two#1")
        running = await admit(slow, 600)
        till.pass_time(LEASE)
        await sweeper.beat()
        (await admit(sweeper, 1000)).settle(1000)
        await slow.beat()
        running.settle(600)
        await slow.beat()
        await slow.close()
        await sweeper.close()
        assert till.balance() == (0, 0)
        assert till.problems() == []


async def test_a_process_that_was_stopped_renews_its_block_if_nobody_took_it(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 100)).settle(30)
        running = await admit(meter, 50)
        till.pass_time(LEASE)
        await meter.beat()
        await till.process("two#1").beat()
        running.settle(20)
        await meter.close()
        assert till.balance() == (950, 0)


async def test_two_processes_share_one_purse(migrated_postgres_url: str) -> None:
    async with shop(migrated_postgres_url) as till:
        one, two = till.process(), till.process("two#1")
        for _ in range(10):
            (await admit(one, 20)).settle(15)
            (await admit(two, 20)).settle(15)
        await one.close()
        await two.close()
        assert till.balance() == (700, 0)
        assert till.problems() == []


async def test_an_hours_cap_counts_a_block_in_the_hour_it_was_opened_in(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        till.key(2, hourly=100)
        meter = till.process()
        (await admit(meter, 100, key=2)).settle(100)
        till.pass_time(3600)
        (await admit(meter, 100, key=2)).settle(40)
        await meter.close()
        assert till.counted(2) == (40, 140, 140)


async def test_a_busy_key_opens_few_blocks(migrated_url: str) -> None:
    async with shop(migrated_url, credits=10_000_000) as till:
        meter = till.process()
        for _ in range(60):
            for _ in range(200):
                (await admit(meter, 300)).settle(100)
            till.pass_time(FLUSH_SECONDS)
            await meter.beat()
        opened = sum(kind == "hold" for kind, *_ in till.entries())
        assert opened <= 20
        await meter.close()
        assert till.balance() == (10_000_000 - 60 * 200 * 100, 0)


async def test_a_block_holds_only_so_much_ahead(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "MOST_AHEAD", 500)
    async with shop(migrated_url, credits=1_000_000) as till:
        meter = till.process()
        tickets = [await admit(meter, 1000) for _ in range(10)]
        held = till.balance()[1]
        assert 10_000 <= held <= 10_000 + 500
        for ticket in tickets:
            ticket.cancel()


async def test_a_key_at_work_gets_its_next_block_before_the_last_runs_out(migrated_url: str) -> None:
    async with shop(migrated_url, credits=10_000_000) as till:
        meter = till.process()
        waited = 0
        for second in range(40):
            for _ in range(100):
                before = till.lanes[0][0].stats.operations
                (await admit(meter, 300)).settle(100)
                waited += second > 5 and till.lanes[0][0].stats.operations > before
            till.pass_time(FLUSH_SECONDS)
            await meter.beat()
        assert waited == 0


async def test_requests_are_let_in_while_a_block_is_renewed(migrated_url: str) -> None:
    async with shop(migrated_url, credits=100_000) as till:
        meter = till.process()
        (await admit(meter, 100)).settle(100)
        running = await admit(meter, 100)
        till.pass_time(OLDEST_MS / 1000)
        await meter.flush()
        with till.locked():
            renewing = asyncio.create_task(meter.beat())
            for _ in range(5):  # until it has sent for credits
                await asyncio.sleep(0)
            inside = [await admit(meter, 100) for _ in range(5)]
            running.settle(100)
        await renewing
        for ticket in inside:
            ticket.settle(100)
        assert ("capture", 100) in [entry[:2] for entry in till.entries()]
        await meter.close()
        assert till.balance() == (100_000 - 700, 0)
        assert till.problems() == []


async def test_a_first_request_holds_little_ahead(migrated_url: str) -> None:
    async with shop(migrated_url, credits=1000) as till:
        await admit(till.process(), 100)
        assert till.balance() == (900 - 900 // GREED, 100 + 900 // GREED)
    async with shop(migrated_url, credits=0) as till:
        till.grant(100, account=2)
        till.key(2, account=2)
        await admit(till.process("three#1"), 80, key=2, account=2)
        assert till.balance(2) == (20 - 20 // GREED, 80 + 20 // GREED)


def change(till: Shop, text: str) -> None:
    till.run(Statement(text))


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE blocks SET amount = amount + 1",
        "UPDATE blocks SET spent = amount + 1",
        "DELETE FROM blocks",
        "UPDATE blocks SET id = 'another'",
        "UPDATE ledger SET amount = amount - 1 WHERE kind = 'hold'",
    ],
)
async def test_a_crooked_open_block_is_reported(migrated_url: str, harm: str) -> None:
    async with shop(migrated_url) as till:
        await admit(till.process(), 100)
        assert till.problems() == []
        change(till, harm)
        assert any("block" in problem for problem in till.problems())


async def test_a_crooked_closed_block_is_reported(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 100)).settle(30)
        await meter.close()
        change(till, "UPDATE ledger SET amount = amount + 1 WHERE kind = 'capture'")
        assert any("block" in problem for problem in till.problems())


async def test_closed_blocks_fold_and_open_ones_stay(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 100)).settle(30)
        await meter.close()
        await admit(till.process("two#1"), 100)
        before = till.balance()
        connection = Database(migrated_url).connect()
        try:
            now = till.clock.now()
            folding = retention.folding(connection, now + 1, now)
            assert retention.fold_ledger(connection, folding, after=0, most=1000)[0] == 3
        finally:
            connection.close()
        assert till.balance() == before
        assert [kind for kind, *_ in till.entries()] == ["hold"]
        assert till.problems() == []


async def test_blocks_of_a_restored_store_are_closed_at_the_first_look(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 100)).settle(30)
        await meter.beat()
        connection = Database(migrated_url).connect()
        try:
            rows = [row for page in dump.read_table(connection, "blocks") for row in page]
            connection.run(Statement("DELETE FROM blocks"))
            dump.write_rows(connection, "blocks", rows)
        finally:
            connection.close()
        await till.process("two#1").beat()
        assert till.blocks() == []
        assert till.balance() == (970, 0)
