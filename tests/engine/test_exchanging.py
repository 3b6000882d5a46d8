"""Connections that change under one name: another key, account or provider; and what is left of those that are gone."""

from pathlib import Path

from tests.engine.edited import HOUR, LIVE, NEVER, connection, edit, listed, only, traffic, watching, write
from tests.engine.running import prompts
from tests.upstreams.dashscope import FakeDashScope
from tests.upstreams.kie import FakeKie


async def test_a_name_that_becomes_another_providers_goes_there_and_follows_what_it_had(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    write(folder, listed(connection("one", upstream)))
    upstream.run_seconds = HOUR
    with FakeDashScope() as dashscope:
        async with watching(folder, sqlite, **LIVE) as souk:
            before = await souk.create("a bus")
            await souk.reached(before, "generating")
            moved = {"name": "one", "provider": "dashscope", "api_key": dashscope.key}
            await edit(folder, listed({**moved, "base_url": dashscope.base}), souk)
            after = await souk.create("a tram")
            upstream.run_seconds = 0
            for task in (before, after):
                assert (await souk.ended(task)).state == "success"
                assert await souk.verdicts(task) == [("one", "done")]
            assert prompts(upstream) == ["a bus"]
            assert dashscope.count("a tram") == 1
            assert dashscope.complaints == upstream.complaints == []


async def test_a_new_key_is_used_for_what_is_running_already(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    write(folder, only(connection("one", upstream)))
    upstream.run_seconds = HOUR
    async with watching(folder, sqlite, **LIVE) as souk:
        task = await souk.create("a tram")
        await souk.reached(task, "generating")
        upstream.key = "a newer key"
        await edit(folder, only(connection("one", upstream, api_key="a newer key")), souk)
        upstream.run_seconds = 0
        assert (await souk.ended(task)).state == "success"


async def test_a_task_is_followed_where_it_was_taken_when_its_connection_leads_elsewhere(
    tmp_path: Path, sqlite: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    write(folder, only(connection("one", upstream)))
    upstream.run_seconds = HOUR
    async with watching(folder, sqlite, **LIVE) as souk:
        before = await souk.create("a bus")
        await souk.reached(before, "generating")
        await edit(folder, only(connection("one", second_upstream)), souk)
        after = await souk.create("a tram")
        upstream.run_seconds = 0
        for task in (before, after):
            assert (await souk.ended(task)).state == "success"
        assert (prompts(upstream), prompts(second_upstream)) == (["a bus"], ["a tram"])


async def test_nothing_is_kept_of_connections_that_came_and_went(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    async with watching(folder, sqlite, **LIVE) as souk:
        for number in range(4):
            await edit(folder, only(connection(f"number {number}", upstream)), souk)
            assert (await souk.ended(await souk.create("a tram"))).state == "success"
        await edit(folder, only(), souk)
        assert [name for name, _ in souk.engine._roads.all() if name.startswith("number")] == []
        assert not souk.engine._roads._resting


async def test_a_connection_that_comes_back_still_counts_what_runs_there(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder, config = tmp_path / "data", only(connection("one", upstream, concurrency=1))
    write(folder, config)
    async with watching(folder, sqlite, **LIVE) as souk:
        await souk.reached(await souk.create(NEVER), "generating")
        await edit(folder, only(), souk)
        await edit(folder, config, souk)
        await souk.reached(await souk.create("a tram"), "queuing")
        assert traffic(souk, "one").slots.used == 1
        assert prompts(upstream) == [NEVER]
