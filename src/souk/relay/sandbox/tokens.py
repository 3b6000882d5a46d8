"""How the sandbox counts: a plain rule instead of a tokenizer, so that anybody can work out what a chat costs."""

from typing import Any, Final

import msgspec

LETTERS_PER_TOKEN: Final = 4
MEDIA_TOKENS: Final = 256
"""What a picture, sound, clip or document counts as, whatever its size."""
MESSAGE_TOKENS: Final = 4
"""What each message of a conversation counts beside its content."""


def tokens_of(text: str) -> int:
    """The tokens of a text: one for every four letters, the last one begun counting whole."""
    return -(-len(text) // LETTERS_PER_TOKEN)


def tokens_of_json(value: Any) -> int:
    """The tokens of a value as it is written in JSON."""
    return tokens_of(written(value))


def written(value: Any) -> str:
    """A value in JSON without spaces."""
    return msgspec.json.encode(value).decode()
