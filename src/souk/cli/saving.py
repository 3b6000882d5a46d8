"""Saving a task's files where the person at the command line wants them."""

from pathlib import Path
from typing import TYPE_CHECKING

from souk.cli.failure import Exit, Failure

if TYPE_CHECKING:
    from souk.house import House
    from souk.operations.records import Record
    from souk.operations.types import Caller

SHORT_ID = 8
"""Characters of a task's id in the names of its files; the last ones, which are random."""


async def save(house: "House", caller: "Caller", record: "Record", output: Path | None) -> list[Path]:
    """Write the task's files; where they are now. Raises Failure when they cannot be written."""
    from souk.assets.links import own_path

    story = await house.operations.story(caller, record.task_id)
    links = [file.url for file in story.files] if story else []
    keys = [path for link in links if (path := own_path(link, house.public_url))]
    places = _places(record, [Path(key).suffix for key in keys], output)
    for key, place in zip(keys, places, strict=True):
        await _write(house, key, place)
    return places


def _places(record: "Record", endings: list[str], output: Path | None) -> list[Path]:
    """A name per file: the one that was asked for, numbered from the second file on.

    Files of another kind than the first, such as a song's cover, keep their own ending.
    """
    if output is None or output.is_dir():
        stem = f"{record.model.replace('/', '-')}-{record.task_id[-SHORT_ID:]}"
        first, folder = "", output or Path()
    else:
        stem, first, folder = output.stem, output.suffix, output.parent
    named = [first if first and ending == endings[0] else ending for ending in endings]
    return [
        folder / f"{stem}{f'-{number}' if number > 1 else ''}{ending}"
        for number, ending in enumerate(named, 1)
    ]


async def _write(house: "House", key: str, place: Path) -> None:
    draft = place.with_name(f".{place.name}.part")
    try:
        with draft.open("wb") as file:
            async for piece in house.storage.open_range(key):
                file.write(piece)
        draft.replace(place)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Failure(f"cannot write {place}: {error.strerror or error}", Exit.CONFIGURATION) from error
