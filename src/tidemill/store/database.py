"""A database: where transactions come from. One of SQLite (embedded, small teams) or PostgreSQL (teams)."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from tidemill.errors import InvalidParameter
from tidemill.store.dialects import Dialect
from tidemill.store.transaction import Site, Tx

T = TypeVar("T")


class Database(Protocol):
    """Safe to use from many threads; many processes may use the same database at once.

    A `write` that has returned is committed: it survives the death of this process. One that raises changed nothing.
    """

    dialect: Dialect
    address: str
    migrated: int
    """How many migrations ran when it was opened."""

    def read(self, site: Site) -> AbstractContextManager[Tx]:
        """A transaction that sees one moment of the data and changes nothing."""
        ...

    def write(self, site: Site, job: Callable[[Tx], T]) -> T:
        """Run `job` in a transaction of its own meaning: all of it or nothing."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...


def open_database(address: str, *, background: bool = False) -> Database:
    """Open, create or migrate the database at `address`.

    `address` is `postgresql://…`, `sqlite:///path/to/file.db` (three slashes: relative, four: absolute) or a plain path.
    `background`: this process serves for long, so housekeeping runs in a thread of its own.
    Raises InvalidParameter (unknown scheme), Unavailable (cannot connect), MissingDependency (no PostgreSQL driver).
    """
    if address.startswith(("postgresql://", "postgres://")):
        from tidemill.store.postgres import PostgresDatabase

        return PostgresDatabase(address)
    from tidemill.store.sqlite import SqliteDatabase

    return SqliteDatabase(sqlite_path(address), background=background)


def sqlite_path(address: str) -> Path:
    """The file that an SQLite address names."""
    if address.startswith("sqlite:///"):
        return Path(address.removeprefix("sqlite:///"))
    if "://" in address:
        scheme = address.partition("://")[0]
        raise InvalidParameter(
            f"No store for addresses of the kind '{scheme}://'. Use a file path, sqlite:///file.db or postgresql://…"
        )
    return Path(address)
