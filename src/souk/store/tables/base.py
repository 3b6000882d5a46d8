"""What every table is made with: the naming of indexes, the numbering of rows, a column that must be there."""

from sqlalchemy import BigInteger, Column, Integer, MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# SQLite numbers rows by itself only in a column whose type is exactly INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")


def need(name: str, kind: object, **extra: object) -> Column[object]:
    """A column that is never null."""
    return Column(name, kind, nullable=False, **extra)  # type: ignore[arg-type]
