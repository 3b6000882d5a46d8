"""Write ``src/souk/store/schema/*.sql``: the newest schema in one piece, for databases that start empty."""

from pathlib import Path

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from souk.store.tables import metadata

FOLDER = Path(__file__).parent.parent / "src" / "souk" / "store" / "schema"
DIALECTS: dict[str, Dialect] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}


def script(dialect: Dialect) -> str:
    """Every table and index, one statement after another."""
    parts: list[CreateTable | CreateIndex] = []
    for table in metadata.sorted_tables:
        parts.append(CreateTable(table))
        parts += [CreateIndex(index) for index in sorted(table.indexes, key=lambda index: str(index.name))]
    statements = [str(part.compile(dialect=dialect)).strip() for part in parts]
    return ";\n\n".join(statement.replace(" \n", "\n") for statement in statements) + ";\n"


if __name__ == "__main__":
    for name, dialect in DIALECTS.items():
        (FOLDER / f"{name}.sql").write_text(script(dialect), encoding="utf-8")
