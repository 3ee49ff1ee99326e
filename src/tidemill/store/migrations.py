"""Forward migrations: which of them a database has, and running the rest."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from tidemill.clock import now_ms
from tidemill.errors import InvalidState
from tidemill.store.dialects import Dialect
from tidemill.store.schema import MIGRATIONS

LATEST = len(MIGRATIONS)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS tidemill_migrations (version BIGINT NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)"
)

Execute = Callable[[str, Sequence[Any]], Any]
"""Carries out one statement and answers a cursor."""


def version(execute: Execute) -> int:
    """How many migrations the database has; 0 for none. The version table must exist."""
    row = execute("SELECT max(version) FROM tidemill_migrations", ()).fetchone()
    return int(row[0] or 0)


def _refuse_foreign(execute: Execute, dialect: Dialect) -> None:
    for statement in MIGRATIONS[0]:
        made = re.match(r"CREATE TABLE (\w+)", statement)
        if made and execute(dialect.has_table, (made[1],)).fetchone() is not None:
            raise InvalidState(
                f"The database belongs to another program: it has a table '{made[1]}' that is not Tidemill's. Name another "
                "database; one of MLflow's can be read by MLflow's own server only."
            )


def migrate(execute: Execute, dialect: Dialect) -> int:
    """Bring the database to `LATEST` inside the caller's transaction; answers how many migrations ran.

    Raises InvalidState where the database was made by a newer Tidemill, or by another program altogether.
    """
    execute(_TABLE, ())
    have = version(execute)
    if have > LATEST:
        raise InvalidState(
            f"The database is at schema version {have}, newer than this Tidemill knows ({LATEST}). Upgrade Tidemill."
        )
    if have == 0:
        _refuse_foreign(execute, dialect)
    for number in range(have, LATEST):
        for statement in MIGRATIONS[number]:
            execute(dialect.ddl(statement), ())
        execute("INSERT INTO tidemill_migrations (version, applied_at) VALUES (?, ?)", (number + 1, now_ms()))
    return LATEST - have
