"""Stages a task reaches on its way: stored, told to the client once each, in order, and only while it runs."""

import json
from pathlib import Path
from typing import Any

from souk.providers.base import Done, Failed, OutputFile, Running
from souk.store import assets, pieces
from souk.store.assets import AssetRow
from souk.store.pieces import Piece
from souk.store.statement import Statement
from souk.words import FailKind, TaskId
from tests.engine.running import Running as House
from tests.engine.running import running
from tests.engine.staged import DONE, FIRST, FIRST_SONG, NOWHERE, Told, both, engine_does, upstream_answers
from tests.upstreams.kie import FakeKie

CALLBACK = "http://127.0.0.1:9/stages"


async def run(souk: House, *answers: Running | Done | Failed, **draft: Any) -> TaskId:
    upstream_answers(souk, *answers)
    task_id = await souk.create(**draft)
    await souk.ended(task_id)
    return task_id


async def stored(souk: House, task_id: TaskId) -> tuple[list[AssetRow], list[Piece]]:
    """The files and pieces of a task, as written."""
    rows = await souk.house.reads.run(lambda db: assets.of_tasks(db, [task_id]).get(task_id, []))
    return rows, await souk.house.reads.run(lambda db: pieces.of_task(db, task_id))


async def tracks(souk: House, task_id: TaskId) -> tuple[list[Any], list[Any]]:
    """What the stage ``first`` and the result say of the tracks."""
    record = await souk.house.operations.record(souk.caller, task_id, stages=True)
    assert record is not None
    first = next((stage.data["tracks"] for stage in record.stages if stage.name == "first"), [])
    return first, json.loads(record.result)["tracks"] if record.result else []


async def test_a_stage_is_stored_and_told_once_however_often_it_is_reported(souk: House) -> None:
    text = Running(stage="text", data={"lyrics": "la"})
    task_id = await run(souk, text, text, Running(stage="first"), text, DONE, callback_url=CALLBACK)
    story = await souk.story(task_id)
    assert [(event.number, event.stage) for event in story.events] == [(1, "text"), (2, "first")]
    assert json.loads(story.events[0].data) == {"lyrics": "la"}
    assert [row.stage for row in story.callbacks] == ["text", "first", "end"]
    assert [row.state for row in story.callbacks[:2]] == ["dropped", "dropped"]


async def test_a_task_without_an_address_keeps_its_stages_to_its_record(souk: House) -> None:
    task_id = await run(souk, Running(stage="text"), DONE)
    story = await souk.story(task_id)
    assert [event.stage for event in story.events] == ["text"]
    assert story.callbacks == []


async def test_progress_goes_to_its_own_address_and_never_back(souk: House) -> None:
    answers = [Running(progress=40), Running(progress=10), Running(progress=40), DONE]
    task_id = await run(souk, *answers, callback_url=CALLBACK, progress_url="http://127.0.0.1:9/progress")
    story = await souk.story(task_id)
    assert [json.loads(event.data) for event in story.events] == [{"progress": 40}]
    assert [row.url.rsplit("/", 1)[1] for row in story.callbacks] == ["progress", "stages"]
    assert story.record.progress == 40


async def test_stages_go_with_their_task(souk: House) -> None:
    task_id = await run(souk, Running(stage="text"), DONE)
    await souk.house.operations.delete(souk.caller, task_id)
    count = Statement("SELECT count(*) FROM events")
    assert await souk.house.reads.run(lambda db: db.run(count)) == [(0,)]


async def test_files_of_a_stage_are_stored_once_and_keep_their_link(souk: House) -> None:
    task_id = await run(souk, FIRST, FIRST, both(NOWHERE))
    first, last = await tracks(souk, task_id)
    rows, _ = await stored(souk, task_id)
    assert first == last[:1]
    assert first[0]["audio"].startswith("http")
    assert [row.number for row in rows] == [0, 1]
    assert [track["audio"].rsplit("/", 1)[1] for track in last] == [row.shown_name for row in rows]


