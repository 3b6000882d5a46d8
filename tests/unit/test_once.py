"""What there is only one result of: whoever comes second is refused, on either database, in one set or in two."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from souk.house import House
from souk.operations.types import Caller, Created, Draft, Reason, Refusal
from tests.wire.serving import CHEAP, KEY, open_souk

SONG = "song-7"
DRAFT = Draft(CHEAP["model"], CHEAP["input"], "jobs", operation="/to-wav", once=SONG)


@pytest.fixture
async def house(tmp_path: Path, database_url: str) -> AsyncIterator[House]:
    async with open_souk(tmp_path, database_url=database_url, initial_credits=1000) as souk:
        yield souk.house


async def caller_of(house: House) -> Caller:
    return await house.operations.authenticate(KEY, "127.0.0.1")


async def answer(house: House, draft: Draft) -> Created | Reason:
    try:
        return await house.operations.create(await caller_of(house), draft)
    except Refusal as refusal:
        return refusal.reason


async def test_a_second_task_for_the_same_is_refused_and_costs_nothing(house: House) -> None:
    caller = await caller_of(house)
    first = await answer(house, DRAFT)
    assert isinstance(first, Created)
    left = await house.operations.balance(caller)
    assert await answer(house, replace(DRAFT, callback_url="http://127.0.0.1:9/")) is Reason.CONFLICT
    assert await house.operations.balance(caller) == left
    assert await house.operations.standing(caller, "/to-wav", SONG) == (SONG, first.task_id)


async def test_of_many_at_once_one_is_made(house: House) -> None:
    answers = await asyncio.gather(*(answer(house, DRAFT) for _ in range(8)))
    assert sorted(isinstance(each, Created) for each in answers) == [False] * 7 + [True]
    assert answers.count(Reason.CONFLICT) == 7


async def test_another_subject_or_operation_is_another_matter(house: House) -> None:
    drafts = [
        DRAFT,
        replace(DRAFT, once="song-8"),
        replace(DRAFT, operation="/to-clip"),
        replace(DRAFT, once=""),
    ]
    assert all([isinstance(await answer(house, draft), Created) for draft in drafts])


async def test_a_call_repeated_with_its_own_key_is_answered_with_its_task(house: House) -> None:
    mine = replace(DRAFT, idempotency_key="order-7")
    first, again = await answer(house, mine), await answer(house, mine)
    assert isinstance(first, Created)
    assert isinstance(again, Created)
    assert (again.task_id, again.replayed) == (first.task_id, True)


async def test_nothing_stands_before_the_first_task(house: House) -> None:
    assert await house.operations.standing(await caller_of(house), "/to-wav", SONG) == (SONG, None)
