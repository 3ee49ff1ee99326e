"""PostgreSQL: a pool of connections; each write a transaction of its own, retried where the database asks for it."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from tidemill import settings
from tidemill.errors import InternalError, InvalidParameter, MissingDependency, TidemillError, Unavailable
from tidemill.store import migrations
from tidemill.store.dialects import POSTGRES
from tidemill.store.names import Names
from tidemill.store.outbox import LOCK as OUTBOX_LOCK
from tidemill.store.transaction import Emitted, Row, Site, Tx

T = TypeVar("T")
_TRIES = 8
_WAIT_S = 10
"""How long a call waits for a free connection, or for the server to come back."""
_TRUSTED_S = 1.0
"""A connection that has been idle for longer is asked whether it still lives."""
_MIGRATION_LOCK = 0x7469_6465  # any fixed number: processes that start together migrate one after the other


class PostgresTx:
    """A transaction on one connection."""

    dialect = POSTGRES

    def __init__(self, connection: Any, names: Names, site: Site, *, writes: bool) -> None:
        self._connection = connection
        self.names = names
        self.site = site
        self.writes = writes
        self.touched: set[int] = set()
        self.emitted: list[Emitted] = []
        self.fresh_names: dict[str, int] = {}

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        found: list[Row] = self._connection.execute(POSTGRES.sql(sql), params).fetchall()
        return found

    def row(self, sql: str, params: Sequence[Any] = ()) -> Row | None:
        """The first row of a query, or None."""
        found: Row | None = self._connection.execute(POSTGRES.sql(sql), params).fetchone()
        return found

    def run(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Carry out a statement and answer how many rows it changed."""
        count: int = self._connection.execute(POSTGRES.sql(sql), params).rowcount
        return count

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Carry out a statement once for each row."""
        batch = list(rows)
        if batch:
            with self._connection.cursor() as cursor:
                cursor.executemany(POSTGRES.sql(sql), batch)


class PostgresDatabase:
    """One database on a server, shared by any number of processes."""

    dialect = POSTGRES

    def __init__(self, address: str) -> None:
        try:
            import psycopg
            import psycopg_pool
        except ImportError:
            raise MissingDependency("psycopg", "postgres", "A PostgreSQL store") from None
        self._psycopg = psycopg
        self.address = address
        self.names = Names()
        self.migrated = 0
        most = int(settings.number("TIDEMILL_POSTGRES_CONNECTIONS", 12))
        self._pool = psycopg_pool.ConnectionPool(
            address, min_size=1, max_size=max(most, 1), open=False, timeout=_WAIT_S, kwargs={"autocommit": False}
        )
        self._used: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        try:
            # First without the pool, which would hide why it cannot connect.
            psycopg.connect(address, connect_timeout=10).close()
            self._pool.open()
            self._migrate()
        except psycopg.ProgrammingError as error:
            self._pool.close()
            raise InvalidParameter(f"The address of the database cannot be used: {_first_line(error)}") from error
        except BaseException as error:
            self._pool.close()
            if isinstance(error, psycopg.Error):
                raise self._translated(error) from error
            raise

    @contextmanager
    def _lent(self) -> Iterator[Any]:
        """A connection of the pool that lives: one that was idle for long may have been cut meanwhile."""
        connection = self._pool.getconn()
        for _ in range(self._pool.max_size):
            if time.monotonic() - self._used.get(connection, 0) < _TRUSTED_S or self._lives(connection):
                break
            self._pool.putconn(connection)  # which closes it and makes another
            connection = self._pool.getconn()
        try:
            yield connection
        finally:
            self._used[connection] = time.monotonic()
            self._pool.putconn(connection)

    def _lives(self, connection: Any) -> bool:
        try:
            self._pool.check_connection(connection)
        except self._psycopg.Error:
            return False
        return True

    def _migrate(self) -> None:
        with self._pool.connection() as connection:

            def execute(sql: str, params: Sequence[Any]) -> Any:
                return connection.execute(POSTGRES.sql(sql), params)

            if execute("SELECT to_regclass('tidemill_migrations')", ()).fetchone()[0] is not None and (
                migrations.version(execute) == migrations.LATEST
            ):
                return
            execute("SELECT pg_advisory_xact_lock(?)", (_MIGRATION_LOCK,))
            self.migrated = migrations.migrate(execute, POSTGRES)

    @contextmanager
    def read(self, site: Site) -> Iterator[Tx]:
        """A transaction that sees one moment of the data and changes nothing."""
        try:
            with self._lent() as connection, connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield PostgresTx(connection, self.names, site, writes=False)
        except self._errors() as error:
            raise self._translated(error) from error

    def write(self, site: Site, job: Callable[[Tx], T]) -> T:
        """Run `job` in a transaction, again where another one got in its way."""
        retried = (
            self._psycopg.errors.UniqueViolation,
            self._psycopg.errors.SerializationFailure,
            self._psycopg.errors.DeadlockDetected,
        )
        for attempt in range(_TRIES):
            try:
                with self._lent() as connection:
                    tx = PostgresTx(connection, self.names, site, writes=True)
                    with connection.transaction():
                        result = job(tx)
                        for pk in sorted(tx.touched):
                            connection.execute("UPDATE runs SET rev = rev + 1 WHERE pk = %s", (pk,))
                        if tx.emitted:
                            _write_events(connection, tx.emitted)
                    self.names.committed(tx.fresh_names)
                    if tx.touched or tx.emitted:
                        for listener in site.listeners:
                            listener(tx.touched, len(tx.emitted))
                    return result
            except retried as error:
                if attempt == _TRIES - 1:
                    raise self._translated(error) from error
            except self._errors() as error:
                raise self._translated(error) from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Let go of all connections."""
        self._pool.close()

    def _errors(self) -> tuple[type[Exception], ...]:
        import psycopg_pool

        return (self._psycopg.Error, psycopg_pool.PoolTimeout, OverflowError, UnicodeEncodeError)

    def _translated(self, error: Exception) -> TidemillError:
        if isinstance(error, UnicodeEncodeError):
            return InvalidParameter("A text is not valid Unicode.")
        where = urlsplit(self.address).hostname or "the local socket"
        if isinstance(error, OverflowError | self._psycopg.DataError | self._psycopg.errors.ProgramLimitExceeded):
            return InvalidParameter(f"The database cannot hold a value of this request: {_first_line(error)}")
        if isinstance(error, self._psycopg.OperationalError):
            lines = str(error).strip().splitlines()
            return Unavailable(f"PostgreSQL at {where} cannot be reached or refused: {lines[-1] if lines else error}")
        return InternalError(f"PostgreSQL: {_first_line(error)}")


def _write_events(connection: Any, events: Sequence[Emitted]) -> None:
    """Put events into the outbox, last of all: nobody who holds this lock waits for another one.

    Ids are drawn once the lock is held, and it is held until the commit can be seen.
    """
    for start in range(0, len(events), 500):
        part = events[start : start + 500]
        values = ", ".join(["(%s::bigint, %s::text, %s::text, %s::text)"] * len(part))
        connection.execute(
            f"WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock({OUTBOX_LOCK})) INSERT INTO events "
            f"(at, kind, subject, data) SELECT e.* FROM turn CROSS JOIN (VALUES {values}) AS e",
            [value for one in part for value in (one.at, one.kind, one.subject, one.data)],
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
