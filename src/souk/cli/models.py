"""``souk models``: the catalogue, or one model of it."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from souk.cli.failure import Exit, Failure
from souk.cli.opening import load
from souk.cli.options import AsJson, DataDir
from souk.cli.show import facts, out, show, table

if TYPE_CHECKING:
    from souk.catalog import Catalog, Model
    from souk.catalog.chat import ChatModel


def models(
    name: Annotated[
        str, typer.Argument(metavar="[ID]", help="A model's id or alias.", show_default=False)
    ] = "",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List the models, or show one with its price, input schema and example."""
    from souk.catalog import describe, listing, load_catalog
    from souk.catalog.chat_describe import chat_listing, describe_chat

    catalog = load_catalog(overrides=load(data_dir).config.models)
    if name and (chat := catalog.find_chat(name)):
        told = describe_chat(chat)
        show(as_json, told, lambda: _print_chat(chat, told))
        return
    if name:
        data = describe(found := _model(catalog, name))
        show(as_json, data, lambda: _print(found, data))
        return
    tasks, chats = catalog.models.values(), catalog.chats.values()
    short = [*map(listing, tasks), *map(chat_listing, chats)]
    rows = [*map(_row, tasks), *map(_chat_row, chats)]
    show(as_json, short, lambda: table(("Model", "Title", "Work", "Price", "Routes"), rows))


def _model(catalog: "Catalog", name: str) -> "Model":
    model = catalog.find(name)
    if model is None:
        near = catalog.nearest(name) or catalog.nearest_chat(name)
        hint = f"; the nearest is {near}" if near else ""
        raise Failure(f"there is no model {name!r}{hint}", Exit.NOT_FOUND)
    return model


def _row(model: "Model") -> tuple[str, ...]:
    from souk.catalog.price_text import price_text

    price = price_text(model.price).partition("\n")[0]
    return model.id, model.title, ", ".join(model.tasks), price, ", ".join(_routes(model))


def _chat_row(model: "ChatModel") -> tuple[str, ...]:
    from souk.catalog.chat_describe import chat_price_text

    return model.id, model.title, "chat", chat_price_text(model.price), ", ".join(_routes(model))


def _print_chat(model: "ChatModel", data: dict[str, Any]) -> None:
    facts(
        {
            "model": model.id,
            "title": model.title,
            "by": model.vendor,
            "does": "chat",
            "also called": ", ".join(model.aliases) or "-",
            "price": data["pricingDesc"],
            "reads": f"up to {model.context} tokens",
            "writes": f"up to {model.max_output} tokens",
            "protocols": ", ".join(model.protocols),
            "paths": ", ".join(data["paths"]),
            "routes": ", ".join(_routes(model)) or "the sandbox only",
        }
    )


def _routes(model: "Model | ChatModel") -> list[str]:
    return list(dict.fromkeys(route.provider for route in model.routes if route.usable))


def _print(model: "Model", data: dict[str, Any]) -> None:
    facts(
        {
            "model": model.id,
            "title": model.title,
            "by": model.vendor,
            "does": ", ".join(model.tasks),
            "also called": ", ".join(model.aliases) or "-",
            "price": data["pricingDesc"].replace("\n", "; "),
            "routes": ", ".join(_routes(model)) or "the sandbox only",
        }
    )
    out("\nInput:")
    required = set(model.schema.get("required", ()))
    rows = (
        (
            name,
            _type(schema),
            "required" if name in required else "",
            json.dumps(schema["default"]) if "default" in schema else "",
            schema.get("description", ""),
        )
        for name, schema in model.schema["properties"].items()
    )
    table(("Field", "Takes", "", "Default", "Meaning"), rows)
    for note in model.notes:
        out(f"Note: {note}")
    words = " ".join(_argument(name, value) for name, value in model.example.items())
    out(f"\nExample:\nsouk run {model.id} {words}")


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return kind if isinstance(kind, str) else " or ".join(kind)


def _argument(name: str, value: Any) -> str:
    import shlex

    return shlex.quote(f"{name}={value if isinstance(value, str) else json.dumps(value)}")
