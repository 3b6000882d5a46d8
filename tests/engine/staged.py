"""Upstreams and engines whose every answer a test writes down beforehand, and songs they deliver."""

from pathlib import Path

from souk.net.http import Http
from souk.providers.base import (
    Accepted,
    Done,
    Failed,
    Job,
    NewPiece,
    OutputFile,
    Running,
    Tell,
    Unknown,
    file_reference,
)
from tests.engine.running import Running as House


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


class Told:
    """An engine on this machine that tells of its stages, and remembers its jobs."""

    def __init__(self, *stages: Running, done: Done) -> None:
        self._stages, self._done = stages, done
        self.jobs: list[Job] = []
        self.given: list[list[bytes]] = []
        """The files each job was to work on."""

    async def run(self, job: Job, workdir: Path, tell: Tell) -> Done:
        self.jobs.append(job)
        self.given.append([file.path.read_bytes() for file in await job.media.all()])
        for stage in self._stages:
            await tell(stage)
        return self._done

    async def close(self) -> None: ...


DONE = Done(files=[], result={"resultObject": {"text": "la la"}})
NOWHERE = OutputFile(url="http://127.0.0.1:9/gone.txt")
"""Reading it fails, so a task that succeeds has not read it."""
FIRST_SONG = OutputFile("text/plain", data=b"the first song")
FIRST = Running(
    stage="first",
    data={"tracks": [{"id": {"$piece": 0}, "audio": file_reference(0)}]},
    files=[FIRST_SONG],
)


def both(first: OutputFile) -> Done:
    """The end that FIRST leads to."""
    return Done(
        files=[first, OutputFile("text/plain", data=b"the second song")],
        result={
            "resultUrls": [file_reference(0), file_reference(1)],
            "tracks": [{"id": {"$piece": number}, "audio": file_reference(number)} for number in (0, 1)],
        },
        pieces=[
            NewPiece("song", "up-0", 0, {"title": "One – Eins"}),
            NewPiece("song", "up-1", 1, {"title": "Two"}),
        ],
    )


def upstream_answers(souk: House, *answers: Running | Done | Failed) -> None:
    """From now on the upstream service answers polls like this, the last for ever."""
    souk.engine._world.providers["kie"] = Staged(*answers)  # type: ignore[index]


def engine_does(souk: House, name: str, told: Told) -> Told:
    """From now on this engine of the machine does the work of that name."""
    souk.engine._world.locals[name] = told  # type: ignore[index]
    return told
