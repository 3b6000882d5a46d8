"""Stored files, and what keeps them from being dropped."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from souk.store.tables.base import metadata, need

assets = Table(
    "assets",
    metadata,
    Column("id", Text, primary_key=True),
    need("account_id", BigInteger),
    Column("task_id", Text),
    need("kind", Text),  # result, upload
    need("number", Integer, server_default="0"),
    need("path", Text),  # below the storage root, and the link's path; the id is in it
    need("name", Text),  # of uploads; empty: as the path ends
    need("media_type", Text),
    need("size", BigInteger),
    need("sha256", Text),
    Column("width", Integer),
    Column("height", Integer),
    Column("seconds_ms", BigInteger),
    need("created_at", BigInteger),
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
    need("task_id", Text),
    need("target", Text),  # an asset id or a parent task id that must outlive the task
    PrimaryKeyConstraint("task_id", "target"),
    Index("ix_pins_target", "target"),
)
