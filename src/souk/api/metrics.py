"""``GET /metrics``: what this process counted, what its store says, and how the write lane does."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from souk.api.health import OK, Readiness
from souk.api.vitals import Backlog, Vitals
from souk.clock import Clock
from souk.measure import Meters, ShowPage
from souk.store.database import DatabaseError
from souk.store.lane import BATCH_SIZES, Lane

LOOK_SECONDS: Final = 5.0
"""What the store says is at most this old; scrapes in between ask it nothing."""
COUNT_SECONDS: Final = 3.0
"""How long counting may take. Prometheus waits 10 seconds for a page."""


class Page:
    """What a scrape of this process is shown.

    Never keeps a scrape waiting for long: where the database does not answer, the page says that and nothing of what
    is stored, and the process' own counters all the same.
    """

    def __init__(self, meters: Meters, vitals: Vitals, readiness: Readiness, clock: Clock) -> None:
        self._registry = meters.registry
        self._vitals = vitals
        self._readiness = readiness
        self._clock = clock
        self._store = StoreCollector()
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")
        self._registry.register(LaneCollector(vitals.lane))
        self._registry.register(self._store)

    async def text(self) -> bytes:
        """The page, in the Prometheus text format."""
        async with self._looking:
            if self._clock.monotonic() - self._looked_at >= LOOK_SECONDS:
                await self._look()
        return generate_latest(self._registry)

    async def _look(self) -> None:
        self._store.checks, self._store.backlog = await asyncio.gather(
            self._readiness.judge(), self._backlog()
        )
        self._looked_at = self._clock.monotonic()

    async def _backlog(self) -> Backlog | None:
        try:
            return await asyncio.wait_for(self._vitals.backlog(), COUNT_SECONDS)
        except (DatabaseError, TimeoutError):
            return None


class MetricsRoute:
    """Handler of ``/metrics``. It needs no key: labels hold no id, account, model or address."""

    def __init__(self, page: ShowPage) -> None:
        self._page = page
        self.routes = [Route("/metrics", self.metrics, methods=["GET"])]

    async def metrics(self, _: Request) -> Response:
        """GET metrics, in the Prometheus text format."""
        return Response(await self._page(), media_type=CONTENT_TYPE_LATEST)


class StoreCollector(Collector):
    """What the store said when it was last asked. Counts it did not give are left out: old ones would look like new."""

    def __init__(self) -> None:
        self.checks: dict[str, str] = {}
        self.backlog: Backlog | None = None

    def collect(self) -> Iterable[Metric]:
        ready = GaugeMetricFamily(
            "souk_ready", "Whether a part of the process does its work, as /ready judges.", labels=["check"]
        )
        for check, outcome in self.checks.items():
            ready.add_metric([check], outcome == OK)
        yield ready
        if self.backlog is not None:
            yield from _counts(self.backlog)


def _counts(backlog: Backlog) -> Iterable[Metric]:
    tasks = GaugeMetricFamily("souk_tasks", "Unfinished tasks by state.", labels=["state"])
    for state, count in backlog.by_state.items():
        tasks.add_metric([state], count)
    yield tasks
    yield GaugeMetricFamily(
        "souk_queue_age_seconds", "Age of the oldest task that no engine has claimed.", backlog.oldest_wait
    )
    yield GaugeMetricFamily(
        "souk_callbacks_pending", "Callbacks that are not delivered yet.", backlog.callbacks
    )
    yield GaugeMetricFamily(
        "souk_callbacks_late", "Callbacks whose next try is due by now.", backlog.late_callbacks
    )


class LaneCollector(Collector):
    """The write lane's own counters."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    def collect(self) -> Iterable[Metric]:
        stats = self._lane.stats
        yield CounterMetricFamily("souk_lane_batches", "Transactions committed.", stats.batches)
        yield CounterMetricFamily("souk_lane_operations", "Writes committed.", stats.operations)
        yield CounterMetricFamily("souk_lane_retries", "Transactions run again.", stats.retries)
        yield CounterMetricFamily("souk_lane_seconds", "Seconds spent in transactions.", stats.seconds)
        yield GaugeMetricFamily(
            "souk_lane_largest_batch", "Writes in the largest transaction.", stats.largest
        )
        yield HistogramMetricFamily(
            "souk_lane_batch_size", "Writes in a transaction.", _up_to(stats.sizes), stats.operations
        )
        yield GaugeMetricFamily("souk_lane_waiting", "Writes that wait for the lane.", self._lane.depth)


def _up_to(sizes: Sequence[int]) -> list[tuple[str, float]]:
    """Counts by batch size as Prometheus wants them: each bucket holds the smaller ones too."""
    counts = list(accumulate(sizes))
    bounds = [str(float(size)) for size in BATCH_SIZES[:-1]]
    return list(zip([*bounds, "+Inf"], counts, strict=True))
