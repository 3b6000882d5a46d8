"""From a service to an engine of this machine and the other way round: a task goes on where its next route leads."""

from pathlib import Path

import pytest

from souk.providers.base import Done, Job, Refused, Tell
from souk.words import FailKind
from tests.engine.running import running
from tests.engine.staged import DONE, FIRST, Told, engine_does
from tests.upstreams.kie import FakeKie

KIE = {"provider": "kie", "model": "z-image"}
HERE = {"provider": "local", "model": "anything"}
SERVICE_FIRST = {"routes": [KIE, HERE]}
HERE_FIRST = {"routes": [HERE, KIE]}


class Refusing(Told):
    """An engine of this machine that does no work, for a reason, after it told of its stages."""

    def __init__(self, kind: FailKind, *stages: object) -> None:
        super().__init__(*stages, done=DONE)  # type: ignore[arg-type]
        self._kind = kind

    async def run(self, job: Job, workdir: Path, tell: Tell) -> Done:
        await super().run(job, workdir, tell)
        raise Refused(self._kind, "not here")


@pytest.mark.parametrize(("lie", "verdict"), [("[up:refuse=401]", "refused"), ("[up:fail=500]", "failed")])
async def test_a_task_its_service_does_not_do_is_done_here(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, lie: str, verdict: str
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SERVICE_FIRST) as souk:
        engine_does(souk, "local", Told(done=DONE))
        task = await souk.create(lie)
        record = await souk.ended(task)
        assert (record.state, record.connection) == ("success", "local")
        assert await souk.verdicts(task) == [("one", verdict), ("local", "done")]
        assert await souk.problems() == []


async def test_a_task_this_machine_cannot_do_goes_to_the_service(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=HERE_FIRST) as souk:
        engine_does(souk, "local", Refusing(FailKind.UNSUPPORTED))
        task = await souk.create("a tram")
        record = await souk.ended(task)
        assert (record.state, record.connection) == ("success", "one")
        assert await souk.verdicts(task) == [("local", "failed"), ("one", "done")]


async def test_a_run_that_breaks_here_is_repeated_before_the_service_is_asked(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=HERE_FIRST) as souk:
        engine_does(souk, "local", Refusing(FailKind.TRANSIENT))
        task = await souk.create("a tram")
        await souk.ended(task)
        assert await souk.verdicts(task) == [("local", "failed")] * 3 + [("one", "done")]


async def test_bad_input_ends_a_task_wherever_it_is_found(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=HERE_FIRST) as souk:
        engine_does(souk, "local", Refusing(FailKind.BAD_INPUT))
        record = await souk.ended(await souk.create("a tram"))
        assert (record.state, record.fail_kind) == ("fail", "bad_input")
        assert not upstream.tries


async def test_a_client_that_was_handed_a_part_gets_the_rest_from_nobody_else(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=HERE_FIRST) as souk:
        engine_does(souk, "local", Refusing(FailKind.UNSUPPORTED, FIRST))
        assert (await souk.ended(await souk.create("a tram"))).state == "fail"
        assert not upstream.tries


async def test_a_wish_that_cannot_be_met_here_does_not_hide_why_the_service_failed(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SERVICE_FIRST) as souk:
        engine_does(souk, "local", Refusing(FailKind.UNSUPPORTED))
        before = await souk.balance()
        task = await souk.create("[up:fail=500]")
        record = await souk.ended(task)
        assert await souk.verdicts(task) == [("one", "failed"), ("local", "failed")]
        first, last = (await souk.story(task)).attempts
        assert (last.kind, last.message) == ("unsupported", "not here")
        assert (record.fail_kind, record.fail_message) == (first.kind, first.message)
        assert record.fail_kind == "transient"
        assert await souk.balance() == before
        assert await souk.problems() == []


async def test_an_attempt_says_what_was_asked_by_name_and_size_only(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream) as souk:
        task = await souk.create("a secret tram")
        await souk.ended(task)
        (attempt,) = (await souk.story(task)).attempts
        assert attempt.request is not None
        assert attempt.request.startswith("aspect_ratio (3), ")
        assert "prompt (13)" in attempt.request
        assert "secret" not in attempt.request


async def test_a_task_in_the_middle_of_a_run_here_is_run_again_by_the_next_process(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=SERVICE_FIRST, engine=False) as door:
        task = await door.create("a tram")
        await door.sql(
            "UPDATE tasks SET state = 'generating', attempt_id = 'x', attempts = 1, connection = 'local', "
            "upstream_model = 'anything', due_at = :later WHERE id = :id",
            id=task,
            later=2**52,
        )
    async with running(tmp_path, migrated_url, upstream, models=SERVICE_FIRST) as souk:
        engine_does(souk, "local", Told(done=DONE))
        await souk.sql("UPDATE tasks SET due_at = 0 WHERE id = :id", id=task)
        assert (await souk.ended(task)).state == "success"
        assert await souk.verdicts(task) == [("local", "handed_back"), ("local", "done")]
        assert not upstream.tries
