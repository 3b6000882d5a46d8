"""Webhooks of upstreams that reached another process than the one that holds their task."""

import sqlalchemy as sa
from alembic import op

half = "pre"
revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hints",
        sa.Column("task_id", sa.Text(), primary_key=True),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
