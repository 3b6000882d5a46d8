"""Reading what upstreams answer: the parts every adapter over HTTP needs in the same way."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from souk.logs import Redactor
from souk.providers.base import Access, Job, NewPiece, OutputFile, file_reference
from souk.providers.children.results import filled
from souk.words import JsonObject

UPSTREAM_CHARACTERS = 500
"""How much of an upstream's own words is kept."""

# Words, not parts of field names such as ``nsfw_checker`` or ``safety_tolerance``.
_MODERATED = re.compile(
    r"\bmoderat(?:ed|ion)\b|\bnsfw\b|(?<!case[ -])\bsensitive\b|\bunsafe\b|\bprohibited\b|\binappropriate\b"
    r"|\bsafety (?:system|filter|check|polic|guideline|reason)|\bflagged\b|\bsexual"
    r"|\bcopyright|\bpublic figure|(?:content|usage)[ _-]polic|polic\w*[ _-]violat"
    r"|violat\w* .{0,40}(?:polic|guideline|rule|terms)",
    re.IGNORECASE,
)


def quoted(text: str, secret: str) -> str:
    """An upstream's words, fit to be shown: one line, at most 500 characters, secrets removed."""
    return Redactor([secret])(" ".join(text.split()))[:UPSTREAM_CHARACTERS]


def moderated(text: str) -> bool:
    """Whether an upstream's words say that its content rules were the reason."""
    return _MODERATED.search(text) is not None


def is_address(value: Any) -> bool:
    """Whether a value is the http or https address of something."""
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def as_object(value: Any) -> JsonObject:
    """A JSON object as it is; anything else as an empty one."""
    return cast(JsonObject, value) if isinstance(value, dict) else {}


def objects(value: Any) -> list[JsonObject]:
    """The objects of a JSON list; none if it is no list."""
    items = cast(list[Any], value) if isinstance(value, list) else []
    return [cast(JsonObject, item) for item in items if isinstance(item, dict)]


def field_problem(item: Any) -> str:
    """What is wrong with which field, of an entry as FastAPI lists them (``loc`` and ``msg``)."""
    told = as_object(item)
    place: Any = told.get("loc")
    where = ".".join(str(step) for step in cast(list[Any], place)) if isinstance(place, list) else ""
    return f"{where}: {told.get('msg', '')}" if where else str(told.get("msg", ""))


def same_host(address: str, base: str) -> bool:
    """Whether two addresses have one scheme, host and port: where a key for the one may be sent to the other."""
    try:
        here, there = urlsplit(address), urlsplit(base)
    except ValueError:  # such as brackets around no IPv6 address
        return False
    return (here.scheme, here.netloc) == (there.scheme, there.netloc)


def own_access(address: str, base: str, key: Mapping[str, str]) -> Access:
    """What opens an address: the key where it is on the service's own origin, nothing anywhere else."""
    return Access(key, trusted=True) if same_host(address, base) else Access()


def taken_files(result: JsonObject) -> tuple[list[OutputFile], JsonObject]:
    """The files a result points to, and the result with ``{"$file": n}`` in place of their addresses."""
    urls: dict[str, int] = {}
    replaced = _taken(result, urls)
    return [OutputFile(url=url) for url in urls], replaced


def shaped(job: Job, files: int) -> JsonObject:
    """The result in the model's documented shape, where the upstream delivered this many files in order."""
    return filled(job.output, files)


def taken_pieces(
    result: JsonObject, template: JsonObject, kinds: Sequence[str]
) -> tuple[tuple[NewPiece, ...], JsonObject] | None:
    """The pieces a result names, and the result with ``{"$piece": n}`` in place of the upstream's ids.

    ``template`` (the catalogue's) has the stand-ins where the ids are, ``kinds`` says what each piece is.
    None if an id is missing.
    """
    refs: dict[int, str] = {}
    placed = _placed(result, template, refs)
    if len(refs) < len(kinds):
        return None
    return tuple(NewPiece(kind, refs[number]) for number, kind in enumerate(kinds)), placed


def _placed(value: Any, template: Any, refs: dict[int, str]) -> Any:
    if not isinstance(template, dict):
        return value
    shape = cast(JsonObject, template)
    if "$piece" in shape:
        if not isinstance(value, str) or not value:
            return value
        refs[int(shape["$piece"])] = value
        return shape
    if not isinstance(value, dict):
        return value
    return {name: _placed(item, shape.get(name), refs) for name, item in cast(JsonObject, value).items()}


def _taken(value: Any, urls: dict[str, int]) -> Any:
    if is_address(value):
        return file_reference(urls.setdefault(value, len(urls)))
    if isinstance(value, list):
        return [_taken(item, urls) for item in cast(list[Any], value)]
    if isinstance(value, dict):
        return {name: _taken(item, urls) for name, item in cast(JsonObject, value).items()}
    return value
