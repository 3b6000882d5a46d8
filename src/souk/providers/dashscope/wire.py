"""How DashScope is spoken to: where it is, whose key opens it, and what every body of ours has in common.

Sources: what the maker's official SDK (``dashscope`` 2.0) sends, and what the service answers.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

from souk.providers.answers import as_object
from souk.providers.base import Connection, Job, Refused
from souk.words import FailKind, JsonObject

BASE_URL: Final = "https://dashscope-intl.aliyuncs.com/api/v1"
"""The international service. A key opens one region only, and each has a host of its own."""
ANSWER_BYTES: Final = 1024 * 1024

HINTS: Final = frozenset({"nsfw_checker", "enable_safety_checker", "sync_mode", "acceleration"})
"""Inputs the service has nothing for: its own content rules always hold, and nobody waits for its answer."""
MOST_SEED: Final = 2147483647


def address(job: Job, path: str) -> str:
    """Where a path of the API is at the job's connection."""
    return f"{base(job.connection)}{path}"


def base(connection: Connection) -> str:
    """The address all paths begin with."""
    return (connection.base_url or BASE_URL).rstrip("/")


def key(job: Job) -> dict[str, str]:
    """The header that opens the API."""
    return {"Authorization": f"Bearer {job.connection.api_key}"}


def as_list(value: Any) -> list[Any]:
    """A JSON array as it is; anything else as an empty one."""
    return cast(list[Any], value) if isinstance(value, list) else []


def unsupported(field: str, why: str) -> Refused:
    """The refusal that lets the next route be tried."""
    return Refused(FailKind.UNSUPPORTED, f"{field}: {why}")


def refuse_unless(job: Job, known: Iterable[str]) -> None:
    """Raise Refused if the input asks for something that the service has no field for."""
    understood = {*known, *HINTS}
    for name, value in job.input.items():
        if name not in understood and value not in (None, "", []):
            raise unsupported(name, "the upstream has nothing like it for this model")
    if not 0 <= int(job.input.get("seed") or 0) <= MOST_SEED:
        raise unsupported("seed", f"the upstream takes 0 to {MOST_SEED}")


def settings(job: Job, *names: str) -> JsonObject:
    """Those of these inputs that have a value. A seed only where someone asked for it: ours is no better than any."""
    unasked = {"seed"} & job.filled
    return {
        name: job.input[name] for name in names if job.input.get(name) is not None and name not in unasked
    }


def files_at(job: Job, field: str) -> Sequence[str]:
    """Where the service finds the input files of one field, as :func:`prepared` wrote it down."""
    return [str(place) for place in as_list(as_object(job.prepared.get("addresses")).get(field))]


def file_at(job: Job, *fields: str) -> str | None:
    """Where the service finds the first file of these fields; None where there is none."""
    return next((place for field in fields for place in files_at(job, field)), None)
