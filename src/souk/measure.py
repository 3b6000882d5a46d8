"""What the house counts while it works. Below every room, so each can count where the thing happens.

One :class:`Meters` is made per process and handed to whoever counts; ``/metrics`` reads its registry.
Labels take few values by design: never an id, an account, a model or an address.
"""

from collections.abc import Awaitable, Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.process_collector import ProcessCollector

from souk.words import FailKind

CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
TASK_SECONDS = (0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1800)

ShowPage = Callable[[], Awaitable[bytes]]
"""Gives what was counted as a page in the Prometheus text format."""


class Meters:
    """Counters of one process, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        registry = self.registry
        ProcessCollector(registry=registry)
        self._creates = Counter(
            "souk_creates",
            "Create calls by outcome: created, replayed or the reason of refusal.",
            ["outcome"],
            registry=registry,
        )
        self._finishes = Counter(
            "souk_finishes",
            "Tasks that ended, by outcome: success or the kind of failure.",
            ["outcome"],
            registry=registry,
        )
        self._task_seconds = Histogram(
            "souk_task_seconds", "Seconds from create to end.", buckets=TASK_SECONDS, registry=registry
        )
        self._deliveries = Counter(
            "souk_deliveries",
            "Callback tries by outcome: delivered, failed or dead.",
            ["outcome"],
            registry=registry,
        )
        self._calls = Counter(
            "souk_provider_calls",
            "Provider calls by outcome.",
            ["connection", "call", "outcome"],
            registry=registry,
        )
        self._call_seconds = Histogram(
            "souk_provider_call_seconds",
            "Seconds a provider call took.",
            ["connection", "call"],
            buckets=CALL_SECONDS,
            registry=registry,
        )
        self._storage_calls = Counter(
            "souk_storage_calls",
            "Calls of the bucket by outcome: ok, missing, unreachable or refused.",
            ["call", "outcome"],
            registry=registry,
        )
        self._storage_seconds = Histogram(
            "souk_storage_call_seconds",
            "Seconds a call of the bucket took, tries again included.",
            ["call"],
            buckets=CALL_SECONDS,
            registry=registry,
        )
        self._chats = Counter(
            "souk_chats",
            "Chat requests by protocol and outcome: answered, the reason of refusal, or what failed.",
            ["protocol", "outcome"],
            registry=registry,
        )
        self._chat_tokens = Counter(
            "souk_chat_tokens",
            "Tokens chat was charged for, read (input) and written (output).",
            ["protocol", "kind"],
            registry=registry,
        )
        self._chat_seconds = Histogram(
            "souk_chat_upstream_seconds",
            "Seconds until an upstream's answer to a chat request began.",
            ["connection"],
            buckets=CALL_SECONDS,
            registry=registry,
        )
        # Looking a label up costs more than counting, so what chat and every task count is looked up once.
        self._chat_parts = cache(self._chat_parts_of)
        self._chat_begins = cache(self._chat_seconds.labels)
        self._provider_calls, self._provider_seconds = (
            cache(self._calls.labels),
            cache(self._call_seconds.labels),
        )
        # A counter that first appears with a 1 has not increased, so Prometheus would miss the first of each process.
        for outcome in ("success", *FailKind):
            self._finishes.labels(str(outcome))
        for outcome in ("delivered", "failed", "dead"):
            self._deliveries.labels(outcome)

    def create(self, outcome: str) -> None:
        """A create call was answered: ``created``, ``replayed`` or the reason of the refusal."""
        self._creates.labels(outcome).inc()

    def finish(self, outcome: str, seconds: float) -> None:
        """A task ended: ``success`` or its fail kind, ``seconds`` after it was created."""
        self._finishes.labels(outcome).inc()
        self._task_seconds.observe(seconds)

    def delivery(self, outcome: str) -> None:
        """A callback was tried: ``delivered``, ``failed`` (will be tried again) or ``dead``."""
        self._deliveries.labels(outcome).inc()

    def provider_call(self, connection: str, call: str, outcome: str, seconds: float) -> None:
        """A provider answered ``call`` (submit, poll, recover, cancel, run) with ``outcome``."""
        self._provider_calls(connection, call, outcome).inc()
        self._provider_seconds(connection, call).observe(seconds)

    def storage_call(self, call: str, outcome: str, seconds: float) -> None:
        """The bucket was called (put, put_parts, get, head, list, delete) with ``outcome``."""
        self._storage_calls.labels(call, outcome).inc()
        self._storage_seconds.labels(call).observe(seconds)

    def chat(self, protocol: str, outcome: str, read: int, wrote: int) -> None:
        """A chat request ended, and so many tokens were charged."""
        requests, tokens_in, tokens_out = self._chat_parts(protocol, outcome)
        requests.inc()
        if read or wrote:
            tokens_in.inc(read)
            tokens_out.inc(wrote)

    def _chat_parts_of(self, protocol: str, outcome: str) -> tuple[Counter, Counter, Counter]:
        return (
            self._chats.labels(protocol, outcome),
            self._chat_tokens.labels(protocol, "input"),
            self._chat_tokens.labels(protocol, "output"),
        )

    def chat_upstream(self, connection: str, seconds: float) -> None:
        """An upstream's answer to a chat request began, so long after the request came."""
        self._chat_begins(connection).observe(seconds)
