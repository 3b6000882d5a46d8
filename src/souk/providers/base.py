"""The provider contract: how an upstream (or local engine) is asked to run a task, and what its answers mean.

Providers never sleep, loop on time, read the clock, the environment or the database.
The engine owns time, retries and storage; a provider only translates one step at a time.
"""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

from souk.net.http import Http
from souk.words import Credits, FailKind, JsonObject, Millis, ModelId, TaskId


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One input file of a task, fetched once and checked against the catalogue's limits."""

    field: str
    index: int
    path: Path
    media_type: str
    size: int
    url: str
    """A public address of the file; only useful to upstreams that can reach it."""
    reachable: bool = True
    """False when ``url`` is only reachable from this machine or network."""
    width: int | None = None
    height: int | None = None
    """Pixels, as far as the file's headers tell."""
    seconds: float | None = None
    label: str = ""
    """How messages name it, such as ``image_urls[1]``; empty means by its field."""

    @property
    def kind(self) -> str:
        """``image``, ``video`` or ``audio``."""
        return self.media_type.partition("/")[0]

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.label or self.field


class Media(Protocol):
    """The input files of a task, by the input field that names them."""

    async def files(self, field: str) -> Sequence[MediaFile]:
        """The files of one field, in order; empty if the field is absent.

        A field that names a parent task gives the parent's result files.
        Raises :class:`Refused` (``input_unreachable`` or ``bad_input``).
        """
        ...

    async def all(self) -> Sequence[MediaFile]:
        """Every input file of the task, in the schema's field order."""
        ...


class _NoFiles:
    async def files(self, field: str) -> Sequence[MediaFile]:  # noqa: ARG002 - the same for every field
        return ()

    async def all(self) -> Sequence[MediaFile]:
        return ()


NO_FILES: Final[Media] = _NoFiles()
"""The media of tasks without input files, which most are."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A configured provider: whose key, at which address, with which limits."""

    name: str
    provider: str
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    concurrency: int = 0
    """Tasks in flight at once on this connection, over all processes; 0 = no limit."""
    polls_per_second: float = 50.0
    """Status calls, over all processes; 0 = no limit."""
    submits_per_minute: float = 0.0
    """Over all processes; 0 = no limit."""
    daily_cap: int = 0
    """Credits its tasks and chats may cost on one UTC day, in units of 0.0001 credit; 0 = no cap."""
    options: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def answers_for(self, name: str, provider: str | None) -> bool:
        """Whether it can be asked about what ran on the connection of this name, which was this provider's then.

        A provider that was not noted (None or empty) is taken for the one that has the name now.
        """
        return self.name == name and provider in (None, "", self.provider)


@dataclass(frozen=True, slots=True)
class ParentRef:
    """An earlier task or piece that the input names, as the upstream that made it knows it."""

    field: str
    """The input path that names it."""
    id: str
    """Our id, as the input has it."""
    connection: str
    ref: str
    """The upstream's own id."""
    # By its full name, because the class has a field of this one.
    data: JsonObject = dataclasses.field(default_factory=dict[str, Any])
    """What the provider that made a piece wrote down about it; empty for a task."""
    kind: str = ""
    """What the piece is, such as ``song``; empty for a task."""
    provider: str = ""
    """Whose connection it was when it was made; empty where that was not noted."""


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt of a task, as a provider sees it."""

    task_id: TaskId
    attempt_id: str
    """32 hex digits; the upstream idempotency key where the upstream has one."""
    model: ModelId
    task: str
    """The kind of work, such as ``text-to-image``."""
    input: JsonObject
    upstream_model: str
    """The model's id at this upstream, from the route."""
    output: JsonObject
    """What is asked for, from the catalogue: :class:`souk.catalog.output.OutputSpec` as a plain object."""
    media: Media
    connection: Connection
    now: Millis
    prepared: JsonObject = field(default_factory=dict[str, Any])
    """What :meth:`Provider.prepare` learnt, such as addresses of uploaded inputs."""
    parents: Sequence[ParentRef] = ()
    """What earlier tasks and pieces in the input are called upstream; all on this job's connection."""
    webhook_url: str = ""
    """Where the upstream may report back; empty when Souk has no public address."""
    hops: int = 0
    """How many Souks the task passed before this one, as the create call told."""
    filled: frozenset[str] = frozenset()
    """Fields of ``input`` that nobody asked for: the catalogue's defaults, and what the wire filled in."""

    @property
    def given(self) -> JsonObject:
        """The input as the caller gave it."""
        return {name: value for name, value in self.input.items() if name not in self.filled}


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One file of a result: exactly one of ``url``, ``path`` or ``data`` is set.

    What is large is named by its address and goes to disk as it arrives; ``data`` lies in memory, whole.
    """

    media_type: str = ""
    """As the upstream declares it; the stored type is sniffed from the bytes."""
    url: str = ""
    path: Path | None = None
    data: bytes | None = field(default=None, repr=False)
    label: str = ""
    """What its stored name says beside a random id, such as ``Drums`` of a song's stem; mostly nothing."""
    keyed: bool = False
    """``url`` opens with the connection's key only: the provider is :class:`Keyed` and gives it when it is fetched."""


def file_reference(index: int) -> JsonObject:
    """A stand-in for the address of ``Done.files[index]`` inside ``Done.result``."""
    return {"$file": index}


