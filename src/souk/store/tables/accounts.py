"""Who may do what, and what it costs them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from souk.store.tables.base import Serial, metadata, need

accounts = Table(
    "accounts",
    metadata,
    Column("id", Serial, primary_key=True),
    need("name", Text, unique=True),
    need("segment", Text, unique=True),  # random part of the account's file links
    need("webhook_keys", Text, server_default=""),  # encrypted
    need("disabled", Integer, server_default="0"),
    Column("concurrency", Integer),  # tasks running at once; null = the setting
    Column("max_waiting", Integer),  # unfinished tasks; null = the setting
    Column("rate_creates", Integer),  # creates per window; null = the setting
    need("created_at", BigInteger),
)

balances = Table(
    "balances",
    metadata,
    need("account_id", BigInteger),
    need("mode", Text),
    need("available", BigInteger, server_default="0"),
    need("held", BigInteger, server_default="0"),
    need("unfinished", Integer, server_default="0"),
    need("rate_started", BigInteger, server_default="0"),
    need("rate_count", Integer, server_default="0"),
    PrimaryKeyConstraint("account_id", "mode"),
    CheckConstraint("available >= 0", name="available"),
    CheckConstraint("held >= 0", name="held"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Serial, primary_key=True),
    need("account_id", BigInteger, index=True),
    need("name", Text),
    need("hash", Text, unique=True),
    need("hint", Text),
    need("scope", Text),
    need("mode", Text),
    need("disabled", Integer, server_default="0"),
    Column("cap_hourly", BigInteger),
    Column("cap_daily", BigInteger),
    Column("cap_total", BigInteger),
    need("allow_ips", Text, server_default="[]"),
    need("hour", BigInteger, server_default="0"),
    need("hour_spent", BigInteger, server_default="0"),
    need("day", BigInteger, server_default="0"),
    need("day_spent", BigInteger, server_default="0"),
    need("total_spent", BigInteger, server_default="0"),
    need("created_at", BigInteger),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Serial, primary_key=True),
    need("account_id", BigInteger),
    need("mode", Text),
    need("kind", Text),  # grant, hold, capture, release, checkpoint
    need("amount", BigInteger),
    # A capture also says how much of its hold it gave back.
    need("returned", BigInteger, server_default="0"),
    Column("task_id", Text),
    Column("side", Integer),  # 0 opens a hold, 1 closes it: each at most once a task
    Column("key_id", BigInteger),
    need("note", Text, server_default=""),
    need("created_at", BigInteger),
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

# Credits set aside for one key's chat, in one process. Open until its row is gone; the ledger has hold and close.
blocks = Table(
    "blocks",
    metadata,
    Column("id", Text, primary_key=True),
    need("account_id", BigInteger),
    need("mode", Text),
    need("key_id", BigInteger),
    need("amount", BigInteger),
    need("spent", BigInteger, server_default="0"),
    need("opened_at", BigInteger),
    need("owner", Text),  # the process that draws on it: slot + boot nonce
    need(
        "lease_until", BigInteger, index=True
    ),  # past it any process closes the block with what is known to be spent
)

idempotency = Table(
    "idempotency",
    metadata,
    need("account_id", BigInteger),
    need("operation", Text),
    need("key", Text),
    need("body_hash", Text),
    need("task_id", Text),
    need("created_at", BigInteger, index=True),
    PrimaryKeyConstraint("account_id", "operation", "key"),
)
