"""What must be made of an input picture before it can be sent: an alpha mask, or a first picture of the clip's size.

A child process does it, with the local engine's jobs, in the task's own folder. Most tasks need neither.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from souk.providers.base import Job, MediaFile, Refused
from souk.providers.children.errand import files_of, run_errand
from souk.providers.children.pool import Pool
from souk.providers.openai.clips import REFERENCE
from souk.providers.openai.pictures import MASK, pictures_of
from souk.words import FailKind, JsonObject

FITTING_SECONDS: Final = 60.0
MASK_FIELDS: Final = {"gpt4o-image": "maskUrl"}
"""Our field of the mask, by model: black is repainted, white is kept, and it counts with one picture only."""


async def fitted(job: Job) -> JsonObject:
    """The paths of what was made, by the API's name for it. Raises Refused."""
    if job.output.get("kind") == "video":
        return await _reference(job)
    return await _mask(job)


async def _mask(job: Job) -> JsonObject:
    if job.model not in MASK_FIELDS:
        given = await job.media.files(MASK)
        return {MASK: str(given[0].path)} if given else {}
    pictures = await pictures_of(job)
    if len(pictures) != 1:
        return {}
    masks = await job.media.files(MASK_FIELDS[job.model])
    return {MASK: await _made(job, "alpha-mask", [*masks, *pictures], {})} if masks else {}


async def _reference(job: Job) -> JsonObject:
    """The API takes one first picture, in the very pixels of the clip."""
    files = await job.media.all()
    if not files:
        return {}
    if len(files) > 1 or not files[0].media_type.startswith("image/"):
        raise Refused(
            FailKind.UNSUPPORTED, f"{files[-1].field}: the upstream takes one picture and no other file"
        )
    return {REFERENCE: await _made(job, "resize-image", files, {"fit": "cover"})}


async def _made(job: Job, kind: str, files: Sequence[MediaFile], input: JsonObject) -> str:
    """The path of the picture that a job of the local engine makes of files."""
    workdir = files[0].path.parent / f"fitted-{job.attempt_id}"
    workdir.mkdir(exist_ok=True)
    sides = {name: job.output[name] for name in ("width", "height") if job.output.get(name)}
    request = {
        "engine": "local",
        "task_id": job.task_id,
        "upstream_model": kind,
        "input": input,
        "output": {"kind": "image", "extension": "png", **sides},
        "parents": [],
        "media": [
            {"field": file.field, "index": file.index, "path": str(file.path), "media_type": file.media_type}
            for file in files
        ],
        "workdir": str(workdir),
    }
    pool = Pool(1)
    try:
        answer = await run_errand(pool, request, FITTING_SECONDS, "The fitting of an input picture")
    finally:
        await pool.close()
    (made,) = files_of(answer)
    return str(made.path or Path())