@dataclass(frozen=True, slots=True)
class Accepted:
    """The upstream took the task; ``ref`` names it in every later call."""

    ref: str


@dataclass(frozen=True, slots=True)
class NewPiece:
    """An addressable output that is not (only) a file, such as a song or a character that later tasks may name."""

    kind: str
    upstream_ref: str = ""
    file: int | None = None
    """Which of ``Done.files`` it is heard or seen in; tasks that name the piece get this file alone."""
    data: JsonObject = field(default_factory=dict[str, Any])
    """What later tasks must know of it; comes back as :attr:`ParentRef.data`. It cannot name files."""


@dataclass(frozen=True, slots=True)
class Done:
    """Verified success: the files and the result object in the model's documented shape.

    ``result`` may hold ``{"$file": n}`` wherever the address of ``files[n]`` belongs, and ``{"$piece": n}`` wherever
    our id of ``pieces[n]`` does.
    """

    files: Sequence[OutputFile]
    result: JsonObject
    cost: Credits | None = None
    seconds: float | None = None
    """Length of the work where the files do not show it, such as the sound a transcript was made from."""
    pieces: Sequence[NewPiece] = ()


@dataclass(frozen=True, slots=True)
class Running:
    """Not finished. ``progress`` is 0-100 if the upstream tells."""

    progress: int | None = None
    stage: str = ""
    """A stage of the work that is reached, such as ``text`` or ``first``; the client is told of each once."""
    data: JsonObject = field(default_factory=dict[str, Any])
    """What is known at this stage, with ``{"$file": n}`` and ``{"$piece": n}`` as in a result."""
    files: Sequence["OutputFile"] = ()
    """What is finished at this stage: the first of ``Done.files``, stored now and not again at the end."""
    queued: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """A verified terminal failure after acceptance."""

    kind: FailKind
    message: str
    upstream: str = ""
    """The upstream's own code or words, secrets removed, at most 500 characters."""


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """``recover`` proved that the upstream never took the submit."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """``recover`` cannot tell."""


class Refused(Exception):
    """The answer *proves* the upstream did not take the task."""

    def __init__(
        self, kind: FailKind, message: str, upstream: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.upstream = upstream
        self.retry_after = retry_after


class Unreachable(Exception):
    """A poll got no readable verdict (network, auth, 404, rate limit, 5xx, bad JSON): ask again later."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Provider(Protocol):
    """An upstream service that is reached over HTTP."""

    idempotent: bool
    """The upstream honours ``job.attempt_id`` as an idempotency key."""

    async def prepare(self, job: Job, http: Http) -> Job:
        """Uploads and the like: repeatable, before the submit mark. Raises Refused."""
        ...

    async def submit(self, job: Job, http: Http) -> Accepted | Done:
        """Hand the task over, in one request. Raises Refused only on proof of non-acceptance.

        Anything else that goes wrong (a :class:`souk.net.http.MaybeSent` included) makes the outcome unclear.
        """
        ...

    async def recover(self, job: Job, http: Http) -> Accepted | Done | NotAccepted | Unknown:
        """Look up whether an unclear submit was taken."""
        ...

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        """Ask once how it stands. Raises Unreachable when there is no verdict."""
        ...

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:
        """True only if the upstream confirms that the task will not run or be charged."""
        ...


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """What an upstream sent to ``job.webhook_url``. Nobody but it and us knows that address."""

    job: Job
    """Its ``now`` is the moment the webhook came."""
    ref: str
    """The upstream's id of the task; empty while its answer to the submit is still on the way, or was lost."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Hint:
    """A webhook is about this task: its upstream is polled now."""

    ref: str = ""
    """The upstream's id of the task, as polls want it. By it, a submit whose answer was lost counts as taken."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A webhook that is signed and tells everything: as good as the answer to a poll."""

    verdict: Running | Done | Failed
    ref: str = ""
    """As in a :class:`Hint`."""


@runtime_checkable
class Reporting(Protocol):
    """What a provider may be beside: one whose upstream reports back. Only then is ``job.webhook_url`` set."""

    async def webhook(self, request: WebhookRequest, http: Http) -> Hint | Reply | None:
        """What a webhook means; None if it is not about this task, or not what it claims to be."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """What opens the address of an output. It is made anew for every fetch and never stored."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Sent to the address's own origin only: a redirect to another one goes without them."""
    trusted: bool = False
    """The address is on the operator's base URL, so it may be a private one."""


@runtime_checkable
class Keyed(Protocol):
    """What a provider may be beside: one that has outputs which open with the connection's key only."""

    async def access(self, job: Job, url: str, http: Http) -> Access:
        """What opens an address that this provider named in an output; nothing if it is not the service's own.

        Raises Refused or Unreachable where it cannot be had now.
        """
        ...


Tell = Callable[[Running], Awaitable[None]]
"""How a local engine reports a stage while it runs. Returns once the stage is stored."""


class LocalProvider(Protocol):
    """An engine on this machine; runs can always be repeated."""

    async def run(self, job: Job, workdir: Path, tell: Tell) -> Done:
        """Do the work in child processes, leaving files in ``workdir``. Raises Refused."""
        ...

    async def close(self) -> None:
        """Stop the child processes."""
        ...
