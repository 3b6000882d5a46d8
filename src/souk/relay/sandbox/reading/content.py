"""What a message holds, in the shape that all makers but Google give it: a text, or a list of texts and files."""

from collections.abc import Mapping
from typing import Any

from souk.relay.sandbox.asked import Talk
from souk.relay.sandbox.view import a_text, objects


def texts_of(content: Any, kinds: Mapping[str, str], talk: Talk) -> list[str]:
    """The texts of a content, counting its files on the way. ``kinds``: of files, by the type of their part."""
    if isinstance(content, str):
        return [content] if content else []
    texts: list[str] = []
    for part in objects(content):
        kind = kinds.get(a_text(part.get("type")))
        if kind is not None:
            talk.saw(kind)
        elif a_text(part.get("text")):
            texts.append(part["text"])
    return texts
