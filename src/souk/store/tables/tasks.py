"""A task, what was tried for it, what it told and what it made."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from souk.store.tables.base import metadata, need

tasks = Table(
    "tasks",
    metadata,
    Column("id", Text, primary_key=True),
    need("account_id", BigInteger),
    need("key_id", BigInteger),
    need("mode", Text),
    need("dialect", Text),
    need("model", Text),
    need("state", Text),
    need("input", Text),
    Column("callback_url", Text),
    Column("progress_url", Text),
    Column("client_task_id", Text),
    need("warnings", Text, server_default=""),
    need("created_at", BigInteger),
    need("updated_at", BigInteger),
    Column("completed_at", BigInteger),
    need("deadline_at", BigInteger),
    need("due_at", BigInteger),
    Column("lease_owner", Text),
    need("epoch", Integer, server_default="0"),
    Column("attempt_id", Text),
    need("attempts", Integer, server_default="0"),
    Column("connection", Text),
    Column("upstream_model", Text),
    Column("ref", Text),
    Column("prepared", Text),
    Column("outputs", Text),
    need("hold", BigInteger),
    need("price", Text),
    Column("captured", BigInteger),
    Column("result", Text),
    Column("fail_kind", Text),
    Column("fail_code", Integer),
    Column("fail_message", Text),
    Column("progress", Integer),
    Column("cancel_at", BigInteger),
    need("keep", Integer, server_default="0"),
    need("pins", Integer, server_default="0"),  # 1 while rows in `pins` protect this task's inputs
    need("hops", Integer, server_default="0"),  # Souks the create had passed before this one
    Column("filled", Text),  # JSON list of the input's fields that the wire filled in, not the client
    Column("fitted", Text),  # JSON list of what was made of input files for the current attempt, in words
    # Unfinished tasks nobody holds, per account in order of creation: what an engine claims from.
    Index(
        "ix_tasks_claimable",
        "account_id",
        "id",
        sqlite_where=text("lease_owner IS NULL AND completed_at IS NULL"),
        postgresql_where=text("lease_owner IS NULL AND completed_at IS NULL"),
    ),
    Index(
        "ix_tasks_leased",
        "lease_owner",
        "account_id",
        sqlite_where=text("lease_owner IS NOT NULL"),
        postgresql_where=text("lease_owner IS NOT NULL"),
    ),
    # What somebody asked to cancel, and whose heartbeat hears of it.
    Index(
        "ix_tasks_cancelling",
        "lease_owner",
        "cancel_at",
        sqlite_where=text("cancel_at IS NOT NULL AND completed_at IS NULL"),
        postgresql_where=text("cancel_at IS NOT NULL AND completed_at IS NULL"),
    ),
    Index("ix_tasks_account", "account_id", "mode", "id"),
    # What upstreams have, or may have: counted against the limit of a connection that has one.
    Index(
        "ix_tasks_in_flight",
        "connection",
        sqlite_where=text("state IN ('submitting', 'review', 'generating')"),
        postgresql_where=text("state IN ('submitting', 'review', 'generating')"),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    need("task_id", Text, index=True),
    need("number", Integer),
    need("connection", Text),
    need("upstream_model", Text),
    need("started_at", BigInteger),
    Column("submitted_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("ref", Text),
    Column("verdict", Text),  # accepted, done, failed, refused, unclear, never_sent, cancelled, handed_back
    Column("kind", Text),
    Column("message", Text),
    Column("upstream", Text),
    Column("request", Text),
    Column("cost", BigInteger),
    Column("provider", Text),  # whose API it was on; NULL if an older version began it
)

events = Table(
    "events",
    metadata,
    need("task_id", Text),
    need("number", Integer),
    need("stage", Text),
    need("at", BigInteger),
    need("data", Text, server_default="{}"),
    PrimaryKeyConstraint("task_id", "number"),
)

pieces = Table(
    "pieces",
    metadata,
    Column("id", Text, primary_key=True),
    need("task_id", Text, index=True),
    need("number", Integer, server_default="0"),  # order within the task
    need("account_id", BigInteger),
    need("mode", Text),
    need("kind", Text),
    Column("asset_id", Text),
    Column("connection", Text),
    Column("upstream_ref", Text),
    need("data", Text, server_default="{}"),
    need("created_at", BigInteger),
)

# Webhooks of upstreams that reached a process which does not hold their task, or before it was known that the task was
# accepted: whoever holds the task hears of them.
hints = Table(
    "hints",
    metadata,
    Column("task_id", Text, primary_key=True),
    need("attempt_id", Text),
    need("at", BigInteger),
    Column("report", Text),
)
