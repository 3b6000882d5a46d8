"""Alembic's entry: runs steps on the connection that :mod:`souk.store.stepping` hands over."""

import time
from typing import Any

import sqlalchemy as sa
from alembic import context

from souk.store.release import Half
from souk.store.tables import metadata


def note(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:  # noqa: ARG001 - the names are Alembic's
    """Write down a step that older versions cannot live with."""
    script = step.up_revision
    if script.module.half == Half.POST:
        row = {"version": script.revision, "at": time.time_ns() // 1_000_000}
        ctx.connection.execute(sa.insert(metadata.tables["post_steps"]).values(row))


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
    on_version_apply=note,
)
with context.begin_transaction():
    context.run_migrations()
