"""The local engine as a local provider: hands a job to a child process, within the time its kind of work may take."""

from collections.abc import Mapping
from pathlib import Path

from souk.providers.base import Done, Job, Refused, Tell
from souk.providers.children.errand import files_of, request_of, run_errand
from souk.providers.children.pool import Pool
from souk.words import FailKind

ENGINE = "local"
"""How requests to child processes name this engine."""

JOB_SECONDS: Mapping[str, float] = {
    "wav": 300,
    "music-video": 900,
    "upscale": 3000,
    "upscale-1080p": 1500,
    "upscale-4k": 3000,
    "resize-image": 120,
    "convert-audio": 600,
}
"""Kind of work, as routes name it -> wall-clock seconds one job may take in its child process.

Ten minutes of 24 pictures a second at 4K take most of the longest on one slow core.
"""


class LocalEngine:
    """Does media work in child processes; a :class:`souk.providers.base.LocalProvider`.

    ``pool``: the child processes, shared with other engines. ``seconds``: kind of work -> its time limit.
    """

    def __init__(self, pool: Pool, seconds: Mapping[str, float] = JOB_SECONDS) -> None:
        self._pool = pool
        self._seconds = seconds

    async def run(self, job: Job, workdir: Path, tell: Tell) -> Done:  # noqa: ARG002 - its work has no stages
        """Do what ``job.upstream_model`` names, leaving files in ``workdir``. Raises Refused."""
        seconds = self._seconds.get(job.upstream_model)
        if seconds is None:
            known = ", ".join(JOB_SECONDS)
            raise Refused(
                FailKind.UNSUPPORTED,
                f"The local engine has no work called {job.upstream_model!r}; a route to it may name {known}.",
            )
        request = await request_of(ENGINE, job, workdir)
        answer = await run_errand(self._pool, request, seconds, "The local engine")
        return Done(files_of(answer), answer["result"], seconds=answer["seconds"])

    async def close(self) -> None:
        """End the child processes, other engines' too."""
        await self._pool.close()