async def test_a_piece_has_the_same_id_at_its_stage_and_at_the_end(souk: House) -> None:
    task_id = await run(souk, FIRST, both(NOWHERE))
    first, last = await tracks(souk, task_id)
    rows, songs = await stored(souk, task_id)
    assert first[0]["id"] == last[0]["id"]
    assert [song.id for song in songs] == [track["id"] for track in last]
    assert [song.asset_id for song in songs] == [row.id for row in rows]
    assert [json.loads(song.data) for song in songs] == [{"title": "One \u2013 Eins"}, {"title": "Two"}]
    found = await souk.house.operations.piece(souk.caller, songs[1].id)
    assert found == songs[1]


async def test_a_crash_between_a_stage_and_the_end_stores_nothing_twice(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream) as souk:
        upstream_answers(souk, FIRST)
        task_id = await souk.create(callback_url=CALLBACK)
        await _told(souk, task_id)
    async with running(tmp_path, migrated_url, upstream) as souk:
        again = Running(stage="first", data=FIRST.data, files=[NOWHERE])
        upstream_answers(souk, again, both(NOWHERE))
        assert (await souk.ended(task_id)).state == "success"
        first, last = await tracks(souk, task_id)
        rows, _ = await stored(souk, task_id)
        assert first == last[:1]
        assert [row.number for row in rows] == [0, 1]
        assert [event.stage for event in (await souk.story(task_id)).events] == ["first"]


async def _told(souk: House, task_id: TaskId) -> None:
    with souk.house.neighbours.bell.waiter(task_id) as waiter:
        while not (await souk.story(task_id)).events:
            await waiter.step(0.05)


async def test_a_stage_whose_file_cannot_be_had_is_told_once_it_can(souk: House) -> None:
    broken = Running(stage="first", data=FIRST.data, files=[NOWHERE])
    task_id = await run(souk, broken, FIRST, both(NOWHERE))
    first, last = await tracks(souk, task_id)
    assert first == last[:1] != []


async def test_a_stage_whose_file_can_never_be_had_leaves_the_task_alone(souk: House) -> None:
    forbidden = Running(stage="first", files=[OutputFile(url="http://169.254.169.254/song")])
    task_id = await run(souk, forbidden, both(FIRST_SONG))
    first, last = await tracks(souk, task_id)
    assert (first, len(last)) == ([], 2)


async def test_a_result_is_not_pieced_together_from_two_connections(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, second_upstream) as souk:
        before = await souk.balance()
        task_id = await run(souk, FIRST, Failed(FailKind.TRANSIENT, "it broke"))
        assert (await souk.record(task_id)).fail_kind == "transient"
        assert await souk.verdicts(task_id) == [("one", "failed")]
        assert await souk.balance() == before
        rows, songs = await stored(souk, task_id)
        assert ([row.number for row in rows], songs) == ([0], [])


async def test_an_engine_of_this_machine_tells_its_stages(souk: House, tmp_path: Path) -> None:
    song = tmp_path / "song.txt"
    song.write_bytes(b"the first song")
    first = Running(stage="first", data=FIRST.data, files=[OutputFile("text/plain", path=song)])
    told = Told(Running(stage="text", data={"lyrics": "la"}), first, done=both(OutputFile(path=song)))
    engine_does(souk, "sandbox", told)
    caller = await souk.sandbox_caller()
    task_id = await souk.create(caller=caller)
    record = await souk.ended(task_id, caller)
    assert record.state == "success", record.fail_message
    found = await souk.house.operations.record(caller, task_id, stages=True)
    assert found is not None
    assert [stage.name for stage in found.stages] == ["text", "first"]
    assert found.stages[1].data["tracks"] == json.loads(found.result or "")["tracks"][:1]


async def test_files_of_a_failed_tasks_stage_stay_until_their_time(souk: House) -> None:
    task_id = await run(souk, FIRST, Failed(FailKind.INTERNAL, "it broke"))
    (row,), _ = await stored(souk, task_id)
    assert row.expires_at is not None
    assert await souk.house.storage.exists(row.path)
