"""What processes share: connections, nodes, the lanes' marks, the installation's own facts, how tight the schema is."""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from souk.store.tables.base import Serial, metadata, need

# What all processes know of a connection's health. One that was never refused and never paid has no row.
connections = Table(
    "connections",
    metadata,
    Column("name", Text, primary_key=True),
    need("state", Text, server_default="ok"),  # ok, paused, open, trial
    need("failures", Integer, server_default="0"),  # openings in a row
    need("until", BigInteger, server_default="0"),  # nobody submits before; 0 = now
    need("last_error", Text, server_default=""),
    need("last_error_at", BigInteger, server_default="0"),
    need("spent_day", BigInteger, server_default="0"),  # days since the Unix epoch, in UTC
    need("spent", BigInteger, server_default="0"),  # on that day
)

# Requests an account has made in its current window. An account that never chatted under a limit has no row.
chat_rates = Table(
    "chat_rates",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    need("started", BigInteger, server_default="0"),
    need("taken", BigInteger, server_default="0"),
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", Text, primary_key=True),  # slot + boot nonce
    need("slot", Text, index=True),
    need("started_at", BigInteger),
    need("lease_until", BigInteger),
)

lane_marks = Table(
    "lane_marks",
    metadata,
    Column("lane", Text, primary_key=True),
    need("batch", BigInteger),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True),
    need("at", BigInteger),
    need("actor", Text),
    need("action", Text),
    need("subject", Text),
    need("detail", Text, server_default="{}"),
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    need("value", Text),
)

# Steps of the schema that processes which do not know them cannot live with; the newest one counts.
post_steps = Table(
    "post_steps",
    metadata,
    Column("version", Text, primary_key=True),
    need("at", BigInteger),
)
