"""What each upstream takes of input files, told for the documentation by the adapters themselves."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from souk.assets.sniff import extension_of
from souk.catalog import load_catalog
from souk.providers.base import Connection, Job, Media
from souk.providers.registry import PROVIDERS
from souk.providers.takes import MB, Choosy, Takes
from souk.words import Millis, TaskId

if TYPE_CHECKING:
    from souk.catalog.model import Model, Route

HEAD = ("Service", "Files", "Types", "Size of a file", "Pixels", "Models that take such files")
KINDS = ("image", "audio", "video")


def rows() -> Iterator[tuple[str, ...]]:
    """A row for each service, kind of file and set of limits, with the models that have them."""
    models = list(load_catalog().models.values())
    for name, entry in PROVIDERS.items():
        provider = entry.factory() if entry.factory else None
        if not isinstance(provider, Choosy):
            continue
        found: dict[tuple[str, Takes], list[str]] = {}
        for model, route in _routed(models, name):
            takes = provider.takes(_job(model, route))
            for kind in _kinds(model):
                if rule := takes.get(kind):
                    found.setdefault((kind, rule), []).append(f"`{route.model}`")
        for (kind, rule), ids in sorted(found.items(), key=lambda item: KINDS.index(item[0][0])):
            alone = sum(kind == other for other, _ in found) == 1
            models_here = "all" if alone else ", ".join(dict.fromkeys(ids))
            yield name, kind, _types(rule), _size(rule), _pixels(rule), models_here


def _routed(models: "list[Model]", provider: str) -> "Iterator[tuple[Model, Route]]":
    for model in models:
        for route in model.routes:
            if route.provider == provider:
                yield model, route


def _kinds(model: "Model") -> list[str]:
    named = {kind for _, rule in model.media_fields() for kind in rule.kinds}
    return [kind for kind in KINDS if kind in named]


def _job(model: "Model", route: "Route") -> Job:
    """The model's example, as far as an adapter looks at it to tell what it takes."""
    return Job(
        task_id=TaskId(""),
        attempt_id="",
        model=model.id,
        task=model.task,
        input=model.with_defaults(model.example),
        upstream_model=route.model,
        output=model.output_for(model.example).to_json(),
        media=cast(Media, cast(Any, None)),
        connection=Connection(route.provider, route.provider),
        now=Millis(0),
    )


def _types(rule: Takes) -> str:
    return ", ".join(sorted(extension_of(media_type) for media_type in rule.types))


def _size(rule: Takes) -> str:
    return f"{rule.max_bytes / MB:.0f} MB" if rule.max_bytes else "–"


def _pixels(rule: Takes) -> str:
    told = [
        f"{rule.max_pixels / 1_000_000:g} megapixels" if rule.max_pixels else "",
        f"sides of at least {rule.min_edge}" if rule.min_edge else "",
        f"sides of at most {rule.max_edge}" if rule.max_edge else "",
    ]
    return ", ".join(filter(None, told)) or "–"
