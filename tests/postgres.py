"""A throw-away PostgreSQL cluster: one per test session, or one for a script (``python -m tests.postgres``).

The cluster is run by a keeper process that watches a lock file. Every user of the cluster holds a shared lock
on it, and the kernel drops that lock however the user ends; once the keeper gets the lock alone, nobody is
left, and it stops the server and deletes the data.
"""

import argparse
import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

USER = "souk"
START_SECONDS = 60.0
ROOT = Path(__file__).parent.parent

_keepers: list[subprocess.Popen[bytes]] = []
"""The keepers this process started, held because Python warns of a forgotten child that still runs."""


class Cluster:
    """One server with its data folder. Unsafe settings make it fast; ``durable`` keeps PostgreSQL's own."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        self.port = 0
        self._durable = durable
        self._bin = server_programs()
        self._server: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make the data folder (``initdb``), owned by whoever will run the server."""
        if owner := server_owner():
            shutil.chown(self.folder, owner, pwd.getpwnam(owner).pw_gid)
        command = [self._bin / "initdb", "-D", self.folder / "data", "-U", USER, "-A", "trust", "--no-sync"]
        done = self._popen([*command, "-E", "UTF8", "--locale=C"])
        if done.wait() != 0:
            raise RuntimeError(f"initdb failed: {self.log()}")

    def start(self) -> None:
        """Start the server and wait until it answers; started again after :meth:`kill`, it keeps its port."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            port = self.port or free_port()
            self._server = self._popen(self._server_command(port))
            if self._answers(port, deadline):
                self.port = port
                return
            # The port was taken meanwhile, or a killed server's children have not all left yet.
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {self.log()}")
            time.sleep(0.1)

    def kill(self) -> None:
        """Take the server away as a crash would; committed data stays in the folder."""
        self._stop(signal.SIGKILL)

    def stop(self) -> None:
        """Stop the server at once; nobody will read the data again."""
        self._stop(signal.SIGQUIT)

    def log(self) -> str:
        """The end of what the server and initdb said."""
        path = self.folder / "log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def _server_command(self, port: int) -> list[str | Path]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command: list[str | Path] = [self._bin / "postgres", "-D", self.folder / "data"]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        # Should the process that started the server be killed, the server goes with it.
        if setpriv := shutil.which("setpriv"):
            command = [setpriv, "--pdeathsig", "QUIT", "--", *command]
        return command

    def _popen(self, command: list[str | Path]) -> subprocess.Popen[bytes]:
        owner = server_owner()
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # an interrupt at the terminal is for the tests, not for the server
                user=owner,
                group=pwd.getpwnam(owner).pw_gid if owner else None,
                extra_groups=[] if owner else None,
            )

    def _answers(self, port: int, deadline: float) -> bool:
        assert self._server is not None
        while time.monotonic() < deadline and self._server.poll() is None:
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(f"postgresql://{USER}@127.0.0.1:{port}/postgres", connect_timeout=5),
            ):
                # Another server may hold the port; ours is the one that is still alive and answers.
                return self._server.poll() is None
            time.sleep(0.02)
        return False

    def _stop(self, how: signal.Signals) -> None:
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait()
            self._server = None


def server_programs() -> Path:
    """The folder of the newest ``initdb`` and ``postgres`` on this machine."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not versions:
        raise RuntimeError("PostgreSQL's server programs are missing (on Debian: apt-get install postgresql)")
    return max(versions, key=lambda folder: int(folder.parent.name))


def server_owner() -> str | None:
    """Whom to run the server as: PostgreSQL refuses root, so root lends it to another user."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running_cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """A started cluster of one's own, for scripts and for tests that kill the server."""
    # Directly under the system's temporary folder, because the server's user must be able to get there.
    folder = Path(tempfile.mkdtemp(prefix="souk-postgres-"))
    cluster = Cluster(folder, durable=durable)
    try:
        cluster.create()
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def shared_cluster(meeting_place: Path) -> Iterator[str]:
    """The address of the cluster shared by every process that names the same folder.

    The first user starts the keeper; the server stops when the last user has left or died.
    """
    address = meeting_place / "postgres-url"
    with (
        (meeting_place / "postgres-users").open("w") as users,
        (meeting_place / "postgres-start").open("w") as start,
    ):
        fcntl.flock(start, fcntl.LOCK_EX)
        # Waits for a keeper that is just leaving; it deletes the address before it lets go.
        fcntl.flock(users, fcntl.LOCK_SH)
        if not address.exists():
            _start_keeper(meeting_place, address)
        fcntl.flock(start, fcntl.LOCK_UN)
        yield address.read_text()


def _start_keeper(meeting_place: Path, address: Path) -> None:
    log = meeting_place / "postgres-keeper.log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres", "--keep-for", meeting_place],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _keepers.append(keeper)
    while not address.exists():
        if keeper.poll() is not None:
            raise RuntimeError(f"PostgreSQL could not be started for the tests: {log.read_text()}")
        time.sleep(0.02)


def keep_for(meeting_place: Path) -> None:
    """Run a cluster until every user of the meeting place is gone."""
    address = meeting_place / "postgres-url"
    with (meeting_place / "postgres-users").open("w") as users, running_cluster() as cluster:
        draft = address.with_suffix(".draft")
        draft.write_text(cluster.url())
        draft.rename(address)
        fcntl.flock(users, fcntl.LOCK_EX)
        address.unlink(missing_ok=True)


@contextmanager
def fresh_database(
    server_url: str, name: str, template: str = "template0", encoding: str = "UTF8"
) -> Iterator[str]:
    """A database of that name, copied from a template, dropped afterwards; gives its address."""
    database, copied = sql.Identifier(name), sql.Identifier(template)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING {}").format(database, copied, encoding)
        )
    try:
        yield f"{server_url.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def main() -> None:
    """Print the address of a cluster and run it until end of input or a signal."""
    parser = argparse.ArgumentParser(prog="python -m tests.postgres", description=main.__doc__)
    parser.add_argument("--durable", action="store_true", help="write as safely as in production")
    parser.add_argument("--keep-for", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if options.keep_for:
        keep_for(options.keep_for)
        return
    with running_cluster(durable=options.durable) as cluster, suppress(KeyboardInterrupt):
        print(cluster.url(), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
