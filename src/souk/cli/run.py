"""``souk run``: a whole task at the command line, from its input to files on disk."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from souk.cli.arguments import read_input
from souk.cli.callers import key_holder
from souk.cli.failure import Exit, Failure, complain
from souk.cli.files import upload
from souk.cli.opening import Loaded, load, open_house
from souk.cli.opening import run as run_work
from souk.cli.options import AccountName, AsJson, DataDir, InSandbox
from souk.cli.progress import Progress
from souk.cli.saving import save
from souk.cli.show import credits, out, out_json
from souk.words import Mode

if TYPE_CHECKING:
    from souk.house import House
    from souk.operations.records import Record
    from souk.operations.types import Caller

DIALECT = "jobs"
"""The one that refuses unknown models."""


def run(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's id or alias; see `souk models`.")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Input fields; KEY=@FILE brings a local file in."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to save: a file's name, or a folder."),
    ] = None,
    account: AccountName = "",
    sandbox: InSandbox = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Run a model, wait with a progress bar, and save what it made."""
    mode = Mode.SANDBOX if sandbox else Mode.LIVE
    record, saved = run_work(_run(load(data_dir), model, fields or [], output, account, mode))
    if as_json:
        out_json({**_plain(record), "files": [str(path) for path in saved]})
    if record.state != "success":
        raise Failure(f"{model} failed: {record.fail_message or record.fail_kind}", Exit.NEGATIVE)
    if not as_json:
        for path in saved:
            out(str(path))
        complain(f"{record.model} took {credits(record.credits)} {record.mode} credits")


async def _run(
    loaded: Loaded, model: str, fields: list[str], output: Path | None, account: str, mode: Mode
) -> "tuple[Record, list[Path]]":
    async with open_house(loaded, engine=_engine_needed(loaded), create=True) as house:
        caller = await key_holder(house, account, mode)
        await _check_engine(house)
        record = await _follow(house, caller, await _create(house, caller, model, fields, account))
        return record, await save(house, caller, record, output) if record.state == "success" else []


def _engine_needed(loaded: Loaded) -> bool:
    """Whether nobody runs tasks on this machine's data yet. On PostgreSQL others may, anywhere."""
    from souk.engine.slot import any_taken

    settings = loaded.settings
    return settings.sqlite and not any_taken(settings.data_dir / "slots")


async def _check_engine(house: "House") -> None:
    """Where others run the tasks, see that somebody does. Raises Failure."""
    from souk.store import nodes

    if house.engine is not None:
        return
    alive = await house.reads.run(lambda connection: nodes.alive(connection, house.clock.now()))
    if not alive:
        raise Failure(
            "nothing runs tasks on this database; start `souk serve` or `souk engine`", Exit.CONFIGURATION
        )


async def _create(house: "House", caller: "Caller", model: str, fields: list[str], account: str) -> str:
    from souk.operations.types import Draft

    async def bring_in(path: Path) -> str:
        return (await upload(house, path, account))[1]

    found = house.catalog.find(model)
    given = await read_input(fields, found.schema if found else {}, bring_in)
    dialect = found.dialect if found else DIALECT
    created = await house.operations.create(caller, Draft(model=model, input=given, dialect=dialect))
    for warning in created.warnings:
        complain(warning)
    return created.task_id


async def _follow(house: "House", caller: "Caller", task_id: str) -> "Record":
    """Show the task's steps until it has ended; an interrupt asks that it stops."""
    record: Record | None = None
    try:
        with Progress(sys.stderr) as progress:
            async for record in house.operations.events(caller, task_id):
                progress.show(record)
    except asyncio.CancelledError:
        answer = await house.operations.cancel(caller, task_id)
        complain(f"task {task_id}: {answer.replace('_', ' ')}")
        raise
    if record is None:
        raise Failure(f"task {task_id} is gone")
    return record


def _plain(record: "Record") -> dict[str, Any]:
    from souk.cli.tasks import plain_record

    return plain_record(record)
