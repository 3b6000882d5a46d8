"""Every model Souk offers, found by id or by another name. Loaded once at start, asked at every create."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from souk.catalog.model import Model


class Catalog:
    """Every model, by id and by its other names."""

    def __init__(self, models: Iterable[Model]) -> None:
        self.models: Mapping[str, Model] = MappingProxyType({model.id: model for model in models})
        """In a stable order: by file, then as written."""
        self._names: dict[str, Model] = {
            alias: model for model in self.models.values() for alias in model.aliases
        }
        self._names |= self.models

    def find(self, name: str) -> Model | None:
        """The model with this id or alias."""
        return self._names.get(name)

    def nearest(self, name: str, dialect: str = "") -> str | None:
        """The id or alias spelt most like ``name``, if any is close; of one wire API's models, if it is named."""
        names = [each for each, model in self._names.items() if dialect in ("", model.dialect)]
        near = get_close_matches(name, names, 1)
        return near[0] if near else None
