"""Which steps have tightened the schema, so that versions which do not know them can tell."""

import sqlalchemy as sa
from alembic import op

half = "pre"
revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "post_steps",
        sa.Column("version", sa.Text(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
