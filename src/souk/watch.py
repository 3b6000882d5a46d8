"""``souk.yaml`` while a process runs: what an edit of it changes at once, and what it takes a restart for.

Models, prices, routes and connections change at once; settings take a restart. Tasks that exist keep the price they
were created at: it is stored with them. A connection that is gone gets no more tasks, and those that run there are
asked after to their end. A file that cannot be read or is wrong changes nothing and is complained of once.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

from souk import logs
from souk.catalog.catalog import Catalog
from souk.catalog.load import load_catalog
from souk.config import Config, find_config, read_config
from souk.engine.routes import is_live
from souk.engines import check_routes, connections_of
from souk.premises import secret_values
from souk.providers.base import Connection
from souk.settings import SandboxPolicy, Settings, SettingsError

log = logging.getLogger("souk")

LOOK_SECONDS = 0.5
"""How often the file is looked at. It is read once it has not changed between two looks: a look may fall into the
middle of somebody's saving."""

_Seen = tuple[str, int, int, int] | None


class ConfigWatch:
    """Keeps a catalogue and connections as the file says. Both are changed in place: everybody holds the same ones."""

    def __init__(
        self,
        settings: Settings,
        config: Config,
        env: Mapping[str, str],
        catalog: Catalog,
        connections: dict[str, Connection],
    ) -> None:
        self._settings = settings
        self._config = config
        self._env = env
        self._catalog = catalog
        self._connections = connections
        self.prepare: list[Callable[[Mapping[str, Connection]], None]] = []
        """Who makes ready for connections before there are any others. What fails here leaves everything as it was."""
        self.follow: list[Callable[[], None]] = []
        """Who is told when connections may have come, gone or changed."""
        # What was put together otherwise than from a file has none to be watched.
        self._of_a_file = config.path is not None or config == Config()
        self._before: _Seen = None
        self._read: _Seen = None
        self._told = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._of_a_file:
            self._watching = asyncio.create_task(self._watch(), name="souk-config")

    def read_again(self) -> None:
        """Read the file now, and the files that keys lie in, changed or not."""
        self._told.set()

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the file, work goes on as before
                log.error("souk.yaml is not in force, what it said before is", extra={"reason": str(error)})  # noqa: TRY400 - the message says where; a trace says nothing more
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._told.wait()

    async def _look(self) -> None:
        asked, seen = self._told.is_set(), self._seen()
        self._told.clear()
        settled, self._before = seen == self._before, seen
        if asked or (settled and seen != self._read):
            self._read = seen
            config = read_config(find_config(self._settings.data_dir))
            if asked or config != self._config:
                await self._apply(config)

    def _seen(self) -> _Seen:
        """What tells one version of the file from another without reading it."""
        with contextlib.suppress(
            SettingsError, OSError
        ):  # one that is gone is complained of where it is read
            path = find_config(self._settings.data_dir)
            if path is not None:
                stat = path.stat()
                return str(path), stat.st_ino, stat.st_mtime_ns, stat.st_size
        return None

    async def _apply(self, config: Config) -> None:
        # In a thread: compiling every model's schema takes a few tenths of a second.
        catalog = await asyncio.to_thread(load_catalog, overrides=config.models)
        check_routes(catalog)
        _, connections = connections_of(self._settings, config, self._env)
        # Before anybody can use them.
        logs.redact.add(*secret_values(self._settings, connections))
        for prepare in self.prepare:
            prepare(connections)
        restart = config.settings != self._config.settings
        before = dict(self._connections)
        self._catalog.become(catalog)
        self._config = config
        # Anew, because their order is that of a model's routes.
        self._connections.clear()
        self._connections.update(connections)
        for follow in self.follow:
            follow()
        log.info("souk.yaml is in force", extra={"models": len(config.models), "file": str(config.path)})
        self._tell_of_change(before)
        if restart:
            log.warning("part of souk.yaml needs a restart", extra={"parts": "settings"})

    def _tell_of_change(self, before: Mapping[str, Connection]) -> None:
        came, gone = _lacking(self._connections, before), _lacking(before, self._connections)
        if came or gone:
            log.info("connections changed", extra={"came": ", ".join(came), "gone": ", ".join(gone)})
        if self._settings.sandbox is not SandboxPolicy.AUTO or is_live(before) == is_live(self._connections):
            return
        if is_live(before):
            log.warning(
                "no connection is left: tasks are refused until one comes, and a restart leads to the sandbox"
            )
        else:
            log.info("something is connected: from now on only sandbox keys reach the sandbox")


def _lacking(some: Mapping[str, Connection], others: Mapping[str, Connection]) -> list[str]:
    """Which of some are not among others, or are another provider's there."""
    return [
        name
        for name, connection in some.items()
        if name not in others or others[name].provider != connection.provider
    ]
