"""From nothing to the newest schema, once, whoever comes first."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.store import migrations, schema
from tidemill.store.check import check
from tidemill.store.database import open_database
from tidemill.testing.databases import embedded
from tidemill.testing.factories import get_run, new_run, params_of


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database, for one test."""
    if request.param == "sqlite":
        yield str(tmp_path / "tidemill.db")
        return
    with request.getfixturevalue("postgres_server").database() as found:
        yield found


def versions(address: str) -> list[int]:
    """The migrations that a database has had, in order."""
    if address.startswith("postgresql"):
        import psycopg

        with psycopg.connect(address) as connection:
            rows = connection.execute("SELECT version FROM tidemill_migrations ORDER BY version").fetchall()
    else:
        other = sqlite3.connect(address)
        rows = other.execute("SELECT version FROM tidemill_migrations ORDER BY version").fetchall()
        other.close()
    return [row[0] for row in rows]


def test_numbers_are_told_apart() -> None:
    assert len(schema.MIGRATIONS) == migrations.LATEST


def test_empty_to_latest(address: str, tmp_path: Path) -> None:
    with embedded(address, tmp_path) as store:
        assert versions(address) == list(range(1, migrations.LATEST + 1))
        findings = list(check(store.database, store.site))
        assert {finding.what: finding.text for finding in findings if not finding.good} == {}
        assert len(findings) >= 6


def test_twice_changes_nothing(address: str, tmp_path: Path) -> None:
    with embedded(address, tmp_path) as store:
        run = new_run(store, params={"p": "1"})
    for _ in range(2):
        with embedded(address, tmp_path) as store:
            assert params_of(get_run(store, run)) == {"p": "1"}
            assert versions(address) == list(range(1, migrations.LATEST + 1))


def _open_and_log(address: str, folder: str, start: object, made: "multiprocessing.SimpleQueue[str]") -> None:
    start.wait()  # type: ignore[attr-defined]
    with embedded(address, folder) as store:
        made.put(new_run(store, "0", params={"p": "1"}))


def test_several_processes_at_once(address: str, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, made = context.Barrier(3), context.SimpleQueue()
    processes = [context.Process(target=_open_and_log, args=(address, str(tmp_path), start, made)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert versions(address) == list(range(1, migrations.LATEST + 1))
    with embedded(address, tmp_path) as store:
        for _ in processes:
            assert params_of(get_run(store, made.get())) == {"p": "1"}


def add(monkeypatch: pytest.MonkeyPatch, *statements: str) -> None:
    """Pretend that a newer release has one more migration."""
    more = (*schema.MIGRATIONS, statements)
    monkeypatch.setattr(migrations, "MIGRATIONS", more)
    monkeypatch.setattr(migrations, "LATEST", len(more))


def test_upgrade_keeps_what_is_there(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded(address, tmp_path) as store:
        run = new_run(store, params={"p": "1"})
    add(monkeypatch, "CREATE TABLE novelties (id {serial} PRIMARY KEY{autoincrement}, name {text} NOT NULL)")
    for _ in range(2):
        with embedded(address, tmp_path) as store:
            assert params_of(get_run(store, run)) == {"p": "1"}
            with store.database.read(store.site) as tx:
                assert tx.rows("SELECT * FROM novelties") == []
        assert versions(address) == list(range(1, migrations.LATEST + 1))


def test_a_failing_upgrade_leaves_all_as_it_was(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded(address, tmp_path) as store:
        run = new_run(store, params={"p": "1"})
    before = versions(address)
    with monkeypatch.context() as patch:
        add(patch, "CREATE TABLE novelties (x {text})", "CREATE TABLE novelties (x {text})")
        with pytest.raises(Exception, match="already exists"):
            open_database(address)
    assert versions(address) == before
    with embedded(address, tmp_path) as store:
        assert params_of(get_run(store, run)) == {"p": "1"}
        with pytest.raises(Exception, match="novelties"), store.database.read(store.site) as tx:
            tx.rows("SELECT * FROM novelties")
