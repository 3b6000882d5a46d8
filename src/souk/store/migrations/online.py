"""What steps of the pre half need beside Alembic's own operations, so that running work hardly notices them."""

from typing import Any

from alembic import op


def add_index(name: str, table: str, columns: list[str], **kind: Any) -> None:
    """Build an index beside running work, which on PostgreSQL would else wait until it is built.

    There it is built outside the step's transaction. One that an interrupted step left half built is built anew.
    """
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(name, table, columns, **kind)
        return
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for every transaction under way, and blocks none
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, **kind)
        op.execute("RESET lock_timeout")
