"""From what a provider delivered to what the record shows: files into our storage, addresses into the result."""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any, cast

from souk.assets.ingest import IngestFailed
from souk.catalog.quote import Delivered, capture_from
from souk.engine.files import all_stored, filled
from souk.engine.lease import Lease
from souk.ids import piece_id
from souk.providers.base import Done, NewPiece, OutputFile
from souk.store.assets import AssetRow
from souk.store.attempts import Attempt
from souk.store.pieces import Piece
from souk.words import JsonObject


async def finish_with(lease: Lease, done: Done, attempt: Attempt | None) -> None:
    """Store every file, then end the task in success. Raises IngestFailed; nothing is lost by trying again."""
    await finish_stored(lease, done, await all_stored(lease, done.files), attempt)


async def finish_stored(lease: Lease, done: Done, rows: list[AssetRow], attempt: Attempt | None) -> None:
    """End the task in success; its files are these."""
    result = filled(done.result, dict(enumerate(rows)), lease.id)
    delivered = _delivered(done, rows)
    captured = capture_from(json.loads(lease.task.price), delivered)
    # Without spaces, as the compatible service writes it: some clients compare the text.
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    told = await lease.files()
    new = tuple(row for row in rows if row.number not in told)
    await lease.succeed(text, captured, new, _pieces(lease, done, rows), attempt)


def _pieces(lease: Lease, done: Done, rows: list[AssetRow]) -> tuple[Piece, ...]:
    task = lease.task
    return tuple(
        Piece(
            id=piece_id(lease.id, number),
            task_id=lease.id,
            number=number,
            account_id=task.account_id,
            mode=task.mode,
            kind=piece.kind,
            asset_id=None if piece.file is None else rows[piece.file].id,
            connection=task.connection,
            upstream_ref=piece.upstream_ref,
            data=json.dumps(piece.data, ensure_ascii=False),
            created_at=lease.world.clock.now(),
        )
        for number, piece in enumerate(done.pieces)
    )


def _delivered(done: Done, rows: list[AssetRow]) -> Delivered:
    """What the client pays for: the files the result lists as results, and the length of the longest."""
    listed = done.result.get("resultUrls")
    count = len(cast(list[Any], listed)) if isinstance(listed, list) else len(rows)
    seconds = [row.seconds_ms / 1000 for row in rows if row.seconds_ms]
    sides = [row.width * row.height for row in rows if row.width and row.height]
    return Delivered(
        count=count if rows else 1,
        seconds=done.seconds if done.seconds is not None else (max(seconds) if seconds else None),
        megapixels=max(sides) / 1e6 if sides else None,
    )


def is_addressed(done: Done) -> bool:
    """Whether every file can be fetched from its address, so that nothing of it is in our hands alone."""
    return all(output.url for output in done.files)


async def spooled_json(done: Done, spool: Path) -> str:
    """A verdict that can be stored. What has to be written to disk for that is, on a thread."""
    if is_addressed(done):
        return outputs_to_json(done, spool)
    return await asyncio.to_thread(outputs_to_json, done, spool)


def outputs_to_json(done: Done, spool: Path) -> str:
    """A verdict that can be stored: addresses as they are, bytes and local files spooled and synced first."""
    files: list[JsonObject] = []
    for number, output in enumerate(done.files):
        entry: JsonObject = {"media_type": output.media_type, "label": output.label}
        if output.url:
            entry["url"] = output.url
            entry["keyed"] = output.keyed
        else:
            entry["path"] = str(_spooled(output, spool / f"output-{number}"))
        files.append(entry)
    return json.dumps(
        {
            "files": files,
            "result": done.result,
            "cost": done.cost,
            "seconds": done.seconds,
            "pieces": [[piece.kind, piece.upstream_ref, piece.file, piece.data] for piece in done.pieces],
        }
    )


def outputs_from_json(text: str, spool: Path) -> Done:
    """The stored verdict again. Spooled files are linked, so that a crash while ingesting loses none.

    Raises IngestFailed when a spooled file is gone, as after a restore from a backup.
    """
    data = json.loads(text)
    files: list[OutputFile] = []
    for number, entry in enumerate(data["files"]):
        if "path" not in entry:
            files.append(_addressed(entry))
            continue
        copy = spool / f"ingest-{number}"
        copy.unlink(missing_ok=True)
        try:
            os.link(entry["path"], copy)
        except FileNotFoundError as error:
            raise IngestFailed("the file the upstream delivered is no longer on this machine") from error
        files.append(OutputFile(entry["media_type"], path=copy, label=entry.get("label", "")))
    pieces = tuple(NewPiece(*fields) for fields in data["pieces"])
    return Done(files, data["result"], data["cost"], data["seconds"], pieces)


def _addressed(entry: JsonObject) -> OutputFile:
    return OutputFile(
        entry["media_type"],
        url=entry["url"],
        label=entry.get("label", ""),
        keyed=entry.get("keyed", False),
    )


def _spooled(output: OutputFile, target: Path) -> Path:
    """Write an output to disk for good. Always a new file: the old one's bytes may be in storage by now."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".draft")
    with draft.open("wb") as file:
        if output.data is not None:
            file.write(output.data)
        elif output.path is not None:
            with output.path.open("rb") as source:
                shutil.copyfileobj(source, file)
        file.flush()
        os.fsync(file.fileno())
    return draft.replace(target)
