"""What an upstream takes of input files where that is less than our models do: declared by its adapter, judged here."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from souk.providers.base import Job, MediaFile
from souk.providers.children.shrink import Size, shrunk

MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Takes:
    """The files of one kind that an upstream takes. What its maker names no limit for is 0, and has none."""

    types: frozenset[str]
    """Media types, by the names of :mod:`souk.assets.sniff`."""
    max_bytes: int = 0
    """Of one file, before it is written in base64."""
    max_pixels: int = 0
    """Width times height."""
    max_edge: int = 0
    min_edge: int = 0
    """Pixels of the longer and of the shorter side."""
    max_seconds: float = 0


@runtime_checkable
class Choosy(Protocol):
    """What a provider may be beside: one whose upstream takes less than our models do. It gets files that fit."""

    def takes(self, job: Job) -> Mapping[str, Takes | None]:
        """What it takes of a job's files: by field, or else by kind (``image``); None or nothing means any."""
        ...


class Lack(StrEnum):
    """What keeps a file from being taken as it is."""

    TYPE = "type"
    BYTES = "bytes"
    SIZE = "size"
    SHAPE = "shape"
    """There is no size of its shape that is neither too large nor too small."""
    LENGTH = "length"
    UNKNOWN = "unknown"
    """Its headers do not tell its size, and there are limits to that."""


def rule_for(takes: Mapping[str, Takes | None], file: MediaFile) -> Takes | None:
    """What holds for a file; None if it is taken whatever it is."""
    return takes[file.field] if file.field in takes else takes.get(file.kind)


def lacks(file: MediaFile, takes: Takes) -> frozenset[Lack]:
    """What a file lacks; nothing if it is taken as it is."""
    found = {
        Lack.TYPE: file.media_type not in takes.types,
        Lack.BYTES: bool(takes.max_bytes) and file.size > takes.max_bytes,
        Lack.LENGTH: bool(takes.max_seconds) and (file.seconds or 0) > takes.max_seconds,
    }
    if file.kind == "image" and (takes.max_pixels or takes.max_edge or takes.min_edge):
        size = _size(file)
        fit = shrunk(size, takes.max_pixels, takes.max_edge, takes.min_edge) if size else None
        found[Lack.UNKNOWN] = size is None
        found[Lack.SHAPE] = size is not None and fit is None
        found[Lack.SIZE] = fit not in (None, size)
    return frozenset(lack for lack, is_so in found.items() if is_so)


def _size(file: MediaFile) -> Size | None:
    return (file.width, file.height) if file.width and file.height else None
