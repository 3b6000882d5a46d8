"""A version of Souk that is yet to come: two more steps of the schema, one that adds and one that takes away.

``python -m tests.later_release FOLDER`` is ``souk serve`` as that version would be: this code, which knows the steps.
With ``--migrate URL`` it brings that database up to date and prints the steps that ran.
"""

import shutil
import sys
from pathlib import Path

from souk.store import release
from souk.store.release import OURS, Release

ADDED, TIGHTENED = "9001", "9002"

_HEAD = '''"""{what}"""
import sqlalchemy as sa
from alembic import op
from souk.store.migrations.online import add_index
half = "{half}"
revision = "{version}"
down_revision = "{after}"
branch_labels = None
depends_on = None
def upgrade():
'''
_ADD = """
    op.add_column("tasks", sa.Column("mood", sa.Text()))
    add_index("ix_tasks_mood", "tasks", ["mood"])
"""
_TIGHTEN = """
    with op.batch_alter_table("tasks") as batch:  # from here on nobody else writes to it
        batch.alter_column("mood", existing_type=sa.Text(), server_default="calm")
    op.execute("UPDATE tasks SET mood = 'calm' WHERE mood IS NULL")
    with op.batch_alter_table("tasks") as batch:
        batch.alter_column("mood", existing_type=sa.Text(), nullable=False)
    op.drop_column("audit", "detail")
"""


def write_step(folder: Path, version: str, half: str, after: str, body: str) -> None:
    """Add a step to a folder of steps."""
    head = _HEAD.format(what=f"Step {version}.", half=half, version=version, after=after)
    (folder / f"{version}_later.py").write_text(head + body, encoding="utf-8")


def later_release(folder: Path) -> Release:
    """The version to come, its steps in a new folder."""
    shutil.copytree(OURS.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    write_step(folder, ADDED, "pre", OURS.head, _ADD)
    write_step(folder, TIGHTENED, "post", ADDED, _TIGHTEN)
    return Release(ADDED, TIGHTENED, folder)


if __name__ == "__main__":
    release.OURS = Release(ADDED, TIGHTENED, Path(sys.argv[-1]))
    # Only now: whatever is loaded from here on takes this for its own version.
    if sys.argv[1] == "--migrate":
        from souk.store.database import Database
        from souk.store.migrate import upgrade

        print(*upgrade(Database(sys.argv[2])))
    else:
        from souk.cli.serve import serve

        serve()
