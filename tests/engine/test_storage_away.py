"""A storage that is away for a while costs a task time and nothing else: nothing is made or submitted twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.running import running, until
from tests.objectstore import ObjectStore, settings_of
from tests.upstreams.hiccups import Hiccups, hiccups
from tests.upstreams.kie import FakeKie


@pytest.fixture
def front(rclone: ObjectStore) -> Iterator[Hiccups]:
    with hiccups(rclone.endpoint) as server:
        yield server


@pytest.fixture
def away_at_once(rclone: ObjectStore, front: Hiccups) -> dict[str, Any]:
    """Settings of a bucket of which a call is not tried again by itself."""
    return {**settings_of(rclone.bucket(endpoint=front.url)), "s3_retry_seconds": 0}


def is_put(method: str, path: str) -> bool:
    return method == "PUT"


async def test_result_of_an_upstream_waits_in_storing(
    tmp_path: Path, front: Hiccups, away_at_once: dict[str, Any]
) -> None:
    with FakeKie() as upstream:
        async with running(tmp_path, "", upstream, **away_at_once) as souk:
            front.refuse(chosen=is_put)
            task_id = await souk.create()
            await until(lambda: front.spoilt >= 2)
            assert (await souk.record(task_id)).inner_state == "storing"
            front.heal()
            assert (await souk.ended(task_id)).inner_state == "success"
            assert len(upstream.submits) == 1
            assert await souk.problems() == []


async def test_result_made_here_waits_and_is_not_made_again(
    tmp_path: Path, front: Hiccups, away_at_once: dict[str, Any]
) -> None:
    async with running(tmp_path, "", **away_at_once) as souk:
        front.refuse(chosen=is_put)
        task_id = await souk.create()
        await until(lambda: front.spoilt >= 2)
        assert (await souk.record(task_id)).inner_state == "generating"
        front.heal()
        assert (await souk.ended(task_id)).inner_state == "success"
        assert len((await souk.story(task_id)).attempts) == 1
