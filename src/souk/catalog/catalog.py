"""Every model Souk offers, found by id or by another name. Loaded at start, asked at every create."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from souk.catalog.chat import ChatModel
from souk.catalog.model import Model


class Catalog:
    """Every model, by id and by its other names. Those that chat are kept apart: they make no tasks."""

    def __init__(self, models: Iterable[Model], chats: Iterable[ChatModel] = ()) -> None:
        self.edition = 0
        """Grows whenever the operator has changed something. What was derived from an earlier one is out of date."""
        self.models: Mapping[str, Model] = MappingProxyType({model.id: model for model in models})
        """In a stable order: by file, then as written."""
        self._names: dict[str, Model] = {
            alias: model for model in self.models.values() for alias in model.aliases
        }
        self._names |= self.models
        self.chats: Mapping[str, ChatModel] = MappingProxyType({chat.id: chat for chat in chats})
        """Chat models, in a stable order."""
        self._chat_names = {alias: chat for chat in self.chats.values() for alias in chat.aliases}
        self._chat_names |= self.chats

    def become(self, newer: "Catalog") -> None:
        """Offer what another catalogue offers. Everybody who holds this one sees that from now on."""
        self.models, self._names = newer.models, newer._names
        self.chats, self._chat_names = newer.chats, newer._chat_names
        self.edition += 1

    def find(self, name: str) -> Model | None:
        """The model with this id or alias."""
        return self._names.get(name)

    def nearest(self, name: str, dialect: str = "") -> str | None:
        """The id or alias spelt most like ``name``, if any is close; of one wire API's models, if it is named."""
        names = [each for each, model in self._names.items() if dialect in ("", model.dialect)]
        near = get_close_matches(name, names, 1)
        return near[0] if near else None

    def find_chat(self, name: str) -> ChatModel | None:
        """The chat model with this id or alias."""
        return self._chat_names.get(name)

    def nearest_chat(self, name: str, protocol: str = "") -> str | None:
        """The chat model's id or alias spelt most like ``name``, if any is close; of one protocol, if it is named."""
        names = [each for each, chat in self._chat_names.items() if protocol in ("", *chat.protocols)]
        near = get_close_matches(name, names, 1)
        return near[0] if near else None
