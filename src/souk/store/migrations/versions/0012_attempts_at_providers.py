"""Whose API an attempt is on: the name of a connection may be given to another provider while a task runs."""

import sqlalchemy as sa
from alembic import op

half = "pre"
revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("provider", sa.Text()))
