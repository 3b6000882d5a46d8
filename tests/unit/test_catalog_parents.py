"""What a schema says of earlier work: found in inputs, and refused at start where it makes no sense."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from souk.catalog import CatalogError, load_catalog
from souk.catalog.model import Model

TASK: dict[str, Any] = {"type": "string", "x-parent": "task"}
PIECE: dict[str, Any] = {"type": "string", "x-parent": "piece"}


def loaded(folder: Path, **properties: dict[str, Any]) -> Model:
    """A model whose input has these properties."""
    data = {
        "id": "acme/cut",
        "title": "Acme Cut",
        "category": "audio",
        "task": "audio-cut",
        "input": {"type": "object", "properties": properties},
        "example": {},
        "output": {"kind": "audio", "format": "mp3"},
        "price": {"unit": "per_task", "amount": 1},
        "routes": [{"provider": "kie"}],
    }
    (folder / "acme.yaml").write_text(yaml.safe_dump({"vendor": "Acme", "models": [data]}))
    return load_catalog(folder).models["acme/cut"]


def test_a_field_tells_which_work_it_takes(tmp_path: Path) -> None:
    song = {**PIECE, "x-parent-kinds": ["song"], "x-parent-of": "taskId", "x-parent-late": True}
    model = loaded(tmp_path, taskId={**TASK, "x-parent-models": ["acme/cut"]}, audioId=song)
    piece, task = model.parents({"audioId": "a", "taskId": "t"})  # safe_dump sorts the properties
    assert (task.id, task.field.models, task.field.late, task.task) == ("t", ("acme/cut",), False, "")
    assert (piece.id, piece.field.kinds, piece.field.late, piece.task) == ("a", ("song",), True, "t")


def test_a_piece_may_be_of_any_task_where_none_is_named(tmp_path: Path) -> None:
    model = loaded(tmp_path, taskId=TASK, audioId={**PIECE, "x-parent-of": "taskId"})
    assert [named.task for named in model.parents({"audioId": "a"})] == [""]


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"audioId": {**PIECE, "x-parent": "song"}}, "x-parent of audioId must be task or piece"),
        ({"audioId": {**PIECE, "x-parent-of": "taskId"}}, "x-parent-of of audioId must name a field"),
        (
            {"taskId": {"type": "string"}, "audioId": {**PIECE, "x-parent-of": "taskId"}},
            "x-parent-of of audioId must name a field with x-parent: task, not 'taskId'",
        ),
        ({"audioId": {**PIECE, "x-parent-models": ["acme/cut"]}}, "not for a field that names a piece"),
        ({"taskId": {**TASK, "x-parent-kinds": ["song"]}}, "not for a field that names a task"),
        ({"taskId": {**TASK, "x-parent-models": "acme/cut"}}, "must be a list"),
        ({"taskId": {**TASK, "x-parent-models": ["acme/gone"]}}, "there is no model 'acme/gone'"),
        ({"taskId": {**TASK, "x-parent-late": "yes"}}, "x-parent-late of taskId must be true or false"),
        ({"taskId": {"type": "string", "x-parent-late": True}}, "says nothing without x-parent"),
    ],
)
def test_nonsense_is_refused_by_field(tmp_path: Path, properties: dict[str, Any], problem: str) -> None:
    with pytest.raises(CatalogError, match="acme/cut") as refused:
        loaded(tmp_path, **properties)
    assert problem in str(refused.value)
