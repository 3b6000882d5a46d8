"""Reading a chat model's entry of the catalogue.

.. code-block:: yaml

    - id: gpt-5-2
      title: GPT-5.2
      vendor: OpenAI
      category: chat
      chat:
        protocols: [chat, responses]
        price: {input: 350, cached: 35, output: 2800}  # credits for a million tokens
        context: 400000
        max_output: 128000
        streams: true        # answers at the model's own path are streamed unless the client says no
      routes:
        - {provider: openai, model: gpt-5.2}

A price may also say ``written`` (tokens put into a cache) and ``estimated: true``.
"""

from collections.abc import Sequence
from typing import Any

from souk.catalog.chat import PROTOCOLS, WRITTEN, ChatModel, ChatPrice
from souk.catalog.model import Route
from souk.catalog.plain import Unreadable, mapping, number, only, sequence, text
from souk.words import JsonObject, ModelId, credits_from_number

CHAT = "chat"
"""The category of chat models."""

_KEYS = (
    *("id", "title", "vendor", "brand", "category", "description", "aliases"),
    *("chat", "routes", "upstream", "paused"),
)
_CHAT_KEYS = ("protocols", "price", "context", "max_output", "streams")
_PRICE_KEYS = ("input", "cached", "written", "output", "estimated")


def read_chat(data: JsonObject, routes: Sequence[Route]) -> ChatModel:
    """Read an entry whose routes are read already. Raises :class:`Unreadable`."""
    only(data, _KEYS, "the entry")
    chat = mapping(data.get("chat"), "chat")
    only(chat, _CHAT_KEYS, "chat")
    vendor = text(data.get("vendor"), "vendor")
    return ChatModel(
        id=ModelId(str(data["id"])),
        title=text(data.get("title"), "title"),
        vendor=vendor,
        brand=text(data.get("brand", vendor), "brand"),
        description=str(data.get("description", "")),
        aliases=tuple(text(each, "aliases") for each in sequence(data.get("aliases"), "aliases")),
        protocols=_protocols(chat.get("protocols")),
        price=_price(mapping(chat.get("price"), "chat.price")),
        context=_count(chat, "context"),
        max_output=_count(chat, "max_output"),
        streams=bool(chat.get("streams")),
        routes=tuple(routes),
        paused=bool(data.get("paused")),
    )


def _protocols(value: Any) -> tuple[str, ...]:
    named = tuple(text(each, "chat.protocols") for each in sequence(value, "chat.protocols"))
    if not named or not set(named) <= set(PROTOCOLS):
        raise Unreadable(f"chat.protocols must name some of {', '.join(PROTOCOLS)}")
    return named


def _price(section: JsonObject) -> ChatPrice:
    only(section, _PRICE_KEYS, "chat.price")
    amounts = {
        name: number(section[name], f"chat.price.{name}") for name in _PRICE_KEYS[:-1] if name in section
    }
    if missing := {"input", "output"} - amounts.keys():
        raise Unreadable(f"chat.price.{min(missing)} is missing; give the credits for a million tokens")
    return ChatPrice(
        input=credits_from_number(amounts["input"]),
        cached=credits_from_number(amounts.get("cached", amounts["input"])),
        written=credits_from_number(amounts.get("written", amounts["input"] * WRITTEN)),
        output=credits_from_number(amounts["output"]),
        estimated=bool(section.get("estimated")),
    )


def _count(section: JsonObject, name: str) -> int:
    value = section.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Unreadable(f"chat.{name} must be a number of tokens, not {value!r}")
    return value
