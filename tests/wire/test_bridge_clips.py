"""4o Image, Flux Kontext, Runway, Aleph and Veo through a Souk that has KIE.AI as its upstream."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.upstreams.receiver import receiver
from tests.wire.bridge import Bridge, bridge
from tests.wire.dedicated import CLIP, OPERATIONS, PARENT, Operation, ended
from tests.wire.media import media_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

each = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))


class Bench:
    """Two Souks, a served clip, and finished tasks to build on."""

    def __init__(self, bridge: Bridge, clip: str) -> None:
        self.bridge = bridge
        self._clip = clip
        self._made: dict[str, str] = {}

    async def create(self, operation: Operation, said: str = "", **more: Any) -> str:
        body = {
            name: self._clip if value == CLIP else await self.parent(operation) if value == PARENT else value
            for name, value in operation.request.items()
        }
        body["prompt"] += said
        return (await self.bridge.near.client.post(operation.path, body | more)).data["taskId"]

    async def parent(self, operation: Operation) -> str:
        """A finished task of the near Souk that this operation can go on from."""
        if operation.parent not in self._made:
            parent = OPERATIONS[operation.parent]
            self._made[operation.parent] = await self.create(parent)
            await ended(self.bridge.near.client, parent, self._made[operation.parent])
        return self._made[operation.parent]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    folder: Path = tmp_path_factory.mktemp("bridge")
    (folder / "media").mkdir()
    with media_server(folder / "media") as media:
        async with bridge(folder) as two:
            yield Bench(two, media.address("videoUrl", ("video",), ()))


@each
async def test_a_success_upstream_is_recorded_and_told_as_documented(
    bench: Bench, operation: Operation
) -> None:
    async with receiver() as hook:
        task_id = await bench.create(operation, callBackUrl=hook.url())
        (told,) = await hook.wait(1, seconds=60)
    assert await ended(bench.bridge.near.client, operation, task_id) == operation.done
    assert json.loads(told.body) == operation.told
    assert bench.bridge.near.client.url in told.body.decode()
    assert bench.bridge.far.client.url not in told.body.decode()
    assert await bench.bridge.connections(task_id) == ["kie"]


@each
async def test_a_failure_upstream_is_recorded_as_documented(bench: Bench, operation: Operation) -> None:
    task_id = await bench.create(operation, f" {operation.failure}")
    data = await ended(bench.bridge.near.client, operation, task_id)
    assert data.pop("error")["message"]
    assert data == operation.failed
