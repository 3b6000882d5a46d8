"""``souk.yaml`` while a process runs: what an edit of it changes at once, and what it takes a restart for.

Models, prices and routes change at once, and so do a connection's key, base URL, options and limits. Tasks that exist
keep the price they were created at: it is stored with them. A file that cannot be read or is wrong changes nothing and
is complained of once.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

from souk import logs
from souk.catalog.catalog import Catalog
from souk.catalog.load import load_catalog
from souk.config import Config, find_config, read_config
from souk.engines import check_routes, connections_of
from souk.premises import secret_values
from souk.providers.base import Connection
from souk.settings import Settings, SettingsError

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
        self.follow: list[Callable[[], None]] = []
        """Who holds to the limits of connections, and is told when they may have changed."""
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
        logs.redact.add(*secret_values(self._settings, connections))
        later = self._connect(connections)
        if config.settings != self._config.settings:
            later.append("settings")
        self._catalog.become(catalog)
        self._config = config
        log.info("souk.yaml is in force", extra={"models": len(config.models), "file": str(config.path)})
        if later:
            log.warning("part of souk.yaml needs a restart", extra={"parts": ", ".join(later)})

    def _connect(self, new: Mapping[str, Connection]) -> list[str]:
        """Take over what the connections there are have become; which come or go, in words."""
        later: list[str] = []
        for name in self._connections.keys() | new.keys():
            was, will = self._connections.get(name), new.get(name)
            if was is None or will is None or was.provider != will.provider:
                later.append(f"connection {name}")
            else:
                self._connections[name] = will
        for follow in self.follow:
            follow()
        return sorted(later)
