"""``souk export`` and ``souk import``: a whole installation from one place, and kind of database, to another.

What travels is what a backup holds. An export differs in one thing: it wants everything stopped, because the work that
is unfinished now goes on at the other place and must not go on here as well.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from souk.cli.backup import Target, WithoutMissing, WithSecretKey, tell_restored, tell_taken
from souk.cli.failure import Exit, Failure, complain
from souk.cli.opening import load
from souk.cli.options import AsJson, DataDir

if TYPE_CHECKING:
    from souk.settings import Settings


def export(
    target: Target,
    with_secret_key: WithSecretKey = False,
    leave_files: Annotated[
        bool,
        typer.Option("--leave-files", help="Without the stored files: the new place uses the same storage."),
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Write everything out, to go on elsewhere: on another machine or database. Stop Souk first."""
    loaded = load(data_dir)
    _check_nobody_runs(loaded.settings)
    tell_taken(
        loaded, target, as_json, with_secret_key=with_secret_key, leave_files=leave_files, stopped=True
    )
    if not as_json:
        complain(
            "start Souk where this is imported, and here no more: unfinished tasks would run at both places"
        )


def import_(
    source: Annotated[Path, typer.Argument(metavar="EXPORT", help="A folder or .tar file of `souk export`.")],
    without_missing: WithoutMissing = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Load an export into an empty database of either kind, and prove that all of it arrived."""
    tell_restored(load(data_dir), source, as_json, without_missing)


def _check_nobody_runs(settings: "Settings") -> None:
    from souk.engine.slot import any_taken
    from souk.store.others import staying
    from souk.store.place import database_of

    if any_taken(settings.data_dir / "slots"):
        raise Failure(f"a souk process runs in {settings.data_dir}; stop it first", Exit.CONFIGURATION)
    if others := staying(database_of(settings)):
        told = "; ".join(map(str, others))
        raise Failure(
            f"Souk runs on this database ({told}); stop it first, or take a backup", Exit.CONFIGURATION
        )
