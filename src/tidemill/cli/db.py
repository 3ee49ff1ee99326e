"""`tidemill db`: upgrade a database, or check that it is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tidemill.artifacts.roots import PROXY
from tidemill.cli import output
from tidemill.cli.address import Store, chosen_uri
from tidemill.cli.options import as_json
from tidemill.cli.output import Cell, Column
from tidemill.cli.progress import counting
from tidemill.errors import InvalidParameter, NotFound
from tidemill.store.check import SUBJECTS, check, mend_indexes
from tidemill.store.database import Database, open_database
from tidemill.store.transaction import Site
from tidemill.tracking.embedded import EmbeddedBackend

_ABOUT_STORE = "STORE is a folder, an SQLite file or postgresql://…; default: what --uri says, else ./.tidemill."


@click.group()
def db() -> None:
    """Upgrade a database, or check that it is whole."""


@db.command(epilog=_ABOUT_STORE)
@click.argument("store", required=False)
def upgrade(store: str | None) -> None:
    """Bring a database to this version's schema, and make anew what indexes are missing.

    Databases are also upgraded when they are opened; this does it ahead of time. A database that does not exist yet
    is created. Copy the database before upgrading: there is no way back.
    """
    with _opened(store, create=True) as (database, site, shown):
        made = mend_indexes(database, site)
        steps = output.count_of(database.migrated, "step")
        done = [f"upgraded by {steps}"] if database.migrated else []
        done += [f"made {', '.join(made)} anew"] if made else []
        output.emit(f"{shown}: {' and '.join(done) or 'up to date'}")


@db.command("check", epilog=_ABOUT_STORE)
@click.argument("store", required=False)
@as_json
@click.pass_context
def check_(ctx: click.Context, store: str | None, json_: bool) -> None:
    """Check a database: integrity, schema, indexes, orphans, metric data. Exit code 1 where something is bad."""
    with _opened(store, create=False) as (database, site, _), counting("Checking", len(SUBJECTS)) as advance:
        findings = []
        for one in check(database, site):
            findings.append(one)
            advance(1)
    if json_:
        output.print_json([{"what": one.what, "good": one.good, "text": one.text} for one in findings])
    else:
        columns = [Column("WHAT"), Column(""), Column("FOUND")]
        good, bad = Cell("good", "green"), Cell("bad", "bold red")
        output.print_table(columns, [[one.what, good if one.good else bad, one.text] for one in findings])
    if not all(one.good for one in findings):
        ctx.exit(1)


@contextmanager
def _opened(store: str | None, *, create: bool) -> Iterator[tuple[Database, Site, str]]:
    """The database, and its address for people. Raises NotFound where there is none and it is not to be created."""
    found = Store(store or chosen_uri())
    backend = found.backend
    if not isinstance(backend, EmbeddedBackend):
        raise InvalidParameter(
            "The database of a server is looked after where it lies; name its file or postgresql://… address."
        )
    if not create and found.is_missing:
        raise NotFound(f"There is no database at {found.shown}.")
    database = open_database(backend.database)
    try:
        yield (
            database,
            Site(f"{PROXY}:/", backend.roots),
            os.path.relpath(backend.file) if backend.file else found.shown,
        )
    finally:
        database.close()
