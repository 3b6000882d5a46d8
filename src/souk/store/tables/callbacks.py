"""Callbacks to send, and each try of one."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from souk.store.tables.base import Serial, metadata, need

outbox = Table(
    "outbox",
    metadata,
    Column("id", Serial, primary_key=True),
    need("message_id", Text),  # fixed per row: what a receiver de-duplicates on
    need("task_id", Text, index=True),
    need("account_id", BigInteger),
    need("number", Integer),  # order within the task
    need("stage", Text),  # `end`, or the name of an earlier stage
    need("endpoint", Text),  # scheme://host:port, the lane
    need("url", Text),
    need("body", Text, server_default=""),  # rendered once, at the first try
    need("state", Text),  # pending, delivered, dead, dropped
    need("tries", Integer, server_default="0"),
    need("created_at", BigInteger),
    need("next_try_at", BigInteger),
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
    need("outbox_id", BigInteger, index=True),
    need("task_id", Text, index=True),
    need("at", BigInteger),
    need("duration_ms", Integer),
    Column("status", Integer),
    Column("error", Text),
)
