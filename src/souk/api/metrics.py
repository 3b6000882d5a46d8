"""``GET /metrics``: what this process counted, what waits in the store, and how the write lane does."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from souk.api.vitals import Vitals
from souk.measure import Meters
from souk.store.lane import BATCH_SIZES, Lane


class MetricsRoute:
    """Handler of ``/metrics``. It needs no key: labels hold no id, account, model or address."""

    def __init__(self, meters: Meters, vitals: Vitals) -> None:
        self._meters = meters
        self._vitals = vitals
        meters.registry.register(LaneCollector(vitals.lane))
        self.routes = [Route("/metrics", self.metrics, methods=["GET"])]

    async def metrics(self, _: Request) -> Response:
        """GET metrics, in the Prometheus text format."""
        backlog = await self._vitals.backlog()
        for state, count in backlog.by_state.items():
            self._meters.tasks.labels(state).set(count)
        self._meters.queue_age.set(backlog.oldest_wait)
        self._meters.callbacks_pending.set(backlog.callbacks)
        self._meters.callbacks_late.set(backlog.late_callbacks)
        return Response(generate_latest(self._meters.registry), media_type=CONTENT_TYPE_LATEST)


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
