"""A chat model as a plain object: for the model pages of the API and the ``souk models`` command."""

from typing import Final

from souk.catalog.chat import ChatModel, ChatPrice
from souk.catalog.describe import shown_route
from souk.words import CREDIT, JsonObject

PATHS: Final = {
    "chat": "/{model}/v1/chat/completions",
    "responses": "/api/v1/responses",
    "messages": "/claude/v1/messages",
    "gemini": "/gemini/v1/models/{model}:streamGenerateContent",
}
"""Where each protocol is spoken."""


def chat_listing(model: ChatModel) -> JsonObject:
    """The short form, as the wire's model list has it."""
    return {
        "model": model.id,
        "slug": model.id,
        "title": model.title,
        "provider": model.brand,
        "taskType": ["Chat"],
        "description": model.description or None,
        "pricingDesc": chat_price_text(model.price),
    }


def describe_chat(model: ChatModel) -> JsonObject:
    """The long form: the short one with all a client or operator can know about the model."""
    price = model.price
    return chat_listing(model) | {
        "vendor": model.vendor,
        "category": "chat",
        "aliases": list(model.aliases),
        "paused": model.paused,
        "protocols": list(model.protocols),
        "paths": list(paths_of(model)),
        "streams": model.streams,
        "context": model.context,
        "maxOutput": model.max_output,
        "price": {
            "unit": "per_million_tokens",
            "input": price.input / CREDIT,
            "cached": price.cached / CREDIT,
            "written": price.written / CREDIT,
            "output": price.output / CREDIT,
            "estimated": price.estimated,
        },
        "routes": [shown_route(route) for route in model.routes],
    }


def paths_of(model: ChatModel) -> tuple[str, ...]:
    """Where the model is asked, best known first."""
    return tuple(PATHS[protocol].replace("{model}", model.id) for protocol in model.protocols)


def chat_price_text(price: ChatPrice) -> str:
    """The price in words."""
    told = (
        f"{price.input / CREDIT:g} credits per million tokens read ({price.cached / CREDIT:g} from a cache), "
        f"{price.output / CREDIT:g} per million written"
    )
    return f"{told} (estimated)" if price.estimated else told
