"""The health of connections as all processes share it, and an index of what upstreams have."""

import sqlalchemy as sa
from alembic import op

half = "pre"
revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_IN_FLIGHT = sa.text("state IN ('submitting', 'review', 'generating')")


def upgrade() -> None:
    op.create_table(
        "connections",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("state", sa.Text(), nullable=False, server_default="ok"),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("until", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("last_error", sa.Text(), nullable=False, server_default=""),
        sa.Column("last_error_at", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("spent_day", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("spent", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.create_index(
        "ix_tasks_in_flight",
        "tasks",
        ["connection"],
        sqlite_where=_IN_FLIGHT,
        postgresql_where=_IN_FLIGHT,
    )
