"""Work on pieces of earlier tasks: which ones an input may name, and what the engine that works on them is given."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from souk.operations.records import Record
from souk.operations.types import Caller, Draft, Reason, Refusal
from souk.store import pieces
from souk.words import Mode, TaskId
from tests.engine.running import MODEL, Running, running
from tests.engine.staged import DONE, FIRST_SONG, Told, both, engine_does, upstream_answers
from tests.upstreams.kie import FakeKie

NO_ID = "0" * 32
LOCAL_ROUTE = {"provider": "local", "model": "cut"}


def child(*routes: dict[str, Any], **song: Any) -> dict[str, Any]:
    """A model that works on a song of an earlier task."""
    names = {
        "taskId": {"type": "string", "x-parent": "task", "x-parent-models": [MODEL], "description": "Of."}
    }
    mark = {"type": "string", "x-parent": "piece", "description": "Which song.", **song}
    return {
        "title": "Cut",
        "vendor": "Souk",
        "category": "audio",
        "task": "audio-cut",
        "input": {"type": "object", "properties": {**names, "audioId": mark}},
        "example": {},
        "output": {"kind": "audio", "format": "mp3"},
        "price": {"unit": "per_task", "amount": 1},
        "routes": list(routes) or [LOCAL_ROUTE],
        "usual_seconds": 0.2,
    }


MODELS = {
    "cut": child(),
    "cut-kind": child(**{"x-parent-kinds": ["song"]}),
    "cut-stem": child(**{"x-parent-kinds": ["stem"]}),
    "cut-of": child(**{"x-parent-of": "taskId"}),
    "cut-late": child(**{"x-parent-late": True, "x-parent-of": "taskId"}),
    "cut-upstream": child({"provider": "kie"}, LOCAL_ROUTE),
}


@pytest.fixture
async def souk(tmp_path: Path, migrated_url: str, upstream: FakeKie) -> AsyncIterator[Running]:
    async with running(tmp_path, migrated_url, upstream, further=MODELS) as house:
        yield house


async def songs_of(souk: Running) -> tuple[TaskId, list[str]]:
    """A finished task and its two songs."""
    upstream_answers(souk, both(FIRST_SONG))
    task_id = await souk.create()
    await souk.ended(task_id)
    found = await souk.house.reads.run(lambda db: pieces.of_task(db, task_id))
    return task_id, [piece.id for piece in found]


async def made(souk: Running, model: str, *callers: Caller, **input: str) -> TaskId:
    (caller,) = callers or (souk.caller,)
    return (await souk.house.operations.create(caller, Draft(model, input, "jobs"))).task_id


async def refused(souk: Running, model: str, **input: str) -> str | None:
    """The field a create is refused for."""
    with pytest.raises(Refusal) as refusal:
        await made(souk, model, **input)
    assert refusal.value.reason is Reason.UNKNOWN_PARENT
    return refusal.value.field


async def ran_here(souk: Running, task_id: TaskId) -> Record:
    record = await souk.ended(task_id)
    assert (record.state, record.connection) == ("success", "local"), record.fail_message
    return record


async def test_work_on_a_song_gets_its_file_alone_and_what_is_known_of_it(souk: Running) -> None:
    _, songs = await songs_of(souk)
    engine = engine_does(souk, "local", Told(done=DONE))
    await ran_here(souk, await made(souk, "cut", audioId=songs[1]))
    (parent,) = engine.jobs[0].parents
    assert (parent.field, parent.id, parent.ref, parent.kind) == ("audioId", songs[1], "up-1", "song")
    assert parent.data == {"title": "Two"}
    assert engine.given == [[b"the second song"]]


async def test_work_on_a_task_gets_all_its_files(souk: Running) -> None:
    task_id, _ = await songs_of(souk)
    engine = engine_does(souk, "local", Told(done=DONE))
    await ran_here(souk, await made(souk, "cut", taskId=task_id))
    assert engine.given == [[b"the first song", b"the second song"]]


async def test_a_piece_of_another_kind_is_refused_like_an_unknown_one(souk: Running) -> None:
    _, songs = await songs_of(souk)
    engine_does(souk, "local", Told(done=DONE))
    assert await refused(souk, "cut-stem", audioId=songs[0]) == "audioId"
    assert await refused(souk, "cut-kind", audioId=NO_ID) == "audioId"
    await ran_here(souk, await made(souk, "cut-kind", audioId=songs[0]))


async def test_a_piece_of_another_task_than_named_is_refused(souk: Running) -> None:
    first, songs = await songs_of(souk)
    second, _ = await songs_of(souk)
    engine_does(souk, "local", Told(done=DONE))
    assert await refused(souk, "cut-of", taskId=second, audioId=songs[0]) == "audioId"
    for named in ({"taskId": first}, {}):
        await ran_here(souk, await made(souk, "cut-of", audioId=songs[0], **named))


async def test_a_piece_of_another_account_is_refused_like_an_unknown_one(souk: Running) -> None:
    _, songs = await songs_of(souk)
    other = await souk.account("other")
    with pytest.raises(Refusal) as refusal:
        await made(souk, "cut", other, audioId=songs[0])
    assert refusal.value.reason is Reason.UNKNOWN_PARENT
    assert await souk.house.operations.piece(other, songs[0]) is None


async def test_an_unknown_late_parent_fails_its_task_before_any_attempt_and_costs_nothing(
    souk: Running,
) -> None:
    first, songs = await songs_of(souk)
    second, _ = await songs_of(souk)
    engine = engine_does(souk, "local", Told(done=DONE))
    before = await souk.balance()
    for audio, task in ((NO_ID, first), (songs[0], second)):
        task_id = await made(souk, "cut-late", audioId=audio, taskId=task)
        record = await souk.ended(task_id)
        assert (record.state, record.fail_kind) == ("fail", "bad_input")
        assert "audioId" in record.fail_message
        assert (await souk.story(task_id)).attempts == []
    assert engine.jobs == []
    assert await souk.balance() == before


async def test_a_known_late_parent_is_kept_for_its_child(souk: Running) -> None:
    first, songs = await songs_of(souk)
    engine_does(souk, "local", Told(done=DONE))
    await ran_here(souk, await made(souk, "cut-late", audioId=songs[0], taskId=first))


async def test_a_late_parent_that_went_meanwhile_fails_its_task(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, further=MODELS) as souk:
        _, songs = await songs_of(souk)
    async with running(tmp_path, migrated_url, upstream, further=MODELS, engine=False) as souk:
        task_id = await made(souk, "cut-late", audioId=songs[0])
        assert await souk.sql("SELECT count(*) FROM pins") == [(1,)]
        await souk.sql("DELETE FROM pieces")
    async with running(tmp_path, migrated_url, upstream, further=MODELS) as souk:
        assert (await souk.ended(task_id)).fail_kind == "bad_input"


async def test_a_piece_whose_file_has_expired_is_unknown(souk: Running) -> None:
    _, songs = await songs_of(souk)
    await souk.sql("UPDATE assets SET expires_at = 1 WHERE number = 0")
    assert await refused(souk, "cut", audioId=songs[0]) == "audioId"
    assert await souk.house.operations.piece(souk.caller, songs[0]) is None
    assert await souk.house.operations.piece(souk.caller, songs[1]) is not None


async def test_a_service_that_comes_first_is_asked_before_the_local_engine(souk: Running) -> None:
    engine = engine_does(souk, "local", Told(done=DONE))
    upstream_answers(souk, DONE)
    assert (await souk.ended(await made(souk, "cut-upstream"))).connection == "one"
    assert engine.jobs == []


async def test_the_local_engine_steps_in_for_a_service_that_does_not_know_the_parent(souk: Running) -> None:
    engine_does(souk, "local", Told(done=both(FIRST_SONG)))
    parent = await ran_here(souk, await made(souk, "cut"))
    song = (await souk.house.reads.run(lambda db: pieces.of_task(db, parent.task_id)))[0]
    await ran_here(souk, await made(souk, "cut-upstream", audioId=song.id))


async def test_sandbox_tasks_use_the_local_engine_before_the_sandbox(souk: Running) -> None:
    caller = await souk.sandbox_caller()
    engine = engine_does(souk, "local", Told(done=DONE))
    record = await souk.ended(await made(souk, "cut-upstream", caller), caller)
    assert (record.state, record.mode, record.connection) == ("success", Mode.SANDBOX, "local")
    assert len(engine.jobs) == 1


async def test_the_local_engine_makes_no_installation_live(tmp_path: Path, migrated_url: str) -> None:
    async with running(tmp_path, migrated_url, further=MODELS) as souk:
        engine_does(souk, "local", Told(done=DONE))
        assert (await souk.ended(await made(souk, "cut"))).mode is Mode.SANDBOX


async def test_without_sandbox_and_services_the_local_engine_still_works(
    tmp_path: Path, migrated_url: str
) -> None:
    async with running(tmp_path, migrated_url, further=MODELS, sandbox="never") as souk:
        engine_does(souk, "local", Told(done=DONE))
        assert (await ran_here(souk, await made(souk, "cut"))).mode is Mode.LIVE
        with pytest.raises(Refusal) as refusal:
            await souk.create()
        assert refusal.value.reason is Reason.NO_ROUTE
