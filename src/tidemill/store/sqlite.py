"""SQLite: one writer with group commit, readers that never wait.

Writes that arrive together share one transaction, each in a savepoint of its own. There is no writer thread: whoever
comes first carries out everybody's queued writes, so that a lone write costs no thread switch.
"""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tidemill import settings
from tidemill.errors import InternalError, InvalidParameter, Unavailable
from tidemill.retry import jitter
from tidemill.search.patterns import compile_pattern
from tidemill.store import limits, migrations
from tidemill.store.dialects import SQLITE
from tidemill.store.names import Names
from tidemill.store.outbox import INSERT as INSERT_EVENT
from tidemill.store.transaction import Emitted, Row, Site, Tx

T = TypeVar("T")
_WAIT_S = 60
_MOST_JOBS = 512
_LOG_BYTES = 4 * 2**20


class SqliteTx:
    """A transaction on one connection."""

    dialect = SQLITE

    def __init__(
        self, connection: sqlite3.Connection, names: Names, site: Site, fresh_names: dict[str, int] | None = None
    ) -> None:
        self._connection = connection
        self.names = names
        self.site = site
        self.writes = fresh_names is not None
        self.touched: set[int] = set()
        self.emitted: list[Emitted] = []
        self.fresh_names = {} if fresh_names is None else fresh_names

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        return self._connection.execute(sql, params).fetchall()

    def row(self, sql: str, params: Sequence[Any] = ()) -> Row | None:
        """The first row of a query, or None."""
        found: Row | None = self._connection.execute(sql, params).fetchone()
        return found

    def run(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Carry out a statement and answer how many rows it changed."""
        return self._connection.execute(sql, params).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Carry out a statement once for each row."""
        self._connection.executemany(sql, rows)


class Job:
    """One queued write; `done` is called once, after the commit or with the error."""

    __slots__ = ("done", "error", "result", "site", "work")

    def __init__(
        self, site: Site, work: Callable[[Tx], Any], done: Callable[[Any, BaseException | None], None] | None = None
    ) -> None:
        self.site = site
        self.work = work
        self.done = done
        self.result: Any = None
        self.error: BaseException | None = None


class SqliteDatabase:
    """One file in WAL mode."""

    dialect = SQLITE

    def __init__(self, path: Path, *, background: bool = False) -> None:
        self.path = path.absolute()
        self.address = f"sqlite:///{self.path}"
        self.names = Names()
        self._queue: deque[Job] = deque()
        self._lock = threading.Lock()
        self._readers: deque[sqlite3.Connection] = deque()
        self._closed = False
        self.migrated = 0
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            self._migrate()
            self._writer.execute("PRAGMA busy_timeout=0")  # `_begin` waits by itself
        except (OSError, sqlite3.Error) as error:
            raise _translated(error, self.path) from error
        self._checkpointer: _Checkpointer | None = None
        if background:
            self._writer.execute("PRAGMA wal_autocheckpoint=50000")
            log = self.path.with_name(self.path.name + "-wal")
            self._checkpointer = _Checkpointer(self._connect(), log)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        _use_log(connection)
        full = settings.flag("TIDEMILL_SQLITE_FULL_SYNC", False)
        connection.executescript(
            f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}; PRAGMA foreign_keys=ON;"
            "PRAGMA case_sensitive_like=ON; PRAGMA cache_size=-8000; PRAGMA temp_store=MEMORY;"
            "PRAGMA wal_autocheckpoint=4000;"
        )
        connection.create_function("casefold", 1, _casefold, deterministic=True)
        connection.create_function("to_number", 1, limits.number_of, deterministic=True)
        connection.create_function("regexp", 2, _regexp, deterministic=True)
        return connection

    def _migrate(self) -> None:
        made = self._writer.execute("SELECT 1 FROM sqlite_master WHERE name = 'tidemill_migrations'").fetchone()
        if made and migrations.version(self._writer.execute) == migrations.LATEST:
            return
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            self.migrated = migrations.migrate(self._writer.execute, self.dialect)
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise
        self._writer.execute("COMMIT")

    @contextmanager
    def read(self, site: Site) -> Iterator[Tx]:
        """A transaction that sees one moment of the data and changes nothing."""
        try:
            try:
                connection = self._readers.pop()
            except IndexError:
                connection = self._connect()
                connection.execute("PRAGMA query_only=ON")
            connection.execute("BEGIN")
            try:
                yield SqliteTx(connection, self.names, site)
            finally:
                connection.execute("ROLLBACK")
                if self._closed or len(self._readers) >= 16:
                    connection.close()
                else:
                    self._readers.append(connection)
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
            raise _translated(error, self.path) from error

    def write(self, site: Site, job: Callable[[Tx], T]) -> T:
        """Run `job` in a transaction, together with whatever else is queued."""
        mine = Job(site, job)
        self._queue.append(mine)
        self.drain(wait=True)
        if mine.error is not None:
            raise mine.error
        result: T = mine.result
        return result

    def enqueue(self, job: Job) -> None:
        """Queue a write for the next `drain`, by whichever thread."""
        self._queue.append(job)

    def drain(self, wait: bool) -> bool:
        """Carry out everything queued. False, with the jobs still queued, where another writer is at it and not `wait`."""
        if not self._lock.acquire(blocking=wait):
            return False
        try:
            while self._queue:
                if not self._begin(wait):
                    return False
                self._carry_out([self._queue.popleft() for _ in range(min(len(self._queue), _MOST_JOBS))])
        except sqlite3.Error as error:
            while self._queue:
                _end(self._queue.popleft(), None, _translated(error, self.path))
        finally:
            self._lock.release()
        return True

    def _begin(self, wait: bool) -> bool:
        """Take the write lock. False where another process has it and not `wait`."""
        deadline = time.monotonic() + _WAIT_S
        pause = 0.0005
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                if not wait:
                    return False
                time.sleep(pause * jitter())
                pause = min(pause * 2, 0.02)
            else:
                return True

    def _carry_out(self, jobs: list[Job]) -> None:
        outcomes: list[tuple[Any, BaseException | None]] = []
        fresh: dict[str, int] = {}
        touched: set[int] = set()
        emitted: list[Emitted] = []
        try:
            for job in jobs:
                outcomes.append(self._one(job, fresh, touched, emitted, alone=len(jobs) == 1))
            if touched:
                self._writer.executemany("UPDATE runs SET rev = rev + 1 WHERE pk = ?", [(pk,) for pk in touched])
            if emitted:
                self._writer.executemany(INSERT_EVENT, [(one.at, one.kind, one.subject, one.data) for one in emitted])
            self._writer.execute("COMMIT")
            self.names.committed(fresh)
        except BaseException as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            translated = _translated(error, self.path) if isinstance(error, Exception) else error
            outcomes = [(None, one[1] or translated) for one in outcomes]
            outcomes += [(None, translated)] * (len(jobs) - len(outcomes))
        else:
            if touched or emitted:
                for listener in jobs[0].site.listeners:
                    listener(touched, len(emitted))
        for job, (result, failure) in zip(jobs, outcomes, strict=True):
            _end(job, result, failure)

    def _one(
        self, job: Job, fresh: dict[str, int], touched: set[int], emitted: list[Emitted], alone: bool
    ) -> tuple[Any, BaseException | None]:
        """Run one job. A failure of its own undoes it and is answered; one that ended the transaction is raised."""
        tx = SqliteTx(self._writer, self.names, job.site, fresh)
        if not alone:
            self._writer.execute("SAVEPOINT job")
        try:
            result = job.work(tx)
        except Exception as error:
            if alone or not self._writer.in_transaction:
                raise
            self._writer.execute("ROLLBACK TO job")
            self._writer.execute("RELEASE job")
            fresh.clear()  # some may be undone; the others are found again
            return None, _translated(error, self.path)
        if not alone:
            self._writer.execute("RELEASE job")
        touched |= tx.touched
        emitted += tx.emitted
        return result, None

    def close(self) -> None:
        """Let go of all connections; the last process to do so folds the log into the file."""
        if self._closed:
            return
        self._closed = True
        if self._checkpointer is not None:
            self._checkpointer.stop()
        with self._lock:
            while self._readers:
                self._readers.pop().close()
            self._writer.close()


