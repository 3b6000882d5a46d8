"""A provider's job as an errand of a child process: sent as plain JSON, tried again if the process dies."""

from pathlib import Path
from typing import Any, cast

from souk.providers.base import Job, OutputFile, Refused
from souk.providers.children.pool import Pool, WorkerDied
from souk.words import FailKind, JsonObject

TRIES = 2
"""A job whose child process died is run once more; the work has no effect outside its folder."""


async def request_of(engine: str, job: Job, workdir: Path) -> JsonObject:
    """The job as one JSON object: all a child process gets to know. ``engine``: whose jobs it is one of.

    Raises Refused when an input file cannot be had.
    """
    media = [
        {"field": file.field, "index": file.index, "path": str(file.path), "media_type": file.media_type}
        for file in await job.media.all()
    ]
    return {
        "engine": engine,
        "task_id": job.task_id,
        "model": job.model,
        "task": job.task,
        "upstream_model": job.upstream_model,
        "input": job.input,
        "output": job.output,
        "parents": [{"field": parent.field, "id": parent.id, "data": parent.data} for parent in job.parents],
        "media": media,
        "workdir": str(workdir),
    }


async def run_errand(pool: Pool, request: JsonObject, seconds: float, name: str) -> JsonObject:
    """The child's answer. Raises Refused. ``name``: how messages call the engine, such as ``The sandbox``."""
    died: WorkerDied | None = None
    for _ in range(TRIES):
        try:
            answer = await pool.run(request, seconds)
        except WorkerDied as error:
            died = error
            continue
        except TimeoutError as error:
            message = f"{name} did not finish within {seconds:g} seconds."
            raise Refused(FailKind.TIMEOUT, message) from error
        if refused := cast("dict[str, Any] | None", answer.get("refused")):
            raise Refused(FailKind(refused["kind"]), refused["message"])
        return answer
    raise Refused(FailKind.TRANSIENT, f"{name}'s child process died twice.", upstream=str(died)[:500])


def files_of(answer: JsonObject) -> list[OutputFile]:
    """The files a child made, in order."""
    made: list[dict[str, str]] = answer["files"]
    return [OutputFile(file["media_type"], path=Path(file["path"]), label=file["label"]) for file in made]
