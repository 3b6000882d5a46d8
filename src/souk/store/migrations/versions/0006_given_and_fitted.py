"""What of a task's input its client gave, and what was made of its files so that the upstream takes them."""

import sqlalchemy as sa
from alembic import op

half = "pre"
revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tasks", sa.Column("filled", sa.Text()))
    op.add_column("tasks", sa.Column("fitted", sa.Text()))
