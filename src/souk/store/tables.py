"""Every table, described once for both databases. Migrations are checked against this description.

Moments are milliseconds since the Unix epoch; credits are units of 0.0001 credit; flags are 0 or 1; JSON is kept as
text, so that what a client sent comes back in its own order.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# SQLite numbers rows by itself only in a column whose type is exactly INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")


def _need(name: str, kind: object, **extra: object) -> Column[object]:
    return Column(name, kind, nullable=False, **extra)  # type: ignore[arg-type]


accounts = Table(
    "accounts",
    metadata,
    Column("id", Serial, primary_key=True),
    _need("name", Text, unique=True),
    _need("segment", Text, unique=True),  # random part of the account's file links
    _need("webhook_keys", Text, server_default=""),  # encrypted
    _need("disabled", Integer, server_default="0"),
    Column("concurrency", Integer),  # tasks running at once; null = the setting
    Column("max_waiting", Integer),  # unfinished tasks; null = the setting
    Column("rate_creates", Integer),  # creates per window; null = the setting
    _need("created_at", BigInteger),
)

balances = Table(
    "balances",
    metadata,
    _need("account_id", BigInteger),
    _need("mode", Text),
    _need("available", BigInteger, server_default="0"),
    _need("held", BigInteger, server_default="0"),
    _need("unfinished", Integer, server_default="0"),
    _need("rate_started", BigInteger, server_default="0"),
    _need("rate_count", Integer, server_default="0"),
    PrimaryKeyConstraint("account_id", "mode"),
    CheckConstraint("available >= 0", name="available"),
    CheckConstraint("held >= 0", name="held"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Serial, primary_key=True),
    _need("account_id", BigInteger, index=True),
    _need("name", Text),
    _need("hash", Text, unique=True),
    _need("hint", Text),
    _need("scope", Text),
    _need("mode", Text),
    _need("disabled", Integer, server_default="0"),
    Column("cap_hourly", BigInteger),
    Column("cap_daily", BigInteger),
    Column("cap_total", BigInteger),
    _need("allow_ips", Text, server_default="[]"),
    _need("hour", BigInteger, server_default="0"),
    _need("hour_spent", BigInteger, server_default="0"),
    _need("day", BigInteger, server_default="0"),
    _need("day_spent", BigInteger, server_default="0"),
    _need("total_spent", BigInteger, server_default="0"),
    _need("created_at", BigInteger),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Text, primary_key=True),
    _need("account_id", BigInteger),
    _need("key_id", BigInteger),
    _need("mode", Text),
    _need("dialect", Text),
    _need("model", Text),
    _need("state", Text),
    _need("input", Text),
    Column("callback_url", Text),
    Column("progress_url", Text),
    Column("client_task_id", Text),
    _need("warnings", Text, server_default=""),
    _need("created_at", BigInteger),
    _need("updated_at", BigInteger),
    Column("completed_at", BigInteger),
    _need("deadline_at", BigInteger),
    _need("due_at", BigInteger),
    Column("lease_owner", Text),
    _need("epoch", Integer, server_default="0"),
    Column("attempt_id", Text),
    _need("attempts", Integer, server_default="0"),
    Column("connection", Text),
    Column("upstream_model", Text),
    Column("ref", Text),
    Column("prepared", Text),
    Column("outputs", Text),
    _need("hold", BigInteger),
    _need("price", Text),
    Column("captured", BigInteger),
    Column("result", Text),
    Column("fail_kind", Text),
    Column("fail_code", Integer),
    Column("fail_message", Text),
    Column("progress", Integer),
    Column("cancel_at", BigInteger),
    _need("keep", Integer, server_default="0"),
    _need("pins", Integer, server_default="0"),  # 1 while rows in `pins` protect this task's inputs
    _need("hops", Integer, server_default="0"),  # Souks the create had passed before this one
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
    Index("ix_tasks_account", "account_id", "mode", "id"),
    # What upstreams have, or may have: counted against the limit of a connection that has one.
    Index(
        "ix_tasks_in_flight",
        "connection",
        sqlite_where=text("state IN ('submitting', 'review', 'generating')"),
        postgresql_where=text("state IN ('submitting', 'review', 'generating')"),
    ),
)

# What all processes know of a connection's health. One that was never refused and never paid has no row.
connections = Table(
    "connections",
    metadata,
    Column("name", Text, primary_key=True),
    _need("state", Text, server_default="ok"),  # ok, paused, open, trial
    _need("failures", Integer, server_default="0"),  # openings in a row
    _need("until", BigInteger, server_default="0"),  # nobody submits before; 0 = now
    _need("last_error", Text, server_default=""),
    _need("last_error_at", BigInteger, server_default="0"),
    _need("spent_day", BigInteger, server_default="0"),  # days since the Unix epoch, in UTC
    _need("spent", BigInteger, server_default="0"),  # on that day
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    _need("task_id", Text, index=True),
    _need("number", Integer),
    _need("connection", Text),
    _need("upstream_model", Text),
    _need("started_at", BigInteger),
    Column("submitted_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("ref", Text),
    Column("verdict", Text),  # accepted, done, failed, refused, unclear, never_sent, cancelled, handed_back
    Column("kind", Text),
    Column("message", Text),
    Column("upstream", Text),
    Column("request", Text),
    Column("cost", BigInteger),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Serial, primary_key=True),
    _need("account_id", BigInteger),
    _need("mode", Text),
    _need("kind", Text),  # grant, hold, capture, release, checkpoint
    _need("amount", BigInteger),
    # A capture also says how much of its hold it gave back.
    _need("returned", BigInteger, server_default="0"),
    Column("task_id", Text),
    Column("side", Integer),  # 0 opens a hold, 1 closes it: each at most once a task
    Column("key_id", BigInteger),
    _need("note", Text, server_default=""),
    _need("created_at", BigInteger),
    Index(
        "ux_ledger_task",
        "task_id",
        "side",
        unique=True,
        sqlite_where=text("task_id IS NOT NULL"),
        postgresql_where=text("task_id IS NOT NULL"),
    ),
    Index("ix_ledger_account", "account_id", "mode", "id"),
)

idempotency = Table(
    "idempotency",
    metadata,
    _need("account_id", BigInteger),
    _need("operation", Text),
    _need("key", Text),
    _need("body_hash", Text),
    _need("task_id", Text),
    _need("created_at", BigInteger, index=True),
    PrimaryKeyConstraint("account_id", "operation", "key"),
)

events = Table(
    "events",
    metadata,
    _need("task_id", Text),
    _need("number", Integer),
    _need("stage", Text),
    _need("at", BigInteger),
    _need("data", Text, server_default="{}"),
    PrimaryKeyConstraint("task_id", "number"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Serial, primary_key=True),
    _need("message_id", Text),  # fixed per row: what a receiver de-duplicates on
    _need("task_id", Text, index=True),
    _need("account_id", BigInteger),
    _need("number", Integer),  # order within the task
    _need("stage", Text),  # `end`, or the name of an earlier stage
    _need("endpoint", Text),  # scheme://host:port, the lane
    _need("url", Text),
    _need("body", Text, server_default=""),  # rendered once, at the first try
    _need("state", Text),  # pending, delivered, dead, dropped
    _need("tries", Integer, server_default="0"),
    _need("created_at", BigInteger),
    _need("next_try_at", BigInteger),
    Column("lease_owner", Text),
    Column("lease_until", BigInteger),
    Index(
        "ix_outbox_pending",
        "endpoint",
        "next_try_at",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Serial, primary_key=True),
    _need("outbox_id", BigInteger, index=True),
    _need("task_id", Text, index=True),
    _need("at", BigInteger),
    _need("duration_ms", Integer),
    Column("status", Integer),
    Column("error", Text),
)

assets = Table(
    "assets",
    metadata,
    Column("id", Text, primary_key=True),
    _need("account_id", BigInteger),
    Column("task_id", Text),
    _need("kind", Text),  # result, upload
    _need("number", Integer, server_default="0"),
    _need("path", Text, unique=True),  # below the storage root, and the link's path
    _need("name", Text),
    _need("media_type", Text),
    _need("size", BigInteger),
    _need("sha256", Text),
    Column("width", Integer),
    Column("height", Integer),
    Column("seconds_ms", BigInteger),
    _need("created_at", BigInteger),
    Column("expires_at", BigInteger),  # null = kept
    Column(
        "link", Text
    ),  # of uploads: the link's path, if it is not the storage's; the newest file answers for it
    Index(
        "ix_assets_link",
        "link",
        sqlite_where=text("link IS NOT NULL"),
        postgresql_where=text("link IS NOT NULL"),
    ),
    Index(
        "ix_assets_task",
        "task_id",
        sqlite_where=text("task_id IS NOT NULL"),
        postgresql_where=text("task_id IS NOT NULL"),
    ),
    Index(
        "ix_assets_expiry",
        "expires_at",
        sqlite_where=text("expires_at IS NOT NULL"),
        postgresql_where=text("expires_at IS NOT NULL"),
    ),
)

pins = Table(
    "pins",
    metadata,
    _need("task_id", Text),
    _need("target", Text),  # an asset id or a parent task id that must outlive the task
    PrimaryKeyConstraint("task_id", "target"),
    Index("ix_pins_target", "target"),
)

pieces = Table(
    "pieces",
    metadata,
    Column("id", Text, primary_key=True),
    _need("task_id", Text, index=True),
    _need("number", Integer, server_default="0"),  # order within the task
    _need("account_id", BigInteger),
    _need("mode", Text),
    _need("kind", Text),
    Column("asset_id", Text),
    Column("connection", Text),
    Column("upstream_ref", Text),
    _need("data", Text, server_default="{}"),
    _need("created_at", BigInteger),
)

# Credits set aside for one key's chat, in one process. Open until its row is gone; the ledger has hold and close.
blocks = Table(
    "blocks",
    metadata,
    Column("id", Text, primary_key=True),
    _need("account_id", BigInteger),
    _need("mode", Text),
    _need("key_id", BigInteger),
    _need("amount", BigInteger),
    _need("spent", BigInteger, server_default="0"),
    _need("opened_at", BigInteger),
    _need("owner", Text),  # the process that draws on it: slot + boot nonce
    _need(
        "lease_until", BigInteger, index=True
    ),  # past it any process closes the block with what is known to be spent
)

# Webhooks of upstreams that reached a process which does not hold their task: the one that does hears of them.
hints = Table(
    "hints",
    metadata,
    Column("task_id", Text, primary_key=True),
    _need("attempt_id", Text),
    _need("at", BigInteger),
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", Text, primary_key=True),  # slot + boot nonce
    _need("slot", Text, index=True),
    _need("started_at", BigInteger),
    _need("lease_until", BigInteger),
)

lane_marks = Table(
    "lane_marks",
    metadata,
    Column("lane", Text, primary_key=True),
    _need("batch", BigInteger),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True),
    _need("at", BigInteger),
    _need("actor", Text),
    _need("action", Text),
    _need("subject", Text),
    _need("detail", Text, server_default="{}"),
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    _need("value", Text),
)
