"""Fixtures of the provider tests."""

from collections.abc import AsyncIterator, Iterator

import pytest

from souk.net.client import GuardedHttp
from souk.net.policy import Policy
from souk.providers.children.pool import Pool
from souk.providers.local import LocalEngine
from souk.providers.sandbox import Sandbox
from tests.upstreams.ark import FakeArk
from tests.upstreams.dashscope import FakeDashScope
from tests.upstreams.kie import FakeKie
from tests.upstreams.xai import FakeXai


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox with one child process, ended after the test."""
    made = Sandbox(Pool(1))
    yield made
    await made.close()


@pytest.fixture
async def local() -> AsyncIterator[LocalEngine]:
    """A local engine with one child process, ended after the test."""
    made = LocalEngine(Pool(1))
    yield made
    await made.close()


@pytest.fixture
def upstream() -> Iterator[FakeKie]:
    """A fake KIE.AI that finishes tasks at once; whatever it had to complain of fails the test."""
    with FakeKie(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    """The outbound client as it is on a public server."""
    async with GuardedHttp.open(Policy.PRIVATE_DENIED) as client:
        yield client


@pytest.fixture
def ark() -> Iterator[FakeArk]:
    """A fake Ark that finishes clips at once; whatever it had to complain of fails the test."""
    with FakeArk(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


@pytest.fixture
def xai() -> Iterator[FakeXai]:
    """A fake xAI that finishes clips at once; whatever it had to complain of fails the test."""
    with FakeXai(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


@pytest.fixture
def dashscope() -> Iterator[FakeDashScope]:
    """A fake DashScope that finishes tasks at once; whatever it had to complain of fails the test."""
    with FakeDashScope(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []
