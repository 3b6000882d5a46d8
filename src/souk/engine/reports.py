"""Reports of upstreams: what came to the address of an attempt, as it lies there until its task has heard it."""

import base64
from dataclasses import dataclass

import msgspec

from souk.store.hints import HintRow
from souk.words import Millis, TaskId

KEPT_BYTES = 256 * 1024
"""A longer report is kept as the bare news that there was one: it is a hint to poll, whatever it said."""


@dataclass(frozen=True, slots=True)
class Report:
    """One request that an upstream sent."""

    attempt_id: str
    at: Millis
    """When it came: what is signed for minutes may be heard later, after a restart."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes | None
    """None where it was too long to keep."""


class _Kept(msgspec.Struct, frozen=True):
    headers: dict[str, str]
    body: str


def to_row(task_id: TaskId, report: Report) -> HintRow:
    """A report as it is stored."""
    said = None
    if report.body is not None and len(report.body) <= KEPT_BYTES:
        kept = _Kept(report.headers, base64.b64encode(report.body).decode())
        said = msgspec.json.encode(kept).decode()
    return HintRow(task_id, report.attempt_id, report.at, said)


def from_row(row: HintRow) -> Report:
    """A stored report again."""
    if row.report is None:
        return Report(row.attempt_id, Millis(row.at), {}, None)
    kept = msgspec.json.decode(row.report, type=_Kept)
    return Report(row.attempt_id, Millis(row.at), kept.headers, base64.b64decode(kept.body))
