"""The SQL backend: one function an operation, for SQLite and PostgreSQL alike."""
