"""An index of the tasks somebody asked to cancel: each heartbeat read all that its process holds to find them."""

import sqlalchemy as sa

from souk.store.migrations.online import add_index

half = "pre"
revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ASKED = sa.text("cancel_at IS NOT NULL AND completed_at IS NULL")


def upgrade() -> None:
    columns = ["lease_owner", "cancel_at"]
    add_index("ix_tasks_cancelling", "tasks", columns, sqlite_where=_ASKED, postgresql_where=_ASKED)
