"""Tables, migrations, the write lane and every SQL statement, for SQLite and PostgreSQL."""
