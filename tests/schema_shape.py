"""What a database's schema looks like, and whether a later look only adds to an earlier one."""

from dataclasses import dataclass, field

from sqlalchemy import inspect
from sqlalchemy.engine.interfaces import ReflectedColumn

from souk.store.database import Database
from souk.store.stepping import sqlalchemy_engine


@dataclass(frozen=True)
class TableShape:
    """One table: its parts in words, each under its name."""

    key: tuple[str, ...]
    columns: dict[str, str] = field(default_factory=dict[str, str])
    optional: frozenset[str] = frozenset()
    """Columns that an insert may leave out."""
    indexes: dict[str, str] = field(default_factory=dict[str, str])
    rules: frozenset[str] = frozenset()
    """What the table refuses: unique columns, checks, references."""


def shape_of(database: Database) -> dict[str, TableShape]:
    """Every table but Alembic's own."""
    engine = sqlalchemy_engine(database)
    look = inspect(engine)
    keys, indexes = look.get_multi_pk_constraint(), look.get_multi_indexes()
    unique, checks = look.get_multi_unique_constraints(), look.get_multi_check_constraints()
    references = look.get_multi_foreign_keys()
    shape: dict[str, TableShape] = {}
    for table, columns in look.get_multi_columns().items():
        shape[table[1]] = TableShape(
            key=tuple(keys[table]["constrained_columns"]),
            columns={column["name"]: _told(column) for column in columns},
            optional=frozenset(
                column["name"] for column in columns if column["nullable"] or column["default"] is not None
            ),
            indexes={
                str(index["name"]): f"{index['column_names']} {index['unique']}" for index in indexes[table]
            },
            rules=frozenset(
                [f"unique {rule['column_names']}" for rule in unique[table]]
                + [f"check {rule['sqltext']}" for rule in checks[table]]
                + [f"refers {rule['constrained_columns']}" for rule in references[table]]
                + [f"unique index {index['column_names']}" for index in indexes[table] if index["unique"]]
            ),
        )
    engine.dispose()
    del shape["alembic_version"]
    return shape


def disturbed(before: dict[str, TableShape], after: dict[str, TableShape]) -> list[str]:
    """What of a schema a later one does not keep, or refuses where the earlier did not; empty if it only adds."""
    found: list[str] = []
    for name, old in before.items():
        new = after.get(name)
        if new is None:
            found.append(f"{name} is gone")
            continue
        found += [f"{name}.{column} has changed" for column in _changed(old.columns, new.columns)]
        found += [f"index {index} has changed" for index in _changed(old.indexes, new.indexes)]
        found += [f"{name} refuses: {rule}" for rule in sorted(new.rules - old.rules)]
        wanted = new.columns.keys() - old.columns.keys() - new.optional
        found += [f"{name}.{column} must be given" for column in sorted(wanted)]
        if new.key != old.key:
            found.append(f"{name} has another key")
    return found


def _changed(old: dict[str, str], new: dict[str, str]) -> list[str]:
    return sorted(name for name, told in old.items() if new.get(name) != told)


def _told(column: ReflectedColumn) -> str:
    return f"{column['type']} {column['nullable']} {column['default']}"
