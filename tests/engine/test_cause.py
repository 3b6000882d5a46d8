"""The reason a task is failed with: the route that tried is heard before those that do not do what is wished."""

from pathlib import Path

import pytest

from souk.engine.cause import most_useful
from souk.engine.failure import Failure
from souk.net.http import Http
from souk.providers.base import Accepted, Job, Refused
from souk.words import FailKind
from tests.engine.running import Running, running
from tests.engine.staged import Staged
from tests.upstreams.kie import FakeKie

TRIED = Failure(FailKind.AUTH, "the key is wrong", "401")
SAID = Failure(FailKind.UNSUPPORTED, "the upstream has no such voice", "404 no such voice")
WISH = Failure(FailKind.UNSUPPORTED, "model: this route runs Veo lite, not fast")
LATER = Failure(FailKind.QUOTA, "no money left", "402")

GRADES = {
    "routes": [{"provider": "kie", "model": grade} for grade in ("quality", "fast", "lite")],
    "usual_seconds": 0.2,
}


class Graded(Staged):
    """A service with a route for each grade of a model, as Veo's: each does its own grade only."""

    def __init__(self, *answers: FailKind | None) -> None:
        super().__init__()
        self._outcomes = list(answers)
        self.asked: list[str] = []

    async def prepare(self, job: Job, http: Http) -> Job:
        self.asked.append(job.upstream_model)
        if job.upstream_model != "fast":
            raise Refused(FailKind.UNSUPPORTED, f"model: this route runs {job.upstream_model}, not fast")
        return job

    async def submit(self, job: Job, http: Http) -> Accepted:
        kind = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        raise Refused(kind or FailKind.TRANSIENT, "what the service really said", "its own words")


def serve(souk: Running, service: Graded) -> Graded:
    souk.engine._world.providers["kie"] = service  # type: ignore[index]
    return service


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        ((), None),
        ((WISH,), WISH),
        ((TRIED, WISH), TRIED),
        ((WISH, TRIED, WISH), TRIED),
        ((SAID, WISH), SAID),
        ((SAID, TRIED, SAID, WISH), TRIED),
        ((TRIED, LATER), LATER),
        ((None, WISH), WISH),
    ],
)
def test_who_tried_is_heard_first_and_the_last_word_counts(
    heard: tuple[Failure | None, ...], told: Failure | None
) -> None:
    assert most_useful(heard) is told


@pytest.mark.parametrize("kind", [FailKind.INTERNAL, FailKind.RETIRED])
async def test_routes_of_other_grades_do_not_hide_why_the_right_one_refused(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, kind: FailKind
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=GRADES) as souk:
        serve(souk, Graded(kind))
        record = await souk.ended(await souk.create())
        assert (record.fail_kind, record.fail_message) == (kind, "what the service really said")
        assert await souk.problems() == []


async def test_a_route_that_does_not_do_what_is_wished_is_asked_once(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, models=GRADES, breaker_seconds=0) as souk:
        service = serve(souk, Graded(FailKind.TRANSIENT, FailKind.INTERNAL))
        await souk.ended(await souk.create())
        assert service.asked == ["quality", "fast", "lite", "fast"]
