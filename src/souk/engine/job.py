"""From a stored task to what a provider sees of it."""

import json
from pathlib import Path

from souk.engine.lease import Lease
from souk.engine.routes import Route
from souk.providers.base import Job, Reporting
from souk.store.attempts import Attempt
from souk.words import ModelId


class ModelGone(Exception):
    """The catalogue no longer has the task's model."""


async def job_for(lease: Lease, route: Route, attempt: Attempt) -> Job:
    """The job of one attempt. Raises ModelGone."""
    world, task = lease.world, lease.task
    model = world.catalog.find(task.model)
    if model is None:
        raise ModelGone(f"the model {task.model} is no longer in the catalogue")
    folder = folder_of(lease)
    reports = isinstance(world.providers.get(route.connection.provider), Reporting)
    return Job(
        task_id=task.id,
        attempt_id=attempt.id,
        model=ModelId(model.id),
        task=model.task,
        input=model.with_defaults(lease.input),
        upstream_model=route.upstream_model,
        output=model.output_for(lease.input).to_json(),
        media=await world.media_of(task, folder / "inputs"),
        connection=route.connection,
        now=world.clock.now(),
        prepared=json.loads(task.prepared) if task.prepared else {},
        hops=task.hops,
        parents=lease.parents,
        webhook_url=world.hook_address(attempt.id) if reports else "",
    )


def folder_of(lease: Lease) -> Path:
    """The task's scratch folder; gone when the task has ended."""
    return lease.world.workdir / lease.id
