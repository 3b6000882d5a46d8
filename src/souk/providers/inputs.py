"""Handing a task's input files to an upstream: as addresses it can fetch, or written into the request."""

import asyncio
import base64
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, cast

from souk.providers.base import MediaFile, ParentRef, Refused
from souk.words import FailKind, JsonObject


def with_addresses(input: JsonObject, field: str, addresses: Mapping[int, str]) -> JsonObject:
    """A copy of ``input`` whose ``n``-th text under ``field`` is ``addresses[n]``; others stay.

    ``field`` is written as in :class:`souk.providers.base.MediaFile`: ``image_urls``, or
    ``kling_elements[].element_input_urls`` for one inside a list. Texts that are no addresses, such as
    a parent task's id, are never replaced.
    """
    steps = [step.removesuffix("[]") for step in field.split(".")]
    return _placed(input, steps, _counted(addresses))


async def as_base64(file: MediaFile) -> str:
    """A file as base64 text. Reads it whole: for upstreams that take files inside the JSON."""
    return await asyncio.to_thread(lambda: base64.b64encode(file.path.read_bytes()).decode("ascii"))


async def as_data_uri(file: MediaFile) -> str:
    """A file as ``data:`` address."""
    return f"data:{file.media_type};base64,{await as_base64(file)}"


async def address_or_data_uri(file: MediaFile) -> str:
    """The file's own address where the upstream can reach it, else the file itself as ``data:`` address."""
    return file.url if file.reachable else await as_data_uri(file)


async def addresses_or_data_uris(files: Sequence[MediaFile], most: int) -> list[str]:
    """The same for several files of one request, where at most so many bytes of them may be written into it.

    Raises Refused when they are more.
    """
    inside = [file for file in files if not file.reachable]
    if sum(file.size for file in inside) > most:
        why = f"the upstream cannot fetch the files, and only {most >> 20} MB of them fit into a request"
        raise Refused(FailKind.UNSUPPORTED, f"{inside[0].field}: {why}")
    return [await address_or_data_uri(file) for file in files]


def refuse_beyond(input: JsonObject, known: Set[str]) -> None:
    """Raise Refused if an input asks for anything that the upstream has no field for."""
    for name, value in input.items():
        if name not in known and value not in (None, "", []):
            raise Refused(FailKind.UNSUPPORTED, f"{name}: the upstream has nothing like it for this model")


def with_reference(input: JsonObject, parent: ParentRef) -> JsonObject:
    """A copy of ``input`` that names a parent as its upstream does. Raises Refused when that has no name for it."""
    if not parent.ref:
        raise Refused(FailKind.UNSUPPORTED, f"{parent.field}: the upstream keeps no reference to this result")
    steps = [step.removesuffix("[]") for step in parent.field.split(".")]
    return _renamed(input, steps, parent)


def _renamed(value: Any, steps: Sequence[str], parent: ParentRef) -> Any:
    if isinstance(value, list):
        return [_renamed(item, steps, parent) for item in cast(list[Any], value)]
    if not steps:
        return parent.ref if value == parent.id else value
    if isinstance(value, dict) and steps[0] in value:
        inside = cast(JsonObject, value)
        return {**inside, steps[0]: _renamed(inside[steps[0]], steps[1:], parent)}
    return cast(Any, value)


def _counted(addresses: Mapping[int, str]) -> Iterator[str | None]:
    for index in range(max(addresses, default=-1) + 1):
        yield addresses.get(index)


def _placed(value: Any, steps: Sequence[str], addresses: Iterator[str | None]) -> Any:
    if isinstance(value, list):
        return [_placed(item, steps, addresses) for item in cast(list[Any], value)]
    if not steps:
        return _replaced(value, addresses)
    if isinstance(value, dict) and steps[0] in value:
        inside = cast(JsonObject, value)
        return {**inside, steps[0]: _placed(inside[steps[0]], steps[1:], addresses)}
    return cast(Any, value)


def _replaced(value: Any, addresses: Iterator[str | None]) -> Any:
    if not isinstance(value, str) or not value:
        return value
    address = next(addresses, None)
    return address if address and ":" in value else value
