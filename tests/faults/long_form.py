"""The long form of a proof as a command: the options that all of them have, and the site where each is carried out."""

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from souk.store.database import sqlite_url
from tests.postgres import Cluster, fresh_database, running_cluster


@dataclass(frozen=True)
class Site:
    """Where it is carried out."""

    folder: Path
    database_url: str
    cluster: Cluster | None
    """The server that the database is on, which writes as safely as in production; None on SQLite."""


def command(name: str, about: str | None) -> argparse.ArgumentParser:
    """A parser that knows ``--database`` and ``--keep``; the proof adds its own."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.faults.{name}", description=about)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--keep", type=Path, help="a folder to leave the data and the server's log in")
    return parser


@contextlib.contextmanager
def site(given: argparse.Namespace) -> Iterator[Site]:
    """An empty database of the asked kind, and a folder that goes afterwards unless it was asked to be kept."""
    with contextlib.ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="souk-proof-")))
        if given.database == "sqlite":
            yield Site(folder, sqlite_url(folder / "data" / "souk.db"), None)
            return
        cluster = stack.enter_context(running_cluster(durable=True))
        yield Site(folder, stack.enter_context(fresh_database(cluster.url(), "souk")), cluster)
