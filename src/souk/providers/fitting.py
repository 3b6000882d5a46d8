"""Input files as an upstream takes them: converted, scaled or packed anew in a child process, and each change told.

What is made lies in the task's own folder and has no address: it travels inside the request, or is uploaded.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from souk.providers.base import NO_FILES, Job, MediaFile, Refused
from souk.providers.children.errand import files_of, run_errand
from souk.providers.children.pool import Pool
from souk.providers.takes import MB, Choosy, Lack, Takes, lacks, rule_for
from souk.words import FailKind, JsonObject

ENGINE: Final = "local"
WORK: Final = {"image": "fit-picture", "audio": "fit-sound"}
"""What the local engine's child processes call the work, by kind of file. Clips are never changed."""
SECONDS: Final = {"image": 120.0, "audio": 300.0}
"""What one file may take. No honest file of a size that our models accept comes near."""
TOO_MUCH: Final = "took too long to read; send a smaller or simpler file"


class FittedMedia:
    """The input files of one job, as its upstream takes them. A :class:`souk.providers.base.Media`."""

    def __init__(
        self,
        job: Job,
        takes: Mapping[str, Takes | None],
        pool: Pool,
        seconds: Mapping[str, float] = SECONDS,
    ) -> None:
        self._media, self._takes, self._pool, self._seconds = job.media, takes, pool, seconds
        self._job = job
        self._made: dict[Path, tuple[MediaFile, str]] = {}
        self._locks: dict[Path, asyncio.Lock] = {}
        self._said: dict[str, str] = {}

    @property
    def said(self) -> tuple[str, ...]:
        """What was made of which file, for the caller to read."""
        return tuple(self._said.values())

    async def files(self, field: str) -> Sequence[MediaFile]:
        """See :meth:`souk.providers.base.Media.files`."""
        return [await self._fit(file) for file in await self._media.files(field)]

    async def all(self) -> Sequence[MediaFile]:
        """See :meth:`souk.providers.base.Media.all`."""
        return [await self._fit(file) for file in await self._media.all()]

    async def _fit(self, file: MediaFile) -> MediaFile:
        takes = rule_for(self._takes, file)
        lacking = lacks(file, takes) if takes else frozenset[Lack]()
        if takes is None or not lacking:
            return file
        if impossible := _impossible(file, takes, lacking):
            raise Refused(FailKind.UNSUPPORTED, f"{file.name}: the upstream takes {impossible}")
        # The same address may be given twice.
        async with self._locks.setdefault(file.path, asyncio.Lock()):
            if file.path not in self._made:
                self._made[file.path] = await self._fitted(file, takes)
        made, done = self._made[file.path]
        if not done:
            return file
        self._said[file.name] = f"{file.name}: {done} for {self._job.connection.provider}"
        return replace(made, field=file.field, index=file.index, label=file.label)

    async def _fitted(self, file: MediaFile, takes: Takes) -> tuple[MediaFile, str]:
        """The file as the upstream takes it, and what was done to it. Raises Refused."""
        folder = file.path.parent / f"fitted-{self._job.attempt_id}"
        await asyncio.to_thread(folder.mkdir, exist_ok=True)
        try:
            request = _request(self._job, file, takes, folder)
            answer = await run_errand(self._pool, request, self._seconds[file.kind], "The conversion")
        except Refused as refused:
            if refused.kind is not FailKind.TIMEOUT:
                raise
            raise Refused(FailKind.BAD_INPUT, f"{file.name}: {TOO_MUCH}") from refused
        told: JsonObject = answer["result"]
        if not told["fits"]:
            most = f"at most {takes.max_bytes // MB} MB, which this file does not fit into"
            raise Refused(FailKind.UNSUPPORTED, f"{file.name}: the upstream takes {most}")
        made = files_of(answer)
        if not made or made[0].path is None:  # it turned out to be right as it is
            return file, ""
        path = made[0].path
        size = (await asyncio.to_thread(path.stat)).st_size
        width, height = told.get("size") or (None, None)
        fit = replace(
            file,
            path=path,
            media_type=made[0].media_type,
            size=size,
            width=width,
            height=height,
            url="",
            reachable=False,
        )
        return fit, _done(file, fit, told)


async def fitted(job: Job, provider: object, pool: Pool | None) -> Job:
    """The job with its files at hand, as its upstream takes them. Raises Refused.

    ``pool`` None leaves them as they are.
    """
    if pool is None or job.media is NO_FILES or not isinstance(provider, Choosy):
        return job
    media = FittedMedia(job, provider.takes(job), pool)
    await media.all()
    return replace(job, media=media)


def said_of(job: Job) -> tuple[str, ...]:
    """What was made of a job's files so far."""
    return job.media.said if isinstance(job.media, FittedMedia) else ()


def _impossible(file: MediaFile, takes: Takes, lacking: frozenset[Lack]) -> str:
    """What the upstream takes that no conversion makes of this file; empty if one may."""
    if Lack.LENGTH in lacking:
        return f"at most {takes.max_seconds:g} seconds, not {file.seconds or 0:.4g}"
    if Lack.SHAPE in lacking:
        return f"no picture as long or as small as {file.width} x {file.height} pixels"
    if file.kind in WORK:
        return ""
    if Lack.TYPE in lacking:
        return f"{', '.join(sorted(takes.types))}, not {file.media_type}"
    return f"at most {takes.max_bytes // MB} MB"


def _request(job: Job, file: MediaFile, takes: Takes, folder: Path) -> JsonObject:
    return {
        "engine": ENGINE,
        "task_id": job.task_id,
        "upstream_model": WORK[file.kind],
        "input": {
            "types": sorted(takes.types),
            "max_bytes": takes.max_bytes,
            "max_pixels": takes.max_pixels,
            "max_edge": takes.max_edge,
            "min_edge": takes.min_edge,
        },
        "output": {},
        "parents": [],
        "media": [
            {"field": file.name, "index": 0, "path": str(file.path), "media_type": file.media_type},
        ],
        "workdir": str(folder),
    }


def _done(old: MediaFile, new: MediaFile, told: JsonObject) -> str:
    """Such as ``converted from image/webp to image/jpeg and scaled from 6000x4000 to 4096x2731``."""
    steps: list[str] = []
    if new.media_type != old.media_type:
        steps.append(f"converted from {old.media_type} to {new.media_type}")
    if told.get("frames", 1) > 1:
        steps.append(f"reduced to the first of its {told['frames']} pictures")
    was = told.get("was")
    if was and was != told["size"]:
        steps.append(f"scaled from {was[0]}x{was[1]} to {new.width}x{new.height}")
    if not steps:
        steps.append(f"packed anew from {old.size / MB:.3g} to {new.size / MB:.3g} MB")
    return ", ".join(steps[:-1]) + " and " + steps[-1] if len(steps) > 1 else steps[0]
