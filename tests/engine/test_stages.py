"""Stages a task reaches on its way: stored, told to the client once each, in order, and only while it runs."""

import json
from typing import Any

from souk.net.http import Http
from souk.providers.base import Accepted, Done, Failed, Job, Running, Unknown
from souk.store.statement import Statement
from tests.engine.running import Running as House

CALLBACK = "http://127.0.0.1:9/stages"


class Staged:
    """An upstream service of a third party that tells of its stages, some of them again and again."""

    idempotent = False

    def __init__(self, *answers: Running | Done | Failed) -> None:
        self._answers = list(answers)

    async def prepare(self, job: Job, http: Http) -> Job:
        return job

    async def submit(self, job: Job, http: Http) -> Accepted:
        return Accepted("ref")

    async def recover(self, job: Job, http: Http) -> Unknown:
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:
        return False


DONE = Done(files=[], result={"resultObject": {"text": "la la"}})


async def run(souk: House, *answers: Running | Done | Failed, **draft: Any) -> str:
    souk.engine._world.providers["kie"] = Staged(*answers)  # type: ignore[index]
    task_id = await souk.create(**draft)
    await souk.ended(task_id)
    return task_id


async def test_a_stage_is_stored_and_told_once_however_often_it_is_reported(souk: House) -> None:
    text = Running(stage="text", data={"lyrics": "la"})
    task_id = await run(souk, text, text, Running(stage="first"), text, DONE, callback_url=CALLBACK)
    story = await souk.story(task_id)  # type: ignore[arg-type]
    assert [(event.number, event.stage) for event in story.events] == [(1, "text"), (2, "first")]
    assert json.loads(story.events[0].data) == {"lyrics": "la"}
    assert [row.stage for row in story.callbacks] == ["text", "first", "end"]
    assert [row.state for row in story.callbacks[:2]] == ["dropped", "dropped"]


async def test_a_task_without_an_address_keeps_its_stages_to_its_record(souk: House) -> None:
    task_id = await run(souk, Running(stage="text"), DONE)
    story = await souk.story(task_id)  # type: ignore[arg-type]
    assert [event.stage for event in story.events] == ["text"]
    assert story.callbacks == []


async def test_progress_goes_to_its_own_address_and_never_back(souk: House) -> None:
    answers = [Running(progress=40), Running(progress=10), Running(progress=40), DONE]
    task_id = await run(souk, *answers, callback_url=CALLBACK, progress_url="http://127.0.0.1:9/progress")
    story = await souk.story(task_id)  # type: ignore[arg-type]
    assert [json.loads(event.data) for event in story.events] == [{"progress": 40}]
    assert [row.url.rsplit("/", 1)[1] for row in story.callbacks] == ["progress", "stages"]
    assert story.record.progress == 40


async def test_stages_go_with_their_task(souk: House) -> None:
    task_id = await run(souk, Running(stage="text"), DONE)
    await souk.house.operations.delete(souk.caller, task_id)
    count = Statement("SELECT count(*) FROM events")
    assert await souk.house.reads.run(lambda db: db.run(count)) == [(0,)]
