"""Uploads: the link a file was uploaded under, which another upload may take over."""

import sqlalchemy as sa
from alembic import op

half = "pre"
revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assets", sa.Column("link", sa.Text(), nullable=True))
    op.create_index(
        "ix_assets_link",
        "assets",
        ["link"],
        sqlite_where=sa.text("link IS NOT NULL"),
        postgresql_where=sa.text("link IS NOT NULL"),
    )
