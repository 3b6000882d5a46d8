"""Writes the pages of docs/reference that come from the code: settings, command line and models.

``python -m scripts.reference`` writes them; with ``--check`` it only says which are out of date.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from souk.catalog import Model, Route
    from souk.catalog.chat import ChatModel

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
NOTICE = "<!-- Generated from the code by `make reference`; edit the code instead. -->"


def settings_page() -> str:
    """Every setting with its default and meaning."""
    from pydantic import SecretStr

    from souk.settings import Settings

    rows: list[tuple[str, ...]] = []
    for name, field in Settings.model_fields.items():
        variable = f"`SOUK_{name.upper()}`"
        if field.annotation is SecretStr:
            variable += f"<br>`SOUK_{name.upper()}_FILE`"
        if not field.description:
            raise LookupError(f"the setting {name} lacks its description")
        meaning = " ".join([field.description, *_limits(field.metadata)])
        rows.append((variable, f"`{name}`", _default(field.default), meaning))
    return _page(
        "Settings",
        "A value is looked for in the command-line flag, the environment variable, `souk.yaml` and then the "
        "default. A secret may also be read from a file, named by the variable that ends in `_FILE`. "
        "`souk.yaml` is looked for at `SOUK_CONFIG`, in the data folder and in the current folder.",
        _table(("Environment variable", "In `souk.yaml`", "Default", "Meaning"), rows),
        "## Connections",
        "A key makes a connection of its provider; more of them, and their limits, go into `souk.yaml`. "
        "A key may also be read from a file, named by the same variable with `_FILE` appended.",
        _table(("Provider", "Key", "Base URL", "Default base URL", "More"), _connection_rows()),
    )


def _connection_rows() -> list[tuple[str, ...]]:
    from souk.providers.registry import PROVIDERS

    return [
        (
            f"{entry.title}: {entry.description}",
            f"`{entry.key_variable}`",
            f"`{entry.base_url_variable}`",
            entry.base_url or "none: the key is optional, this makes the connection",
            ", ".join(f"`{variable}`" for variable in entry.options.values()) or "none",
        )
        for entry in PROVIDERS.values()
    ]


def _default(value: Any) -> str:
    from pydantic import SecretStr

    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{value}`" if value not in (None, "") else "empty"


def _limits(metadata: Iterable[Any]) -> list[str]:
    """What may be given, in words, from the constraints of a field."""
    words = {"ge": "At least", "gt": "More than", "le": "At most", "lt": "Less than"}
    return [
        f"{words[sign]} {getattr(limit, sign):,}."
        for limit in metadata
        for sign in words
        # A lower bound of nothing needs no telling.
        if getattr(limit, sign, None) not in (None, 0)
    ]


def cli_page() -> str:
    """Every command, as its own help tells it."""
    from typer import Context
    from typer.cli import get_docs_for_click
    from typer.main import get_command

    from souk.cli.main import app

    command = get_command(app)
    context = Context(command, info_name="souk")
    text = get_docs_for_click(obj=command, ctx=context, name="souk", title="Command line")
    # Usage lines are not examples: they carry placeholders and are not run.
    text = text.replace("```console\n$ ", "```text\n")
    title, rest = text.split("\n", 1)
    lines = [line.rstrip() for line in rest.strip().splitlines()]
    return "\n".join([title, "", NOTICE, "", *lines, ""])


def models_page() -> str:
    """Every model of the catalogue with its price and routes, by category."""
    from souk.catalog import load_catalog

    models = load_catalog().models.values()
    parts: list[str] = []
    for category in ("image", "video", "audio"):
        rows = [_model_row(model) for model in models if model.category == category]
        if rows:
            head = ("Model", "Title", "Brand", "Work", "Credits", "Routes, in order")
            parts += [f"## {category.capitalize()}", _table(head, rows)]
    chats = load_catalog().chats.values()
    head = ("Model", "Title", "Brand", "Protocols", "Credits", "Routes, in order")
    parts += [
        "## Chat",
        "Asked at the paths of [the chat API](chat.md).",
        _table(head, map(_chat_row, chats)),
    ]
    return _page(
        "Models",
        f"The catalogue has {len(models)} models that make tasks, and {len(chats)} that chat. `souk models ID` shows "
        "the input schema of one and an example. While no connection is configured every model runs in the sandbox; "
        "after that a model runs on the first of its routes that has a connection. Models with an API named run "
        "through [that one](dedicated.md), all others through [createTask](jobs-api.md).",
        *parts,
    )


def _model_row(model: "Model") -> tuple[str, ...]:
    from souk.catalog.price_text import price_text

    names = "<br>".join(f"`{name}`" for name in (model.id, *model.aliases))
    price = price_text(model.price).replace("\n", "<br>")
    routes = "<br>".join(_route(route) for route in model.routes) or "none yet"
    work = ", ".join(model.tasks) + ("" if model.dialect == "jobs" else f"<br>API: {model.dialect}")
    return names, model.title, model.brand, work, price, routes


def _chat_row(model: "ChatModel") -> tuple[str, ...]:
    from souk.catalog.chat_describe import chat_price_text

    names = "<br>".join(f"`{name}`" for name in (model.id, *model.aliases))
    routes = "<br>".join(_route(route) for route in model.routes) or "none yet"
    return names, model.title, model.brand, ", ".join(model.protocols), chat_price_text(model.price), routes


def _route(route: "Route") -> str:
    words = f"{route.provider}: `{route.model}`"
    if route.status != "active":
        words += f" ({' '.join(filter(None, (route.status, route.date)))})"
    if route.successor:
        words += f", then `{route.successor}`"
    return words


def providers_page() -> str:
    """Which providers can run each model, how many models have more than the bridge, and what files each takes."""
    from scripts import limits
    from souk.catalog import load_catalog

    catalog = load_catalog()
    models = list(catalog.models.values())
    lines: dict[str, list[Model]] = {}
    for model in models:
        if model.market_line:
            lines.setdefault(model.market_line, []).append(model)
    dedicated = [[model] for model in models if model.dialect != "jobs"]
    rows = [
        ("Lines of the first Market list", *_counts(list(lines.values()))),
        ("Models of the dedicated APIs", *_counts(dedicated)),
        ("All models that make tasks", *_counts([[model] for model in models])),
        ("Chat models", *_counts([[model] for model in catalog.chats.values()])),
    ]
    head = ("Model", "Direct, in order", "This machine", "KIE.AI bridge")
    return _page(
        "Providers",
        "Which services can run which model, from the catalogue's routes. *Direct* is the maker, or a host of its "
        "models; the *bridge* is KIE.AI, which can run almost everything and is one more hop. A task takes the first "
        "of its model's [routes](models.md) that is connected; `souk providers` shows what is. A retired route is "
        "not used unless the operator says so.",
        _table(("", "In all", "With a direct route", "On this machine", "Bridge only", "None"), rows),
        *(
            part
            for title, listed in (("Models that make tasks", models), ("Chat", list(catalog.chats.values())))
            for part in (f"## {title}", _table(head, map(_matrix_row, listed)))
        ),
        "## Input files",
        "What a service takes of a task's files. What it does not take is [made to fit]"
        "(../how-to/upload-files.md#what-is-made-of-them), with a warning in the record, or goes to the next route. "
        "A service that is not named takes what our models take.",
        _table(limits.HEAD, limits.rows()),
    )


def _counts(groups: "Sequence[Sequence[Model | ChatModel]]") -> tuple[str, ...]:
    ways = [{_way(route) for model in group for route in model.routes if route.usable} for group in groups]
    return (
        str(len(ways)),
        str(sum("direct" in way for way in ways)),
        str(sum("here" in way and "direct" not in way for way in ways)),
        str(sum(way == {"bridge"} for way in ways)),
        str(sum(not way for way in ways)),
    )


def _way(route: "Route") -> str:
    return {"kie": "bridge", "local": "here"}.get(route.provider, "direct")


def _matrix_row(model: "Model | ChatModel") -> tuple[str, ...]:
    by_way = {
        way: [_route(route) for route in model.routes if _way(route) == way]
        for way in ("direct", "here", "bridge")
    }
    return f"`{model.id}`", *("<br>".join(by_way[way]) or "–" for way in ("direct", "here", "bridge"))


def _page(title: str, lead: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", NOTICE, lead, *parts]).rstrip() + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "models.md": models_page,
    "providers.md": providers_page,
    "settings.md": settings_page,
}


def main() -> int:
    stale: list[str] = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, write in PAGES.items():
        path, text = FOLDER / name, write()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{'out of date' if '--check' in sys.argv else 'wrote'}: docs/reference/{name}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
