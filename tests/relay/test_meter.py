"""Chat requests are let in against credits their key holds, and charged what they cost."""

import asyncio

import pytest

from souk.operations.types import Reason, Refusal
from souk.relay.block import Ticket
from souk.relay.meter import Meter
from tests.relay.metering import admit, shop


async def refusal(meter: Meter, bound: int, key: int = 1) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await admit(meter, bound, key)
    return refused.value


async def test_a_request_is_charged_what_it_cost(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        ticket = await admit(meter, 100)
        ticket.settle(30)
        await meter.close()
        assert till.balance() == (970, 0)
        assert till.problems() == []


async def test_a_cancelled_request_costs_nothing(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 100)).cancel()
        await meter.close()
        assert till.balance() == (1000, 0)
        assert till.entries()[-1][0] == "release"


async def test_a_ticket_ends_once(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        ticket = await admit(meter, 100)
        ticket.settle(30)
        ticket.settle(50)
        ticket.cancel()
        await meter.close()
        assert till.balance() == (970, 0)


async def test_no_request_is_charged_more_than_its_bound(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 100)).settle(500)
        await meter.close()
        assert till.balance() == (900, 0)


async def test_what_costs_nothing_touches_no_database(migrated_url: str) -> None:
    async with shop(migrated_url, credits=0) as till:
        ticket = await admit(till.process(), 0)
        ticket.settle(0)
        assert till.lanes[0][0].stats.operations == 0


async def test_a_key_with_room_is_served_without_a_write(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 100)).settle(1)
        before = till.lanes[0][0].stats.operations
        for _ in range(50):
            (await admit(meter, 100)).settle(1)
        assert till.lanes[0][0].stats.operations == before


async def test_credits_that_do_not_reach_are_refused(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        refused = await refusal(meter, 1001)
        assert refused.reason is Reason.INSUFFICIENT_CREDITS
        assert "0.1 are available" in refused.message
        assert till.blocks() == []


async def test_an_account_without_any_credits_is_told_so(migrated_url: str) -> None:
    async with shop(migrated_url, credits=0) as till:
        till.key()
        assert (await refusal(till.process(), 1)).reason is Reason.INSUFFICIENT_CREDITS


@pytest.mark.parametrize("cap", ["hourly", "daily", "total"])
async def test_a_keys_cap_is_kept_and_named(migrated_url: str, cap: str) -> None:
    async with shop(migrated_url) as till:
        till.key(2, **{cap: 150})
        meter = till.process()
        (await admit(meter, 100, key=2)).settle(100)
        refused = await refusal(meter, 51, key=2)
        assert (refused.reason, cap in refused.message) == (Reason.KEY_CAP, True)
        (await admit(meter, 50, key=2)).settle(50)
        await meter.close()
        assert till.counted(2) == (150, 150, 150)


async def test_a_key_that_is_gone_is_refused(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        assert (await refusal(till.process(), 1, key=9)).reason is Reason.UNAUTHORIZED


async def test_of_a_crowd_as_many_get_in_as_the_credits_allow(migrated_url: str) -> None:
    async with shop(migrated_url, credits=100) as till:
        meter = till.process()
        answers = await asyncio.gather(*(admit(meter, 1) for _ in range(1000)), return_exceptions=True)
        tickets = [answer for answer in answers if isinstance(answer, Ticket)]
        assert len(tickets) == 100
        assert till.balance() == (0, 100)
        assert till.lanes[0][0].stats.operations < 10, "they shared their writes"
        for ticket in tickets:
            ticket.settle(1)
        await meter.close()
        assert till.balance() == (0, 0)
        assert till.problems() == []


async def test_a_request_that_is_turned_away_leaves_the_smaller_ones_in(migrated_url: str) -> None:
    async with shop(migrated_url, credits=100) as till:
        meter = till.process()
        answers = await asyncio.gather(
            *(admit(meter, bound) for bound in (60, 500, 30, 10)), return_exceptions=True
        )
        assert [isinstance(answer, Ticket) for answer in answers] == [True, False, True, True]


async def test_who_stops_waiting_leaves_nothing_reserved(migrated_url: str) -> None:
    async with shop(migrated_url, credits=100) as till:
        meter = till.process()
        impatient = asyncio.create_task(admit(meter, 100))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait([impatient])
        (await admit(meter, 100)).cancel()


@pytest.mark.parametrize("turns", range(8))
async def test_who_leaves_just_as_the_credits_come_leaves_nothing_reserved(
    migrated_url: str, turns: int
) -> None:
    async with shop(migrated_url, credits=100) as till:
        meter = till.process()
        impatient = asyncio.create_task(admit(meter, 100))
        while till.lanes[0][0].stats.operations == 0:  # noqa: ASYNC110 - counted in another thread
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        if impatient.done():
            impatient.result().cancel()
        impatient.cancel()
        await asyncio.wait([impatient])
        (await admit(meter, 100)).cancel()


async def test_a_keys_idle_credits_serve_the_accounts_other_keys(migrated_url: str) -> None:
    async with shop(migrated_url, credits=100) as till:
        till.key(2)
        meter = till.process()
        (await admit(meter, 80)).settle(5)
        (await admit(meter, 90, key=2)).settle(90)
        await meter.close()
        assert till.balance() == (5, 0)


async def test_a_busy_key_keeps_only_what_it_uses_when_credits_run_short(migrated_url: str) -> None:
    async with shop(migrated_url, credits=1000) as till:
        till.key(2)
        meter = till.process()
        (await admit(meter, 600)).settle(100)
        running = await admit(meter, 100)
        other = await admit(meter, 800, key=2)
        running.settle(70)
        other.settle(800)
        await meter.close()
        assert till.balance() == (30, 0)
        assert till.problems() == []


async def test_what_is_held_ahead_leaves_credits_for_others(migrated_url: str) -> None:
    async with shop(migrated_url, credits=1000) as till:
        meter = till.process()
        for _ in range(20):
            (await admit(meter, 10)).settle(10)
            till.pass_time(0.1)
            await meter.beat()
        assert till.balance()[0] >= 800 * 3 // 4


async def test_blocks_are_no_unfinished_tasks(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 10)).settle(10)
        assert till.unfinished() == 0
        await meter.close()
        assert till.unfinished() == 0


async def test_a_stopped_meter_lets_nobody_in(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        await meter.close()
        assert (await refusal(meter, 1)).reason is Reason.BUSY


async def test_what_ends_while_credits_are_fetched_is_charged_all_the_same(migrated_url: str) -> None:
    async with shop(migrated_url) as till:
        meter = till.process()
        (await admit(meter, 100)).settle(7)
        running = await admit(meter, 100)
        more = asyncio.create_task(admit(meter, 500))
        for _ in range(3):  # until it has sent for credits
            await asyncio.sleep(0)
        running.settle(60)
        assert not more.done()
        (await more).cancel()
        await meter.close()
        assert till.balance() == (933, 0)
