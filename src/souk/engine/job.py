"""From a stored task to what a provider sees of it."""

from functools import cache

import msgspec

from souk.engine.lease import Lease
from souk.engine.routes import Route
from souk.providers.base import Connection, Job, Reporting
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
    input = model.with_defaults(lease.input)
    reports = _is_reporting(type(world.providers.get(route.connection.provider)))
    return Job(
        task_id=task.id,
        attempt_id=attempt.id,
        model=ModelId(model.id),
        task=model.task,
        input=input,
        upstream_model=route.upstream_model,
        output=model.output_for(lease.input).to_json(),
        media=await world.media_of(task, lease.input, lease.folder),
        connection=route.connection,
        now=world.clock.now(),
        prepared=msgspec.json.decode(task.prepared) if task.prepared else {},
        hops=task.hops,
        filled=frozenset(input.keys() - lease.input.keys()) | lease.filled,
        parents=lease.parents,
        webhook_url=world.hook_address(attempt.id) if reports else "",
    )


@cache
def _is_reporting(provider: type) -> bool:
    # Looked at once for each: whether a class has a protocol's methods takes as long as putting the job together.
    return issubclass(provider, Reporting)


async def current_job(lease: Lease, connection: Connection) -> Job:
    """The job of the attempt under way, which is on this connection. Raises ModelGone."""
    attempt = lease.current_attempt()
    return await job_for(lease, Route(connection, attempt.upstream_model), attempt)
