"""``souk backup`` and ``souk restore``: one copy of everything, checked on both ends."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from souk.cli.failure import Exit, Failure, complain
from souk.cli.opening import Loaded, load, open_house, run
from souk.cli.options import AsJson, DataDir
from souk.cli.show import out, show, size

if TYPE_CHECKING:
    from souk.accounts.secrets import SecretBox
    from souk.operations.backup import Manifest, Restored
    from souk.settings import Settings

Target = Annotated[
    Path, typer.Argument(metavar="TARGET", help="A new folder, or a new file that ends in .tar.")
]
WithSecretKey = Annotated[
    bool, typer.Option("--with-secret-key", help="Put secret.key in too; keep such a copy safe.")
]
LeaveFiles = Annotated[
    bool, typer.Option("--leave-files", help="Without the stored files, which stay where they are.")
]

WithoutMissing = Annotated[
    bool,
    typer.Option("--without-missing", help="Also if files left in their storage were deleted there since."),
]


def backup(
    target: Target,
    with_secret_key: WithSecretKey = False,
    leave_files: LeaveFiles = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Back up database and files as of one moment, while Souk runs."""
    loaded = load(data_dir)
    tell_taken(loaded, target, as_json, with_secret_key=with_secret_key, leave_files=leave_files)


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="A folder or .tar file of `souk backup`.")],
    without_missing: WithoutMissing = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Load a backup into an empty database of either kind, and prove that all of it arrived."""
    tell_restored(load(data_dir), source, as_json, without_missing)


def tell_taken(
    loaded: Loaded,
    target: Path,
    as_json: bool,
    *,
    with_secret_key: bool,
    leave_files: bool = False,
    stopped: bool = False,
) -> None:
    """Copy everything (or all but the files) to a new place, and say what that was."""
    manifest = run(_take(loaded, target, with_secret_key, leave_files, stopped))
    rows = sum(table.rows for table in manifest.tables.values())
    files = "the files left out" if leave_files else f"{manifest.files} files ({size(manifest.bytes)})"
    show(as_json, manifest, lambda: out(f"{target}: {rows} rows and {files}, read back and equal"))
    if not with_secret_key and not as_json:
        complain(
            f"keep {_secret_key_place(loaded.settings)} elsewhere: without it webhook keys must be made anew"
        )


def tell_restored(loaded: Loaded, source: Path, as_json: bool, without_missing: bool) -> None:
    """Load a copy into an empty place, and say what that was."""
    if not source.exists():
        raise Failure(f"there is no backup {source}", Exit.NOT_FOUND)
    done = run(_restore(loaded.settings, source, without_missing))
    manifest = done.manifest
    rows = sum(table.rows for table in manifest.tables.values())
    data = {
        "rows": rows,
        "files": manifest.files,
        "bytes": manifest.bytes,
        "gone": done.gone,
        "owns_files": done.owns_files,
        "problems": done.problems,
    }
    files = "the files are where they were" if manifest.files_left else f"{manifest.files} files are back"
    show(as_json, data, lambda: out(f"{rows} rows are back, each compared; {files}"))
    for path in manifest.missing:
        complain(f"{path} had expired when the backup was taken")
    if done.gone:
        complain(
            f"{len(done.gone)} file(s) were deleted from the storage after the backup, {done.gone[0]} for one"
        )
    if not done.owns_files:
        complain(
            "the storage held files before, which another installation may still need: this one deletes nothing "
            "there until you run `souk files adopt`. Do that once no other uses the storage; until then that one may "
            "delete what this one stores"
        )
    if done.problems:
        raise Failure(f"the ledger does not add up: {done.problems[0]} (souk ledger verify)", Exit.NEGATIVE)


async def _take(
    loaded: Loaded, target: Path, with_secret_key: bool, leave_files: bool, stopped: bool
) -> "Manifest":
    from souk.accounts.secrets import FILE_NAME
    from souk.operations.backup import take

    key = loaded.settings.data_dir / FILE_NAME if with_secret_key else None
    if key is not None and (loaded.settings.secret_key.get_secret_value() or not _exists(key)):
        raise Failure(
            "there is no secret.key to put in; the secret key comes from SOUK_SECRET_KEY", Exit.USAGE
        )
    async with open_house(loaded) as house:
        return await take(
            house.database,
            house.storage,
            target,
            house.clock,
            secret_key=key,
            leave_files=leave_files,
            stopped=stopped,
        )


async def _restore(settings: "Settings", path: Path, without_missing: bool) -> "Restored":
    from souk.accounts.secrets import FILE_NAME
    from souk.clock import SystemClock
    from souk.engine.slot import any_taken
    from souk.operations.backup import open_source, restore, restore_secret_key
    from souk.premises import storage_of
    from souk.store.place import database_of

    if any_taken(settings.data_dir / "slots"):
        raise Failure(f"a souk process runs in {settings.data_dir}; stop it first", Exit.CONFIGURATION)
    place = settings.data_dir / FILE_NAME
    box = _box(settings, place)
    storage = storage_of(settings)
    try:
        with open_source(path) as source:
            now = SystemClock().now()
            done = await restore(
                database_of(settings), storage, source, now, box, without_missing=without_missing
            )
            if box is None and done.manifest.secret_key:
                restore_secret_key(source, place)
            elif box is None:
                complain(
                    f"put the secret.key of the old data into {settings.data_dir} before the next start; if it "
                    "is lost, `souk accounts rotate-webhook-key --lost` makes new webhook keys"
                )
            return done
    finally:
        await storage.close()


def _box(settings: "Settings", place: Path) -> "SecretBox | None":
    """The secret key that is here already."""
    from souk.accounts.secrets import open_box

    if not settings.secret_key.get_secret_value() and not _exists(place):
        return None
    return open_box(
        settings.secret_key.get_secret_value(),
        settings.data_dir,
        settings.secret_key_before.get_secret_value(),
    )


def _secret_key_place(settings: "Settings") -> str:
    from souk.accounts.secrets import FILE_NAME

    given = settings.secret_key.get_secret_value()
    return "SOUK_SECRET_KEY" if given else str(settings.data_dir / FILE_NAME)


def _exists(path: Path) -> bool:
    return path.is_file()
