"""What operators are shown of a task: where its owner's addresses lead, without the tokens these carry.

The owner's own record repeats every address as it was given.
"""

from typing import Any, cast

from msgspec.structs import replace

from souk.logs import REDACTED
from souk.net.policy import safe_url
from souk.operations.records import Record
from souk.operations.stories import Story
from souk.words import JsonObject


def discreet_record(record: Record) -> Record:
    """A record whose addresses have no query of the owner's."""
    return replace(
        record,
        input=cast(JsonObject, _discreet(record.input)),
        callback_url=_address(record.callback_url),
        progress_url=_address(record.progress_url),
    )


def discreet_story(story: Story) -> Story:
    """A story of such addresses. What a callback says is left out: it repeats the owner's."""
    callbacks = [replace(row, url=discreet_url(row.url), body="") for row in story.callbacks]
    return replace(story, record=discreet_record(story.record), callbacks=callbacks)


def discreet_url(url: str) -> str:
    """An address, with a mark in place of its query."""
    shown = safe_url(url)
    return f"{shown}?{REDACTED}" if "?" in url else shown


def _address(url: str | None) -> str | None:
    return None if url is None else discreet_url(url)


def _discreet(node: Any) -> Any:
    if isinstance(node, str):
        return discreet_url(node) if node[:8].lower().startswith(("http://", "https://")) else node
    if isinstance(node, dict):
        return {name: _discreet(value) for name, value in cast(JsonObject, node).items()}
    return [_discreet(item) for item in cast(list[Any], node)] if isinstance(node, list) else node