class _Checkpointer:
    """Folds the write-ahead log into the file from a thread, so that no request pays for it."""

    def __init__(self, connection: sqlite3.Connection, log: Path) -> None:
        self._connection = connection
        self._log = log
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="tidemill-checkpoint", daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while not self._stop.wait(1.0):
            try:
                if self._log.exists() and self._log.stat().st_size > _LOG_BYTES:
                    self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except (sqlite3.Error, OSError):
                continue  # busy or gone: the next round, or the writer's own limit, sees to it

    def stop(self) -> None:
        """End the thread and close its connection."""
        self._stop.set()
        self._thread.join()
        self._connection.close()


def _use_log(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. SQLite does not wait by itself where two processes do so at once."""
    for attempt in range(200):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or attempt == 199:
                raise
            time.sleep(0.02)
        else:
            return


def _end(job: Job, result: Any, error: BaseException | None) -> None:
    job.result, job.error = result, error
    if job.done is not None:
        job.done(result, error)


def _casefold(text: str | None) -> str | None:
    return None if text is None else text.casefold()


def _regexp(pattern: str, text: object) -> bool:
    return isinstance(text, str) and compile_pattern(pattern).search(text) is not None


def _translated(error: BaseException, path: Path) -> BaseException:
    """What a caller should hear of a failure below."""
    if isinstance(error, OverflowError):
        return InvalidParameter("A number is too large: integers must fit in 64 bits.")
    if isinstance(error, UnicodeEncodeError):
        return InvalidParameter("A text is not valid Unicode.")
    if not isinstance(error, sqlite3.Error | OSError):
        return error
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return Unavailable(f"The disk that holds {path} is full. Nothing was written; free some space and try again.")
    if code == sqlite3.SQLITE_BUSY:
        return Unavailable(f"The database {path} is in use by another process for too long. Try again later.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return InternalError(f"The database {path} is damaged or not an SQLite file. Run: tidemill db check")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM) or isinstance(error, OSError):
        return Unavailable(f"The database {path} cannot be opened for writing: {error}")
    if code == sqlite3.SQLITE_IOERR:
        return Unavailable(
            f"Reading or writing the database {path} failed: {error}. Look after the disk and try again."
        )
    if code == sqlite3.SQLITE_INTERRUPT:
        return Unavailable("The query was interrupted.")
    return InternalError(f"SQLite: {error}")
