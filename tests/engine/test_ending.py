"""Whatever an upstream or a client wrote, the task it belongs to ends, and its credits are settled."""

import random
import string
from pathlib import Path
from typing import Any

import pytest

from souk.callbacks.message import Message, pack
from souk.dialects.table import Dialects
from souk.store import outbox
from souk.store.tasks import TaskRow
from souk.telling import Telling
from tests.engine.running import Running, running
from tests.upstreams.journal import Submit
from tests.upstreams.kie import FakeKie
from tests.upstreams.lies import Words


async def test_a_receiver_with_an_endless_name_does_not_keep_its_task_from_ending(
    souk: Running,
) -> None:
    name = "".join(random.Random(7).choices(string.ascii_lowercase, k=6000))
    task = await souk.create(callback_url=f"http://{name}.example/")
    assert (await souk.ended(task, seconds=5)).state == "success"
    assert await souk.problems() == []


async def test_what_an_ended_task_was_in_the_middle_of_is_told_by_its_attempts_only(souk: Running) -> None:
    task = await souk.create()
    assert (await souk.ended(task)).state == "success"
    left = await souk.sql(
        "SELECT attempt_id, prepared, outputs, lease_owner FROM tasks WHERE id = :id", id=task
    )
    assert left == [(None, None, None, None)]
    (attempt,) = await souk.sql("SELECT verdict, request FROM attempts WHERE task_id = :id", id=task)
    assert attempt[0] == "done"
    assert "prompt (" in attempt[1]


class Outspoken(FakeKie):
    """An upstream whose tasks fail with words of the test's own."""

    words = ""

    def _end_of(self, task: Submit, words: Words) -> dict[str, Any]:
        return {"state": "fail", "failCode": "", "failMsg": self.words, "creditsConsumed": 0}


@pytest.mark.parametrize("said", ["99999999999999999999", "a\0b"])
async def test_strange_words_of_a_failed_upstream_still_end_its_task(
    tmp_path: Path, migrated_url: str, said: str
) -> None:
    with Outspoken() as upstream:
        upstream.words = said
        async with running(tmp_path, migrated_url, upstream) as souk:
            record = await souk.ended(await souk.create("a tram"), seconds=5)
            assert (record.state, record.fail_message) == ("fail", said.replace("\0", ""))
            assert await souk.problems() == []


@pytest.mark.parametrize("kind", [FakeKie, Outspoken])
async def test_last_word_is_made_of_the_row_that_the_end_leaves(
    tmp_path: Path, migrated_url: str, kind: type[FakeKie], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[TaskRow] = []
    last_word = Telling.last_word

    def noted(telling: Telling, task: TaskRow) -> str:
        seen.append(task)
        return last_word(telling, task)

    monkeypatch.setattr(Telling, "last_word", noted)
    with kind() as upstream:
        async with running(tmp_path, migrated_url, upstream) as souk:
            task = await souk.create(callback_url="http://receiver.example/")
            await souk.ended(task)
            assert seen == [await souk.house.reads.task(task)]


async def test_last_word_is_stored_with_the_end_and_says_what_is_said_later(souk: Running) -> None:
    task = await souk.create(callback_url="http://receiver.example/")
    await souk.ended(task)
    (row,) = await souk.house.reads.run(lambda connection: outbox.of_task(connection, task))
    rendered = await souk.house.telling.render(row)
    assert rendered is not None
    assert row.body == pack(rendered)


async def test_task_of_which_nothing_can_be_said_ends(souk: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def speechless(*_: object) -> Message:
        raise ValueError

    monkeypatch.setattr(Dialects, "callback", speechless)
    task = await souk.create(callback_url="http://receiver.example/")
    assert (await souk.ended(task)).state == "success"
    (row,) = await souk.house.reads.run(lambda connection: outbox.of_task(connection, task))
    assert row.body == ""
