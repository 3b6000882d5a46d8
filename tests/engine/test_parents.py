"""Children of live tasks: they run where their parents ran, and name them as that upstream does."""

from pathlib import Path

import pytest

from souk.operations.types import Draft, Reason, Refusal
from souk.words import TaskId
from tests.engine.running import Running, running
from tests.upstreams.kie import FakeKie

CHILD = "grok-imagine/upscale"


async def child_of(souk: Running, parent: TaskId) -> TaskId:
    draft = Draft(CHILD, {"task_id": parent, "resolution": "720p"}, "jobs")
    return (await souk.house.operations.create(souk.caller, draft)).task_id


async def test_a_child_names_its_parent_as_the_upstream_does(souk: Running, upstream: FakeKie) -> None:
    parent = await souk.create()
    await souk.ended(parent)
    ref = (await souk.story(parent)).attempts[0].ref
    child = await souk.ended(await child_of(souk, parent))
    assert child.state == "success"
    assert [submit.input.get("task_id") for submit in upstream.submits if submit.model == CHILD] == [ref]
    assert child.input["task_id"] == parent


async def test_a_child_runs_on_its_parents_connection_whatever_comes_first(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    on_two = {"routes": [{"provider": "kie", "connection": "two"}]}
    async with running(tmp_path, migrated_url, upstream, second_upstream, models=on_two) as souk:
        parent = await souk.create()
        await souk.ended(parent)
        child = await souk.ended(await child_of(souk, parent))
        assert (child.state, child.connection) == ("success", "two")
        assert not upstream.submits


async def test_a_child_whose_parents_connection_is_gone_fails_uncharged(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream) as souk:
        parent = await souk.create()
        await souk.ended(parent)
    async with running(tmp_path, migrated_url, second_upstream, connections={"name": "other"}) as souk:
        before = await souk.balance()
        child = await souk.ended(await child_of(souk, parent))
        assert (child.state, child.fail_kind) == ("fail", "unsupported")
        assert await souk.balance() == before
        assert not second_upstream.submits


async def test_an_unfinished_parent_is_refused_like_an_unknown_one(souk: Running) -> None:
    parent = await souk.create("[up:never] a tram")
    for id in (parent, TaskId("0" * 32)):
        with pytest.raises(Refusal) as refused:
            await child_of(souk, id)
        assert refused.value.reason is Reason.UNKNOWN_PARENT
