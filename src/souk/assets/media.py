"""The input files of one task, as providers get them: held to the model's limits, refused with a reason."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from souk.assets.ingest import UNKNOWN_TYPE
from souk.assets.inputs import Fetched, Inputs, Sources, Unusable, readable
from souk.assets.sniff import canonical
from souk.providers.base import MediaFile, Refused
from souk.store.assets import AssetRow
from souk.words import FailKind

MAX_PIXELS = 100_000_000


class Rule(Protocol):
    """What one input field takes. The catalogue's rules have this shape."""

    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def accept(self) -> tuple[str, ...]: ...
    @property
    def max_bytes(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class _Given:
    """One address of the input."""

    field: str
    index: int
    """Among the addresses of the same field."""
    label: str
    """How messages name it."""
    url: str
    rule: Rule
    max_bytes: int


class TaskMedia:
    """:class:`souk.providers.base.Media` for one task.

    ``inputs`` are the addresses in the task's input, in order, each with its catalogue path
    (``image_urls[]``) and rule. ``parents`` gives the result files of the tasks that input fields name.
    ``workdir`` is the task's own folder and stays until the provider is done.
    """

    def __init__(
        self,
        inputs: Sequence[tuple[str, str, Rule]],
        parents: Mapping[str, Sequence[AssetRow]],
        workdir: Path,
        sources: Sources,
    ) -> None:
        self._inputs = _numbered(inputs, sources.max_bytes)
        self._parents = parents
        self._files = Inputs(workdir, sources)

    async def files(self, field: str) -> Sequence[MediaFile]:
        """See :meth:`souk.providers.base.Media.files`."""
        if field in self._parents:
            return [await self._of_parent(field, row) for row in self._parents[field]]
        return await self._checked([given for given in self._inputs if given.field == field])

    async def all(self) -> Sequence[MediaFile]:
        """Every input file in the order given, then the files of parents."""
        own = await self._checked(self._inputs)
        return [*own, *[file for field in self._parents for file in await self.files(field)]]

    async def _checked(self, inputs: Sequence[_Given]) -> list[MediaFile]:
        """All of them, or the refusal of the first that cannot be used."""
        answers = await asyncio.gather(*map(self._check, inputs), return_exceptions=True)
        files: list[MediaFile] = []
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            files.append(answer)
        return files

    async def _check(self, given: _Given) -> MediaFile:
        try:
            fetched = await self._files.fetch(given.url, given.max_bytes)
            _hold_to(given, fetched)
        except Unusable as error:
            raise Refused(error.kind, f"{given.label}: {error}") from None
        return _media_file(given.field, given.index, given.label, fetched)

    async def _of_parent(self, field: str, row: AssetRow) -> MediaFile:
        try:
            return _media_file(field, row.number, field, await self._files.stored(row))
        except Unusable as error:
            raise Refused(error.kind, f"{field}: {error}") from None


def _numbered(inputs: Sequence[tuple[str, str, Rule]], max_bytes: int) -> list[_Given]:
    """The addresses one by one; ``max_bytes`` is for fields without a limit of their own."""
    counts: dict[str, int] = {}
    given: list[_Given] = []
    for path, url, rule in inputs:
        index = counts.get(path, 0)
        counts[path] = index + 1
        field = path.removesuffix("[]")
        label = field if field == path else f"{field}[{index}]"
        given.append(_Given(field, index, label, url, rule, rule.max_bytes or max_bytes))
    return given


def _media_file(field: str, index: int, label: str, fetched: Fetched) -> MediaFile:
    return MediaFile(
        field=field,
        index=index,
        path=fetched.path,
        media_type=fetched.media_type,
        size=fetched.size,
        url=fetched.url,
        reachable=fetched.reachable,
        width=fetched.measured.width,
        height=fetched.measured.height,
        seconds=fetched.measured.seconds,
        label=label,
    )


def _hold_to(given: _Given, fetched: Fetched) -> None:
    """Raise Unusable if the file is not what the field takes."""
    problem = _size_problem(given.max_bytes, fetched) or _type_problem(given.rule, fetched)
    if problem:
        raise Unusable(FailKind.BAD_INPUT, problem)


def _size_problem(max_bytes: int, fetched: Fetched) -> str:
    if not fetched.size:
        return "the file is empty"
    if fetched.size > max_bytes:
        return f"the file has {readable(fetched.size)}; this field takes at most {readable(max_bytes)}"
    measured = fetched.measured
    if fetched.media_type.startswith("image/") and measured.pixels > MAX_PIXELS:
        return (
            f"the picture has {measured.width} x {measured.height} pixels, "
            f"and at most {MAX_PIXELS // 1_000_000} megapixels are accepted"
        )
    return ""


def _type_problem(rule: Rule, fetched: Fetched) -> str:
    accepted = {canonical(name) for name in rule.accept}
    found = fetched.media_type
    if found in accepted if accepted else found.partition("/")[0] in rule.kinds:
        return ""
    wanted = ", ".join(rule.accept) if rule.accept else f"{' or '.join(rule.kinds)} files"
    if found == "text/html":
        return f"the address gives a web page, not a file; accepted: {wanted}"
    if found == UNKNOWN_TYPE:
        return f"the file is of no type that can be recognised; accepted: {wanted}"
    return f"the file is {found}; accepted: {wanted}"
