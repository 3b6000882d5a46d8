"""One scrape sees all workers: whichever is asked for ``/metrics`` asks the others of its server too.

Each worker shows its own page on a Unix socket in a folder that their parent made, named by the worker's place. What
comes from a place has the label ``worker``; another process in that place starts from zero, which Prometheus sees as a
reset.
"""

import asyncio
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from souk.measure import ShowPage

log = logging.getLogger("souk.metrics")

ANSWER_SECONDS: Final = 4.0
"""How long another worker may take. Longer than its page does, less than the 10 seconds Prometheus waits."""
END: Final = b"# EOF\n"
"""Comes after a page, and is a comment in it. A worker that was killed meanwhile did not get so far."""
PARENT: Final = "parent"
"""In the label's place for the process that hands out the connections. It has no page, but takes memory and files."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker stands among those of its server."""

    folder: Path
    """Nobody else's, and short: a socket's whole path has room for about a hundred characters."""
    number: int
    workers: int
    """How many there are."""

    def socket_of(self, number: int) -> str:
        """Where the worker of that number shows its page."""
        return str(self.folder / str(number))


class Gathering:
    """The pages of all workers of a server, as one of them gets and shows them."""

    def __init__(self, place: Place, own_page: ShowPage, patience: float = ANSWER_SECONDS) -> None:
        """``patience`` is how many seconds another worker may take."""
        self._place = place
        self._own_page = own_page
        self._patience = patience
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Show this worker's page to the others. One that cannot serves all the same."""
        try:
            # Takes the place of the socket that a killed worker left there.
            self._server = await asyncio.start_unix_server(
                self._show, self._place.socket_of(self._place.number)
            )
        except OSError as error:
            log.warning("other workers cannot see the metrics of this one", extra={"reason": str(error)})

    async def close(self) -> None:
        """Show nothing any more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def page(self) -> bytes:
        """One page of all. A worker that is not there or does not answer has ``souk_worker_up`` 0 and nothing else."""
        numbers = range(self._place.workers)
        pages = await asyncio.gather(*(self._page_of(number) for number in numbers))
        return joined(dict(zip(map(str, numbers), pages, strict=True)))

    async def _page_of(self, number: int) -> bytes | None:
        if number == self._place.number:
            return await self._own_page()
        try:
            return await asyncio.wait_for(_ask(self._place.socket_of(number)), self._patience)
        except (OSError, TimeoutError):
            return None

    async def _show(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(await self._own_page() + END)
            await writer.drain()
        except ConnectionError:
            log.debug("another worker did not wait for the metrics")
        finally:
            writer.close()


async def _ask(path: str) -> bytes | None:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        page = await reader.read()
    finally:
        writer.close()
    return page if page.endswith(END) else None


def joined(pages: Mapping[str, bytes | None]) -> bytes:
    """One page of those of workers by their names; None is of a worker that showed none."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_All(pages))
    return generate_latest(registry)


class _All(Collector):
    """What all workers showed, under one heading for each metric."""

    def __init__(self, pages: Mapping[str, bytes | None]) -> None:
        self._pages = pages

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily(
            "souk_worker_up", "Whether a worker of this server shows its metrics.", labels=["worker"]
        )
        families: dict[str, Metric] = {}
        for worker, page in self._pages.items():
            up.add_metric([worker], page is not None)
            for family in text_string_to_metric_families((page or b"").decode()):
                _add(families, worker, family)
        for family in ProcessCollector(pid=os.getppid, registry=None).collect():
            _add(families, PARENT, family)
        return [up, *families.values()]


def _add(families: dict[str, Metric], worker: str, family: Metric) -> None:
    whole = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
    whole.samples += [
        sample._replace(labels={**sample.labels, "worker": worker}) for sample in family.samples
    ]
