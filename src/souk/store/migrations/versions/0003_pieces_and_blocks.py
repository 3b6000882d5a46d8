"""What is known of a piece beside its file, and the blocks of credits that chat draws on."""

import sqlalchemy as sa
from alembic import op

half = "pre"
revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pieces", sa.Column("data", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("pieces", sa.Column("number", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "blocks",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("key_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_blocks_lease_until", "blocks", ["lease_until"])
