"""A model as a plain object: for the model pages of the API and the ``souk models`` command."""

from souk.catalog.model import Model, Route
from souk.catalog.price_text import price_text
from souk.words import JsonObject


def listing(model: Model) -> JsonObject:
    """The short form, as the wire's model list has it."""
    return {
        "model": model.id,
        "slug": model.id,
        "title": model.title,
        "provider": model.brand,
        "taskType": [_title(task) for task in model.tasks],
        "description": model.description or None,
        "pricingDesc": price_text(model.price),
    }


def describe(model: Model) -> JsonObject:
    """The long form: the short one with all a client or operator can know about the model."""
    return listing(model) | {
        "vendor": model.vendor,
        "category": model.category,
        "dialect": model.dialect,
        "tasks": list(model.tasks),
        "aliases": list(model.aliases),
        "paused": model.paused,
        "input": model.schema,
        "notes": list(model.notes),
        "example": model.example,
        "output": model.output_for(model.example).to_json(),
        "price": model.price.written,
        "priceVersion": model.price_version,
        "usualSeconds": model.usual_seconds,
        "deadlineSeconds": model.deadline_seconds,
        "routes": [shown_route(route) for route in model.routes],
    }


def _title(task: str) -> str:
    small = {"to", "and"}
    return " ".join(part if part in small else part.capitalize() for part in task.split("-"))


def shown_route(route: Route) -> JsonObject:
    """One way to run a model."""
    shown: JsonObject = {"provider": route.provider, "model": route.model, "status": route.status}
    for name, value in (
        ("connection", route.connection),
        ("date", route.date),
        ("successor", route.successor),
    ):
        if value:
            shown[name] = value
    return shown
