"""Whatever an upstream or a client wrote, the task it belongs to ends, and its credits are settled."""

import random
import string
from pathlib import Path
from typing import Any

import pytest

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
