"""Running any model over the wire: its example made real with served files and parents, its results decoded."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from souk.catalog.load import load_catalog
from souk.catalog.model import Model
from tests.wire.decoded import Decoded, decode
from tests.wire.media import HEIGHT, SECONDS, WIDTH, MediaServer
from tests.wire.serving import Client

MODELS = {id: model for id, model in load_catalog().models.items() if model.dialect == "jobs"}
"""What the Jobs API creates."""
PARENTS = {
    "grok-imagine/upscale": "grok-imagine/text-to-image",
    "grok-imagine/extend": "grok-imagine/text-to-video",
    "grok-imagine-image-2-0/image-edit": "grok-imagine-image-2-0/text-to-image",
    "grok-imagine-image-2-0/segment-map": "grok-imagine-image-2-0/text-to-image",
    "pixverse-v6/extend": "pixverse-v6/text-to-video",
    "sora-2-characters-pro": "sora-2-text-to-video",
}
"""Model that builds on an earlier task -> a model that makes such a task."""


@dataclass(frozen=True)
class Served:
    """One file of a result: how it is served, and what it is."""

    url: str
    media_type: str
    decoded: Decoded


@dataclass(frozen=True)
class Outcome:
    """A task that has ended."""

    model: Model
    input: dict[str, Any]
    record: dict[str, Any]
    held: float
    """Credits the task could cost at most, as estimated before."""
    files: list[Served]
    """Every file the result names, in the order it names them."""
    followed: Decoded
    """The parent's first file; the served clip where there is no parent."""

    @property
    def result(self) -> dict[str, Any]:
        return json.loads(self.record["resultJson"])

    @property
    def listed(self) -> list[Served]:
        """The files in ``resultUrls``."""
        urls = self.result.get("resultUrls", [])
        return [file for file in self.files if file.url in urls]


@dataclass
class Market:
    """A running Souk with served inputs; tasks that others build on are made once."""

    client: Client
    media: MediaServer
    folder: Path
    _parents: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    """By the model that made them."""
    _made: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    """Every task that succeeded, by id."""

    async def run(self, model_id: str, input: dict[str, Any] | None = None) -> Outcome:
        """Create a task with this input, or the model's example, and follow it to the end.

        Files and parents that the input names are replaced by real ones.
        """
        model = MODELS[model_id]
        parent = await self._parent(model, input or model.example)
        given = self.made_real(model, input or model.example, parent)
        body = {"model": model.id, "input": given}
        held = (await self.client.post("/api/v1/jobs/estimate", body)).data["credits"]
        record = await self._ended(await self.client.create(body))
        assert record["state"] == "success", record
        rate = model.output_for(given).sample_rate
        files = [await self._fetched(url, rate) for url in addresses(json.loads(record["resultJson"]))]
        followed = parent.files[0].decoded if parent else CLIP
        return self._made.setdefault(record["taskId"], Outcome(model, given, record, held, files, followed))

    def made_real(self, model: Model, input: dict[str, Any], parent: Outcome | None) -> dict[str, Any]:
        """The input with addresses that answer and the id of a task that exists."""
        rules = dict(model.media_fields())
        new = {
            url: self.media.address(path, rules[path].kinds, rules[path].accept)
            for path, url in model.media_urls(input)
        }
        if parent is not None:
            new |= {
                named.id: parent.record["taskId"] for named in model.parents(input) if named.kind == "task"
            }
        return replaced(input, new)

    async def _parent(self, model: Model, input: dict[str, Any]) -> Outcome | None:
        named = [parent.id for parent in model.parents(input) if parent.kind == "task"]
        if not named:
            return None
        if (known := self._made.get(named[0])) is not None:
            return known
        name = PARENTS[model.id]
        if name not in self._parents:
            self._parents[name] = await self.run(name)
        return self._parents[name]

    async def _ended(self, task_id: str) -> dict[str, Any]:
        while (record := await self.client.record(task_id, wait=30))["state"] not in ("success", "fail"):
            pass
        return record

    async def _fetched(self, url: str, rate: int | None) -> Served:
        async with self.client.session.get(url) as answer:
            assert answer.status == 200, url
            content = await answer.read()
            assert len(content) == answer.content_length
            media_type = answer.content_type
        path = self.folder / url.rpartition("/")[2]
        path.write_bytes(content)
        try:
            return Served(url, media_type, await asyncio.to_thread(decode, path, media_type, rate))
        finally:
            path.unlink()


CLIP = Decoded("video", "mp4", (WIDTH, HEIGHT), SECONDS)
"""The clip, picture and sound that are served, as far as results follow them."""


def addresses(value: Any) -> list[str]:
    """Every address inside a JSON value, each once, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return list(dict.fromkeys(url for item in value for url in addresses(item)))
    return [value] if isinstance(value, str) and value.startswith("http") else []


def replaced(value: Any, new: dict[str, str]) -> Any:
    """A JSON value with some of its texts exchanged."""
    if isinstance(value, dict):
        return {name: replaced(item, new) for name, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, new) for item in value]
    return new.get(value, value) if isinstance(value, str) else value
