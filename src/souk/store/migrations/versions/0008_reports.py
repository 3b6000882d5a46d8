"""What an upstream said in a report, kept for tasks of which nobody knows yet whether it took them."""

import sqlalchemy as sa
from alembic import op

half = "pre"
revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hints", sa.Column("report", sa.Text()))
