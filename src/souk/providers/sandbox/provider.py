"""The sandbox as a local provider: reads the triggers, hands the job to a child process, names its files."""

import asyncio
from pathlib import Path

from souk.providers.base import Done, Job, NewPiece, Refused, Tell
from souk.providers.children.errand import files_of, request_of, run_errand
from souk.providers.children.pool import Pool
from souk.providers.sandbox.staged import has_tracks, make_songs
from souk.providers.sandbox.triggers import Triggers, read_triggers
from souk.words import FailKind

ENGINE = "sandbox"
"""How requests to child processes name this engine."""

JOB_SECONDS = 180.0
"""Wall-clock seconds one job may take in its child process."""


class Sandbox:
    """Runs any model of the catalogue in child processes; a :class:`souk.providers.base.LocalProvider`.

    ``pool``: the child processes, shared with other engines. ``delay``: seconds added to every run.
    """

    def __init__(self, pool: Pool, delay: float = 0.0, job_seconds: float = JOB_SECONDS) -> None:
        self._pool = pool
        self._delay = delay
        self._job_seconds = job_seconds

    async def run(self, job: Job, workdir: Path, tell: Tell) -> Done:
        """Make the job's files in ``workdir``. Raises Refused."""
        triggers = read_triggers(job.input)
        await self._rehearse(triggers)
        request = await request_of(ENGINE, job, workdir)
        if has_tracks(request):
            return await make_songs(self._pool, request, self._job_seconds, tell)
        answer = await run_errand(self._pool, request, self._job_seconds, "The sandbox")
        made = answer["pieces"] or [{"kind": kind} for kind in job.output.get("pieces", ())]
        pieces = [NewPiece(**piece) for piece in made]
        return Done(files_of(answer), answer["result"], seconds=answer["seconds"], pieces=pieces)

    async def close(self) -> None:
        """End the child processes, other engines' too."""
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
