"""Loading the catalogue at start: the packaged files, then the operator's ``souk.yaml``, then every check.

A catalogue that loads can price and describe every input its schemas allow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema_rs import ReferencingError, ValidationError, meta

from souk.catalog.catalog import Catalog
from souk.catalog.chat import ChatModel
from souk.catalog.chat_load import CHAT, read_chat
from souk.catalog.check import InputChecker
from souk.catalog.defaults import Defaults
from souk.catalog.media import media_places
from souk.catalog.model import Model, Route, allowed_values
from souk.catalog.output_rule import read_output
from souk.catalog.parents import check_models, parent_fields
from souk.catalog.plain import Unreadable, mapping, number, only, sequence, text
from souk.catalog.price import read_price
from souk.catalog.refusal import InputRefused
from souk.catalog.rules import Gap
from souk.words import JsonObject, ModelId

PACKAGED = Path(__file__).parent / "models"
OPERATOR_FILE = "souk.yaml"
DEADLINE_SECONDS = {"image": 900, "video": 3600, "audio": 900}
MARKET = "jobs"
"""The dialect of models that say nothing: one create call serves them all."""
USUAL_SECONDS = {"image": 20, "video": 120, "audio": 10}

_FILE_KEYS = ("vendor", "brand", "dialect", "models", "shared")
_COMMON_KEYS = ("vendor", "brand", "dialect")
"""What a file may say once for all its models."""
_REQUIRED_KEYS = ("title", "category", "task", "input", "example", "output", "price", "routes")
_MODEL_KEYS = (
    "id",
    "aliases",
    *_REQUIRED_KEYS,
    *_COMMON_KEYS,
    "also",
    "description",
    "market_line",
    "notes",
    "usual_seconds",
    "deadline_seconds",
    "paused",
    "upstream",
)
_ROUTE_KEYS = (
    "provider",
    "model",
    "connection",
    "status",
    "date",
    "successor",
    "resubmit_unclear",
    "use_retired",
)
_STATUSES = ("active", "deprecated", "retired")


class CatalogError(Exception):
    """The catalogue cannot be used. The message names the file, the model and what to put right."""

    def __init__(self, file: str, model: str, problem: str) -> None:
        super().__init__(f"{file}: {model}: {problem}" if model else f"{file}: {problem}")
        self.file = file
        self.model = model
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Entry:
    """A model as written, and where."""

    file: str
    data: JsonObject


def load_catalog(directory: Path = PACKAGED, overrides: Mapping[str, Any] | None = None) -> Catalog:
    """Read and check every model. Raises :class:`CatalogError`.

    ``overrides`` is the ``models:`` section of ``souk.yaml``: model id → keys that replace the packaged ones.
    A plain number for ``price`` keeps the unit; ``upstream: {provider: id}`` changes the model's id on a
    route; an id that is not packaged adds a model.
    """
    entries = _packaged(directory)
    for id, changes in (overrides or {}).items():
        try:
            data = mapping(changes, "the entry")
        except Unreadable as error:
            raise CatalogError(OPERATOR_FILE, str(id), str(error)) from None
        base = entries.get(str(id))
        entries[str(id)] = _Entry(OPERATOR_FILE, _overridden(base.data if base else {"id": str(id)}, data))
    names: dict[str, str] = {id: id for id in entries}
    tasks = [_checked_model(entry, names) for entry in entries.values() if not _chats(entry)]
    return Catalog(tasks, [_checked_chat(entry, names) for entry in entries.values() if _chats(entry)])


def _packaged(directory: Path) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    for path in sorted(directory.glob("*.yaml")):
        for data in _read_file(path):
            id = data.get("id")
            if not isinstance(id, str) or not id:
                raise CatalogError(path.name, "", f"an entry ({data.get('title', 'no title')}) has no id")
            if id in entries:
                raise CatalogError(path.name, id, f"is already in {entries[id].file}; remove one of the two")
            entries[id] = _Entry(path.name, data)
    return entries


def _read_file(path: Path) -> Iterator[JsonObject]:
    try:
        document = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise CatalogError(path.name, "", f"is not readable as YAML: {error}") from error
    try:
        file = mapping(document, "the file")
        only(file, _FILE_KEYS, "the file")
        common = {key: file[key] for key in _COMMON_KEYS if key in file}
        for data in sequence(file.get("models"), "models"):
            yield common | mapping(data, "an entry of models")
    except Unreadable as error:
        raise CatalogError(path.name, "", str(error)) from None


def _overridden(base: JsonObject, changes: JsonObject) -> JsonObject:
    merged = base | changes
    price = changes.get("price")
    if isinstance(price, int | float) and "price" in base:
        kept = {
            key: value
            for key, value in base["price"].items()
            if key not in ("tiers", "estimated", "least", "plus")
        }
        merged["price"] = kept | {"amount": price}
    return merged


def _chats(entry: _Entry) -> bool:
    return entry.data.get("category") == CHAT


def _checked_chat(entry: _Entry, names: dict[str, str]) -> ChatModel:
    id = str(entry.data["id"])
    try:
        upstream = mapping(entry.data.get("upstream"), "upstream")
        routes = [_read_route(route, id, upstream) for route in sequence(entry.data.get("routes"), "routes")]
        model = read_chat(entry.data, routes)
        _claim_aliases(model, names)
    except Unreadable as error:
        raise CatalogError(entry.file, id, str(error)) from error
    return model


def _checked_model(entry: _Entry, names: dict[str, str]) -> Model:
    id = str(entry.data["id"])
    try:
        model = _read_model(entry.data)
        _claim_aliases(model, names)
        check_models(model.parent_fields, names)
        _check_model(model)
    except (Unreadable, Gap) as error:
        raise CatalogError(entry.file, id, str(error)) from error
    return model


def _read_model(data: JsonObject) -> Model:
    only(data, _MODEL_KEYS, "the entry")
    if missing := [key for key in (*_REQUIRED_KEYS, "vendor") if key not in data]:
        raise Unreadable(f"{missing[0]} is missing; add it")
    id, category, schema = str(data["id"]), data["category"], mapping(data["input"], "input")
    if category not in DEADLINE_SECONDS:
        raise Unreadable(f"category must be one of {', '.join((*DEADLINE_SECONDS, CHAT))}, not {category!r}")
    _check_schema(schema)
    upstream = mapping(data.get("upstream"), "upstream")
    routes = [_read_route(route, id, upstream) for route in sequence(data["routes"], "routes")]
    return Model(
        id=ModelId(id),
        title=text(data["title"], "title"),
        vendor=text(data["vendor"], "vendor"),
        brand=text(data.get("brand", data["vendor"]), "brand"),
        category=category,
        dialect=text(data.get("dialect", MARKET), "dialect"),
        task=text(data["task"], "task"),
        also=_texts(data.get("also"), "also"),
        description=str(data.get("description", "")),
        aliases=_texts(data.get("aliases"), "aliases"),
        market_line=str(data.get("market_line", "")),
        schema=schema,
        notes=_texts(data.get("notes"), "notes"),
        example=mapping(data["example"], "example"),
        output=read_output(data["output"]),
        price=read_price(data["price"]),
        routes=tuple(routes),
        usual_seconds=number(data.get("usual_seconds", USUAL_SECONDS[category]), "usual_seconds"),
        deadline_seconds=number(data.get("deadline_seconds", DEADLINE_SECONDS[category]), "deadline_seconds"),
        paused=bool(data.get("paused")),
        checker=InputChecker(schema),
        defaults=Defaults(schema),
        media_places=media_places(schema),
        parent_fields=parent_fields(schema),
    )


def _check_schema(schema: JsonObject) -> None:
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
        raise Unreadable("input must be a JSON Schema of type object with properties")
    try:
        meta.validate(schema)
    except (ValidationError, ReferencingError) as error:
        where = ".".join(str(part) for part in getattr(error, "instance_path", ()))
        raise Unreadable(f"input is not a valid JSON Schema: input.{where}: {error}") from None


def _read_route(data: Any, id: str, upstream: JsonObject) -> Route:
    route = mapping(data, "routes")
    only(route, _ROUTE_KEYS, "routes")
    provider = text(route.get("provider"), "routes.provider")
    status = route.get("status", "active")
    if status not in _STATUSES:
        raise Unreadable(f"routes.status must be one of {', '.join(_STATUSES)}, not {status!r}")
    return Route(
        provider=provider,
        model=str(upstream.get(provider) or route.get("model") or id),
        connection=str(route.get("connection", "")),
        status=status,
        date=str(route.get("date", "")),
        successor=str(route.get("successor", "")),
        resubmit_unclear=_once(route.get("resubmit_unclear"), "routes.resubmit_unclear"),
        use_retired=bool(route.get("use_retired")),
    )


def _claim_aliases(model: Model | ChatModel, names: dict[str, str]) -> None:
    for alias in model.aliases:
        if names.setdefault(alias, model.id) != model.id:
            raise Unreadable(
                f"alias {alias!r} already belongs to {names[alias]}; remove it from one of the two"
            )


def _once(value: Any, where: str) -> bool:
    """Whether something was allowed; the only number of times it can be."""
    if value not in (None, "once"):
        raise Unreadable(f"{where} must be once, or be left out, not {value!r}")
    return value == "once"


def _check_model(model: Model) -> None:
    for name in (model.example, model.with_defaults(model.example)):
        try:
            model.check(name)
        except InputRefused as error:
            raise Unreadable(f"example is refused by its own schema: {error.message}") from None

    def values(field: str) -> list[Any] | None:
        try:
            return allowed_values(model, field)
        except KeyError:
            raise Unreadable(f"a rule asks for {field!r}, which input does not have") from None

    for rule in (model.output, model.price):
        for problem in rule.problems(values, model.checker.allows):
            raise Unreadable(problem)
    model.hold_for(model.example)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    return tuple(text(each, where) for each in sequence(value, where))
