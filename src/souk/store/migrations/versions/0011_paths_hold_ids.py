"""No index of the paths of files any more: each holds its file's id, by which it is found."""

from alembic import op

half = "post"
revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("assets_path_key", "assets")
        return
    # SQLite neither names such a rule nor drops it: the table is written anew.
    names = {"uq": "uq_%(table_name)s_%(column_0_name)s"}
    with op.batch_alter_table("assets", naming_convention=names) as batch:
        batch.drop_constraint("uq_assets_path", type_="unique")
