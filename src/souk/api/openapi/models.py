"""The body of a create, from the catalogue: one schema for each model's call, and one for its ``input``."""

import re
from collections.abc import Iterable
from typing import Any

from souk.api.openapi.shapes import ref, text, thing
from souk.words import JsonObject

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
COMMON: JsonObject = {
    "callBackUrl": text("Gets the record when the task has ended.", format="uri"),
    "progressCallBackUrl": text(
        "Gets the record as the task makes progress, where the upstream tells of it.", format="uri"
    ),
    "clientTaskId": text(
        "Your own name for the task; the same one makes no second task.", pattern="^[!-~]{1,128}$"
    ),
}
_SHOWN = ("model", "provider", "category", "taskType", "pricingDesc", "notes", "usualSeconds", "paused")
"""What ``/docs`` shows of a model beside its schema."""


def schemas(models: Iterable[JsonObject]) -> JsonObject:
    """``CreateTask``, and what it is made of. ``models`` are full descriptions from the catalogue.

    A model of a dedicated API has only its ``input``, under :func:`component` and ``.input``.
    """
    found: JsonObject = {}
    calls: list[str] = []
    mapping: dict[str, str] = {}
    for model in models:
        name = _free(component(str(model["model"])), found)
        found[f"{name}.input"] = {**model["input"], "examples": [model["example"]]}
        if not is_market(model):
            continue
        found[name] = _call(model, f"{name}.input")
        calls.append(name)
        mapping |= dict.fromkeys(_names(model), ref(name)["$ref"])
    union: JsonObject = {
        "description": "A call for one model; `model` says which.",
        "discriminator": {"propertyName": "model", "mapping": mapping},
        "oneOf": [ref(name) for name in calls],
    }
    return {"CreateTask": union, **found}


def examples(models: Iterable[JsonObject]) -> JsonObject:
    """An example body for each model, by the model's id."""
    return {
        str(model["model"]): {
            "summary": model["title"],
            "value": {"model": model["model"], "input": model["example"]},
        }
        for model in models
        if is_market(model)
    }


def is_market(model: JsonObject) -> bool:
    """Whether ``createTask`` runs it; a dedicated API has a call of its own."""
    return model.get("dialect", "jobs") == "jobs"


def component(model: str) -> str:
    """The name of a model's component: its id, as far as OpenAPI allows it. ``….input`` is its input's."""
    return "model." + _UNSAFE.sub("_", model)


def _call(model: JsonObject, input_name: str) -> JsonObject:
    required = bool(model["input"].get("required"))
    properties = {"model": {"enum": _names(model)}, "input": ref(input_name), **COMMON}
    optional = (*COMMON, *(() if required else ("input",)))
    return {
        "title": model["title"],
        **thing(properties, _told(model), optional=optional),
        "x-model": {name: model[name] for name in _SHOWN},
    }


def _told(model: JsonObject) -> str:
    """The model in a few sentences."""
    kinds: list[str] = model["taskType"]
    parts: list[str] = [
        model["description"] or "",
        f"{', '.join(kinds)}.",
        f"Price: {model['pricingDesc']}.",
        *model["notes"],
    ]
    return " ".join(part for part in parts if part)


def _names(model: JsonObject) -> list[Any]:
    return [model["model"], *model["aliases"]]


def _free(name: str, taken: JsonObject) -> str:
    """The name, or with a number if another id has it already."""
    free, count = name, 1
    while free + ".input" in taken:
        count += 1
        free = f"{name}-{count}"
    return free
