"""``souk files``: bringing a file in, so that the input of a task can name it, and taking over a storage."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from souk.cli.failure import Exit, Failure, complain
from souk.cli.opening import Loaded, actor, load, named, open_house, run, with_admin
from souk.cli.options import AccountName, AsJson, DataDir
from souk.cli.show import moment, out, show, size

if TYPE_CHECKING:
    from souk.house import House
    from souk.operations.adoption import Adoption
    from souk.store.assets import AssetRow

files = typer.Typer(help="Bring files in; take over a storage.", no_args_is_help=True)


@files.command("put")
def put(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to bring in.")],
    account: AccountName = "",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Store a file and print its link, on stdout."""
    if not file.is_file():
        raise Failure(f"there is no file {file}", Exit.NOT_FOUND)
    row, url = run(_put(load(data_dir), file, account))
    data = {
        "url": url,
        "name": row.name,
        "media_type": row.media_type,
        "size": row.size,
        "sha256": row.sha256,
        "expires_at": row.expires_at,
    }
    show(as_json, data, lambda: out(url))
    if not as_json:
        complain(f"{row.name} is {row.media_type}, {size(row.size)}, kept until {moment(row.expires_at)} UTC")


async def _put(loaded: Loaded, file: Path, account: str) -> "tuple[AssetRow, str]":
    async with open_house(loaded) as house:
        return await upload(house, file, account)


@files.command("adopt")
def adopt(
    with_unknown: Annotated[
        bool,
        typer.Option("--with-unknown", help="Also files the database does not know; the sweep removes them."),
    ] = False,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over", help="Also files marked as another installation's, which is gone for good."
        ),
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Take the files in the storage as this database's, so that the sweep cleans up among them."""
    done = run(_adopt(load(data_dir), with_unknown, take_over))
    if not done.adopted:
        raise Failure(_why_not(done, take_over), Exit.NEGATIVE)
    told = f"the files are this database's; {done.unknown} that it does not know will be removed within hours"
    show(as_json, done, lambda: out(told if done.unknown else "the files are this database's"))


def _why_not(done: "Adoption", take_over: bool) -> str:
    unknown = f"{done.unknown} file(s) that this database does not know, and the sweep would remove them"
    if done.others and not take_over:
        word = f"; it holds {unknown}: add --with-unknown if nothing needs them" if done.unknown else ""
        return (
            "the storage is marked as another installation's. If that one lives, give this one a storage of its own: "
            "each would delete what the other stores. If it is gone for good, run it again with --take-over"
            + word
        )
    return f"the storage holds {unknown}; if nothing needs them, run it again with --with-unknown"


async def _adopt(loaded: Loaded, with_unknown: bool, take_over: bool) -> "Adoption":
    from souk.operations.adoption import adopt

    async with open_house(loaded) as house:
        return await adopt(house.reads, house.storage, with_unknown=with_unknown, take_over=take_over)


@files.command("disown")
def disown(data_dir: DataDir = None) -> None:
    """Delete nothing in the storage from now on: for a copy of the database that other tools made, before it runs."""
    with_admin(data_dir, lambda admin: admin.disown_files())
    out(
        "this database is an installation of its own and deletes nothing in the storage until `souk files adopt`"
    )


async def upload(house: "House", file: Path, account: str) -> "tuple[AssetRow, str]":
    """Store a file for an account; its row and its public link."""
    from souk.assets.links import public_link

    admin = house.admin(actor())
    owner = await admin.accounts.get(await named(admin, account))
    row = await house.uploads.put(owner.id, owner.segment, file)
    return row, public_link(row.path, house.public_url)
