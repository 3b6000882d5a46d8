"""One model, and everything a task asks of it: check the input, quote the price, say the output."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from souk.catalog.check import CheckedInput, InputChecker
from souk.catalog.defaults import Defaults
from souk.catalog.media import MediaRule, Place, media_rule
from souk.catalog.output import OutputSpec
from souk.catalog.output_rule import OutputRule
from souk.catalog.parents import NamedParent, ParentField, named_parents
from souk.catalog.price import PriceRule
from souk.catalog.quote import Delivered, Quote
from souk.words import Credits, JsonObject, ModelId


@dataclass(frozen=True, slots=True)
class Route:
    """One way to run a model: a provider, or one connection of it, and the model's id there."""

    provider: str
    model: str
    """The model's id upstream."""
    connection: str = ""
    """The connection's name; empty means any connection of the provider."""
    status: str = "active"
    """``active``, ``deprecated`` or ``retired``."""
    date: str = ""
    """When the upstream retires or retired it, as ``2026-10-31``."""
    successor: str = ""
    """What to use instead; a suggestion, never followed silently."""
    resubmit_unclear: bool = False
    """Whether a task whose submit stays unclear here may be submitted once more."""
    use_retired: bool = False
    """The operator wants this route although it is retired."""

    @property
    def usable(self) -> bool:
        return self.status != "retired" or self.use_retired


@dataclass(frozen=True, eq=False)
class Model:
    """An entry of the catalogue."""

    id: ModelId
    title: str
    vendor: str
    """Who makes it."""
    brand: str
    """Under which name it is known, such as ``Kling``."""
    category: str
    """``image``, ``video`` or ``audio``."""
    dialect: str
    """Which wire API creates its tasks: ``jobs``, or the name of a dedicated one such as ``veo``."""
    task: str
    """The kind of work, such as ``text-to-image``."""
    also: tuple[str, ...]
    """Other kinds of work it does."""
    description: str
    aliases: tuple[str, ...]
    market_line: str
    """The line of the first market list it stands for; empty for later models."""
    schema: JsonObject
    """What ``input`` must be, as JSON Schema 2020-12."""
    notes: tuple[str, ...]
    """Rules of the maker that the schema cannot express."""
    example: JsonObject
    """An input that works."""
    output: OutputRule
    price: PriceRule
    routes: tuple[Route, ...]
    """In order of preference."""
    usual_seconds: float
    """How long a task usually takes."""
    deadline_seconds: float
    """When a task is given up."""
    paused: bool
    """The operator refuses new tasks for now."""
    checker: InputChecker
    defaults: Defaults
    media_places: tuple[Place, ...]
    parent_fields: tuple[ParentField, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Every kind of work it does."""
        return (self.task, *self.also)

    def check(self, input: JsonObject) -> CheckedInput:
        """The input with its types repaired, and warnings. Raises InputRefused."""
        return self.checker(input)

    def with_defaults(self, input: JsonObject) -> JsonObject:
        """A copy of a checked input with the schema's defaults filled in."""
        return self.defaults.fill(input)

    def output_for(self, input: JsonObject) -> OutputSpec:
        """What a checked input asks for."""
        return self.output(self.with_defaults(input))

    def quote(self, input: JsonObject, known_seconds: float | None = None) -> Quote:
        """The price of a checked input, fixed.

        ``known_seconds`` is the measured length of the files in the field that ``seconds_follow`` of the
        output names; without it the longest possible is quoted.
        """
        filled = self.with_defaults(input)
        return self.price.quote(filled, self.output(filled), known_seconds)

    def hold_for(self, input: JsonObject, known_seconds: float | None = None) -> Credits:
        """The most a task with this checked input can cost."""
        return self.quote(input, known_seconds).hold

    def capture_for(self, input: JsonObject, delivered: Delivered) -> Credits:
        """What a task with this checked input costs, given what it delivered. Never more than the hold."""
        return self.quote(input, delivered.seconds).capture(delivered)

    def price_json(self, input: JsonObject, known_seconds: float | None = None) -> JsonObject:
        """The quote as a plain object to store with the hold, for ``capture_from``."""
        return self.quote(input, known_seconds).to_json()

    @property
    def price_version(self) -> str:
        """Short hash of the price rule."""
        return self.price.version

    def media_fields(self) -> list[tuple[str, MediaRule]]:
        """Every input path that holds files, with what it takes."""
        return [(place.path, media_rule(place.mark)) for place in self.media_places]

    def media_urls(self, input: JsonObject) -> list[tuple[str, str]]:
        """Every file an input names, as (path, address), in the schema's order."""
        return [(place.path, url) for place in self.media_places for url in place.texts(input)]

    def parents(self, input: JsonObject) -> list[NamedParent]:
        """Every earlier task or piece an input names, in the schema's order."""
        return named_parents(self.parent_fields, input)


def allowed_values(model: Model, field: str) -> list[Any] | None:
    """The values a field may have, None among them if it may be absent; no list if they are open.

    Raises KeyError if the model has no such field.
    """
    node: JsonObject = model.schema["properties"][field]
    values = _closed(node)
    if values is None:
        return None
    always = field in model.schema.get("required", []) or field in model.with_defaults({})
    return values if always else [*values, None]


_LONGEST_RANGE = 64


def _closed(node: JsonObject) -> list[Any] | None:
    if "enum" in node:
        return list(node["enum"])
    if "const" in node:
        return [node["const"]]
    if "anyOf" in node:
        branches: Sequence[list[Any] | None] = [_closed(branch) for branch in node["anyOf"]]
        return None if None in branches else [value for branch in branches for value in branch or ()]
    if node.get("type") == "boolean":
        return [True, False]
    if node.get("type") in ("integer", "number") and "minimum" in node and "maximum" in node:
        whole = node["type"] == "integer" or node.get("multipleOf") == 1
        span = node["maximum"] - node["minimum"]
        if whole and span < _LONGEST_RANGE:
            return list(range(int(node["minimum"]), int(node["maximum"]) + 1))
    return None
