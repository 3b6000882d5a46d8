"""Fixtures of the provider tests."""

from collections.abc import AsyncIterator

import pytest

from souk.providers.sandbox import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox with one child process, ended after the test."""
    made = Sandbox(workers=1)
    yield made
    await made.close()
