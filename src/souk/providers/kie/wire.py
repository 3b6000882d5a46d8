"""One API of KIE.AI as the adapter needs it: how a task is asked for, and what its answers and records mean."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from souk.providers.answers import quoted
from souk.providers.base import Accepted, Done, Failed, Job, Running, Unreachable
from souk.providers.kie.envelope import Answer, not_taken, task_id
from souk.words import JsonObject

NO_RECEIVER: Final = "https://callback.invalid/souk"
"""Where some APIs insist to report to. Without a public address of ours nobody is there, which harms nothing."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the service."""

    method: str
    path: str
    """Below the base URL, with its query."""
    body: JsonObject | None = None


class Lasting(Protocol):
    """An API whose tasks last: of the Market, of Veo, of Suno's songs and so on."""

    def create(self, job: Job) -> Call:
        """The one request that hands a task over."""
        ...

    def taken(self, answer: Answer, job: Job) -> Accepted | Done:
        """What the answer to it means. Raises Refused, or Unreadable where it proves nothing."""
        ...

    def look(self, job: Job, ref: str) -> Call:
        """The request for a task's record."""
        ...

    def verdict(self, answer: Answer, job: Job, ref: str) -> Running | Done | Failed:
        """What the record says. Raises Unreachable when it says nothing."""
        ...


class Recorded(ABC):
    """An API whose tasks are created at one path and looked up at another."""

    def __init__(self, path: str, record: str, *, names_model: bool = False, insists: bool = False) -> None:
        self._path = path
        self._record = record
        self._names_model = names_model
        self._insists = insists

    def create(self, job: Job) -> Call:
        body = dict(given(job))
        if self._names_model:
            body["model"] = job.upstream_model
        if job.webhook_url or self._insists:
            body["callBackUrl"] = job.webhook_url or NO_RECEIVER
        return Call("POST", self._path, body)

    def taken(self, answer: Answer, job: Job) -> Accepted | Done:
        return Accepted(task_id(answer, job.connection))

    def look(self, job: Job, ref: str) -> Call:  # noqa: ARG002 - the same for every job
        return Call("GET", with_query(self._record, {"taskId": ref}))

    def verdict(self, answer: Answer, job: Job, ref: str) -> Running | Done | Failed:
        record = answer.record
        if answer.code != 200 or answer.status != 200 or not record or record.get("taskId", ref) != ref:
            raise no_record(answer, job)
        return self.read(record, job)

    @abstractmethod
    def read(self, record: JsonObject, job: Job) -> Running | Done | Failed:
        """What a record of this very task says. Raises Unreachable."""


class AtOnce(ABC):
    """An API that answers a create with the result itself; what was made is read by ``read``."""

    def __init__(self, path: str) -> None:
        self._path = path

    def create(self, job: Job) -> Call:
        return Call("POST", self._path, dict(given(job)))

    def taken(self, answer: Answer, job: Job) -> Accepted | Done:
        if answer.fine and answer.record and (done := self.read(answer.record, job)):
            return done
        raise not_taken(answer, job.connection, maybe=answer.fine)

    @abstractmethod
    def read(self, data: JsonObject, job: Job) -> Done | None:
        """The result; None where the answer has none."""


Wire = Lasting | AtOnce
"""Any of the service's APIs."""


def given(job: Job) -> JsonObject:
    """The input as it is sent: with the upstream's addresses and ids in it."""
    return job.prepared.get("input", job.given)


def with_query(path: str, query: Mapping[str, Any]) -> str:
    return f"{path}?{urlencode(query)}"


def no_record(answer: Answer, job: Job) -> Unreachable:
    """There is no record to go by."""
    said = quoted(answer.message, job.connection.api_key)
    return Unreachable(f"no record: code {answer.code}, {said!r}", answer.retry_after)
