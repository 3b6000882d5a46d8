"""What a task's caller gave and what was filled in for it, as a provider is told, in whichever process it runs."""

from pathlib import Path

from souk.operations.types import Draft
from tests.engine.running import MODEL, running
from tests.engine.staged import DONE, Told, engine_does
from tests.upstreams.kie import FakeKie

HERE = {"routes": [{"provider": "local", "model": "anything"}]}


async def test_a_job_tells_what_the_caller_gave(tmp_path: Path, migrated_url: str, upstream: FakeKie) -> None:
    given = {"prompt": "a tram", "aspect_ratio": "1:1"}
    async with running(tmp_path, migrated_url, upstream, models=HERE, engine=False) as door:
        draft = Draft(MODEL, given, "jobs").with_filled(stems=["one"])
        task = (await door.house.operations.create(door.caller, draft)).task_id
        await door.sql("UPDATE tasks SET due_at = :later WHERE id = :id", id=task, later=2**52)
    async with running(tmp_path, migrated_url, upstream, models=HERE) as souk:
        engine = engine_does(souk, "local", Told(done=DONE))
        await souk.sql("UPDATE tasks SET due_at = 0 WHERE id = :id", id=task)
        await souk.ended(task)
        (job,) = engine.jobs
        assert job.given == given
        assert job.input["stems"] == ["one"]
        assert job.filled == job.input.keys() - given.keys()
        assert len(job.filled) > 1  # the catalogue has defaults for this model
