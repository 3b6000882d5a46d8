"""How many chat requests each account has made lately, over all processes."""

import sqlalchemy as sa
from alembic import op

half = "pre"
revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chat_rates",
        sa.Column("account_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("started", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("taken", sa.BigInteger(), nullable=False, server_default="0"),
    )
