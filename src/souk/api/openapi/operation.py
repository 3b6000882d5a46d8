"""One entry of the route table in words: what ``/openapi.json`` says of a method and path."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from souk.operations.types import Reason
from souk.words import JsonObject


@dataclass(frozen=True, slots=True)
class Operation:
    """A method and path, described. A route without one fails a test, and so does one without a route."""

    method: str
    path: str
    """As the route table writes it, such as ``/api/v1/models/{model:path}``."""
    name: str
    """The ``operationId``: unique, and a good name for a function."""
    tag: str
    summary: str
    """A few words without a full stop."""
    description: str = ""
    """Sentences; Markdown."""
    parameters: tuple[JsonObject, ...] = ()
    """Parameter objects, path parameters included; see :mod:`souk.api.openapi.shapes`."""
    body: JsonObject | None = None
    """A request body object, such as :func:`~souk.api.openapi.shapes.json_body` makes."""
    data: JsonObject | None = None
    """Schema of ``data`` in the envelope; None for an answer without one, which ``answers`` then describes."""
    example: object = None
    """An example of ``data``."""
    answers: Mapping[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    """Response objects by status, beside the envelope or in its place."""
    refusals: tuple[Reason, ...] = ()
    """Why it may be refused, beside what every call with a key may meet."""
    needs_key: bool = True
    deprecated: bool = False
    """Whether it is there for older clients only."""
    callbacks: JsonObject | None = None
