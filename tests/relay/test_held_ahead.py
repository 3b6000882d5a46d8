"""Credits that chat holds ahead are the account's own: balances show them, and tasks can have them."""

from pathlib import Path

import pytest

from souk.operations.types import Draft, Reason, Refusal
from souk.words import CREDIT, Credits
from tests.engine.running import MODEL, Running, running


async def chat(souk: Running, bound: float, cost: float) -> None:
    mode = souk.house.operations.mode_of(souk.caller)
    ticket = await souk.house.meter.admit(souk.caller, mode, Credits(int(bound * CREDIT)))
    ticket.settle(Credits(int(cost * CREDIT)))


async def test_a_balance_lacks_just_what_chat_has_cost(tmp_path: Path, migrated_url: str) -> None:
    async with running(tmp_path, migrated_url, engine=False, initial_credits=10) as souk:
        await chat(souk, bound=2, cost=0.5)
        assert await souk.balance() == 9.5 * CREDIT
        await chat(souk, bound=2, cost=0.25)
        assert await souk.balance() == 9.25 * CREDIT


async def test_a_task_can_have_what_chat_holds_and_does_not_use(tmp_path: Path, migrated_url: str) -> None:
    async with running(tmp_path, migrated_url, engine=False, initial_credits=10) as souk:
        task = Draft(MODEL, {"prompt": "a tram", "aspect_ratio": "1:1"}, "jobs")
        price = (await souk.house.operations.estimate(souk.caller, task)).hold
        await chat(souk, bound=10, cost=10 - price / CREDIT)
        await souk.create()
        with pytest.raises(Refusal) as refused:
            await souk.create()
        assert refused.value.reason is Reason.INSUFFICIENT_CREDITS
        assert await souk.problems() == []


async def test_what_a_stopped_house_held_ahead_is_given_back(tmp_path: Path, migrated_url: str) -> None:
    async with running(tmp_path, migrated_url, engine=False, initial_credits=10) as souk:
        await chat(souk, bound=5, cost=1)
    async with running(tmp_path, migrated_url, engine=False, initial_credits=10) as souk:
        rows = await souk.sql("SELECT available, held FROM balances WHERE held > 0 OR available <> 100000")
        assert (9 * CREDIT, 0) in [tuple(row) for row in rows]
