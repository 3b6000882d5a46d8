"""Where a model's input names earlier work: tasks and their pieces, and which of them each field takes.

Schema keywords on the property that holds an id or a list of ids: ``x-parent`` (``task`` or ``piece``). A task is
narrowed by ``x-parent-models`` (ids of models that may have made it); a piece by ``x-parent-kinds`` (such as
``song``) and by ``x-parent-of`` (the top-level field that names the task it must belong to, where that is given).
``x-parent-late: true`` accepts an unknown id at create; the task then fails, uncharged.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from souk.catalog.media import Place, marked_places
from souk.catalog.plain import Unreadable, sequence, text
from souk.words import JsonObject

_OF_TASKS = ("x-parent-models",)
_OF_PIECES = ("x-parent-kinds", "x-parent-of")
_KEYWORDS = (*_OF_TASKS, *_OF_PIECES, "x-parent-late")


@dataclass(frozen=True, slots=True)
class ParentField:
    """A field that names earlier work."""

    place: Place
    kind: str
    """``task`` or ``piece``."""
    models: tuple[str, ...]
    """Models that may have made the task; empty means any."""
    kinds: tuple[str, ...]
    """What the piece may be; empty means anything."""
    of: str
    """The field naming the task that the piece must belong to; empty means any task."""
    late: bool
    """An unknown id fails the task instead of its create."""

    @property
    def path(self) -> str:
        """As the place has it, such as ``character_id_list[]``."""
        return self.place.path


@dataclass(frozen=True, slots=True)
class NamedParent:
    """An earlier task or piece, as an input names it."""

    field: ParentField
    id: str
    task: str = ""
    """The id of the task the piece must belong to; empty means any."""

    @property
    def path(self) -> str:
        return self.field.path

    @property
    def kind(self) -> str:
        return self.field.kind


def parent_fields(schema: JsonObject) -> tuple[ParentField, ...]:
    """The fields that name earlier work. Raises Unreadable where their keywords make no sense."""
    for keyword in _KEYWORDS:
        for place in marked_places(schema, keyword):
            if "x-parent" not in place.mark:
                raise Unreadable(f"{keyword} of {place.path} says nothing without x-parent")
    fields = tuple(map(_read, marked_places(schema, "x-parent")))
    tasks = {field.path for field in fields if field.kind == "task"}
    for field in fields:
        if field.of and field.of not in tasks:
            raise Unreadable(
                f"x-parent-of of {field.path} must name a field with x-parent: task, not {field.of!r}"
            )
    return fields


def named_parents(fields: Sequence[ParentField], input: JsonObject) -> list[NamedParent]:
    """Every earlier task or piece an input names, in the schema's order."""
    return [
        NamedParent(field, id, str(input.get(field.of) or "") if field.of else "")
        for field in fields
        for id in field.place.texts(input)
    ]


def check_models(fields: Sequence[ParentField], known: Collection[str]) -> None:
    """Raises Unreadable where a field takes tasks of a model that does not exist."""
    for field in fields:
        for name in field.models:
            if name not in known:
                raise Unreadable(f"x-parent-models of {field.path}: there is no model {name!r}")


def _read(place: Place) -> ParentField:
    mark, where = place.mark, f"of {place.path}"
    kind: Any = mark["x-parent"]
    if kind not in ("task", "piece"):
        raise Unreadable(f"x-parent {where} must be task or piece, not {kind!r}")
    for keyword in _OF_PIECES if kind == "task" else _OF_TASKS:
        if keyword in mark:
            raise Unreadable(f"{keyword} {where} is not for a field that names a {kind}")
    late: Any = mark.get("x-parent-late", False)
    if not isinstance(late, bool):
        raise Unreadable(f"x-parent-late {where} must be true or false, not {late!r}")
    return ParentField(
        place=place,
        kind=kind,
        models=_texts(mark, "x-parent-models", where),
        kinds=_texts(mark, "x-parent-kinds", where),
        of=text(mark["x-parent-of"], f"x-parent-of {where}") if "x-parent-of" in mark else "",
        late=late,
    )


def _texts(mark: JsonObject, keyword: str, where: str) -> tuple[str, ...]:
    return tuple(
        text(each, f"{keyword} {where}") for each in sequence(mark.get(keyword), f"{keyword} {where}")
    )
