"""The sandbox as a local provider: reads the triggers, hands the job to a child process, names its files."""

import asyncio
import os
from pathlib import Path
from typing import Any

from souk.providers.base import Done, Job, NewPiece, OutputFile, Refused, Tell
from souk.providers.sandbox.pool import Pool, WorkerDied
from souk.providers.sandbox.triggers import Triggers, read_triggers
from souk.words import FailKind, JsonObject

JOB_SECONDS = 180.0
"""Wall-clock seconds one job may take in its child process."""
TRIES = 2
"""A job whose child process died is run once more; the work has no effect outside its folder."""


class Sandbox:
    """Runs any model of the catalogue in child processes; a :class:`souk.providers.base.LocalProvider`.

    ``workers``: child processes at most (default: one per CPU). ``delay``: seconds added to every run.
    """

    def __init__(
        self, workers: int | None = None, delay: float = 0.0, job_seconds: float = JOB_SECONDS
    ) -> None:
        self._pool = Pool(workers or os.cpu_count() or 1)
        self._delay = delay
        self._job_seconds = job_seconds

    async def run(self, job: Job, workdir: Path, tell: Tell) -> Done:  # noqa: ARG002 - nothing it makes has stages
        """Make the job's files in ``workdir``. Raises Refused."""
        triggers = read_triggers(job.input)
        await self._rehearse(triggers)
        request = await _request(job, workdir)
        answer = await self._ask(request)
        refused = answer.get("refused")
        if refused:
            raise Refused(FailKind(refused["kind"]), refused["message"])
        files = [
            OutputFile(media_type=made["media_type"], path=Path(made["path"])) for made in answer["files"]
        ]
        pieces = [NewPiece(kind) for kind in job.output.get("pieces", ())]
        return Done(files, answer["result"], seconds=answer["seconds"], pieces=pieces)

    async def close(self) -> None:
        """End the child processes."""
        await self._pool.close()

    @property
    def pids(self) -> list[int]:
        """The process ids of the child processes that live now."""
        return self._pool.pids

    async def _rehearse(self, triggers: Triggers) -> None:
        if triggers.stall:
            await asyncio.Event().wait()
        await asyncio.sleep(self._delay + triggers.delay)
        if triggers.moderated:
            raise Refused(
                FailKind.MODERATION, "The sandbox was told to find this prompt against the content rules."
            )
        if triggers.fail:
            message = f"The sandbox was told to fail with code {triggers.fail}."
            raise Refused(triggers.fail_kind, message, upstream=triggers.fail)

    async def _ask(self, request: JsonObject) -> JsonObject:
        died: WorkerDied | None = None
        for _ in range(TRIES):
            try:
                return await self._pool.run(request, self._job_seconds)
            except WorkerDied as error:
                died = error
            except TimeoutError as error:
                message = f"The sandbox did not finish within {self._job_seconds:g} seconds."
                raise Refused(FailKind.TIMEOUT, message) from error
        raise Refused(FailKind.TRANSIENT, "The sandbox's child process died twice.", upstream=str(died)[:500])


async def _request(job: Job, workdir: Path) -> dict[str, Any]:
    """The job as one JSON object: all a child process gets to know."""
    media = [
        {"field": file.field, "index": file.index, "path": str(file.path), "media_type": file.media_type}
        for file in await job.media.all()
    ]
    return {
        "task_id": job.task_id,
        "model": job.model,
        "task": job.task,
        "input": job.input,
        "output": job.output,
        "media": media,
        "workdir": str(workdir),
    }
