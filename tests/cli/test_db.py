import sqlite3
from pathlib import Path
from typing import Any

import pytest


def test_a_whole_database(cli: Any, filled: Path) -> None:
    for store in ([], [".tidemill"], [".tidemill/tidemill.db"], [f"sqlite:///{filled}/tidemill.db"]):
        result = cli("db", "check", *store).works()
        assert len(result.lines) == 7
        assert "bad" not in result.out
    found = cli("db", "check", "--json").works().json
    assert [one["what"] for one in found] == [
        "integrity", "schema", "indexes", "orphans", "metric blocks", "latest metrics",
    ]  # fmt: skip
    assert all(one["good"] for one in found)


def test_what_is_bad_is_said_and_exit_code_1(cli: Any, filled: Path) -> None:
    with sqlite3.connect(filled / "tidemill.db") as connection:
        connection.execute("DROP INDEX runs_by_start")
        connection.execute(
            "UPDATE metric_blocks SET data = x'00ff' WHERE run_pk IN (SELECT min(run_pk) FROM metric_blocks)"
        )
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("UPDATE tags SET run_pk = 999999 WHERE run_pk IN (SELECT min(run_pk) FROM tags)")
    connection.close()
    result = cli("db", "check")
    assert result.code == 1
    indexes, orphans, blocks = (result.lines[place].split() for place in (3, 4, 5))
    assert (indexes[:2], orphans[:2], blocks[:3]) == (
        ["indexes", "bad"],
        ["orphans", "bad"],
        ["metric", "blocks", "bad"],
    )
    for part in (
        "runs_by_start is missing",
        "db upgrade",
        "rows of tags belong to nothing",
        "metric_blocks cannot be read",
    ):
        assert part in result.out
    assert result.err == ""
    assert cli("db", "check", "--json").code == 1


def test_upgrade_makes_missing_indexes_anew(cli: Any, filled: Path) -> None:
    assert cli("db", "upgrade").works().out == ".tidemill/tidemill.db: up to date\n"
    with sqlite3.connect(filled / "tidemill.db") as connection:
        connection.execute("DROP INDEX runs_by_start")
        connection.execute("DROP INDEX metric_blocks_by_series")
    connection.close()
    assert "made metric_blocks_by_series, runs_by_start anew" in cli("db", "upgrade").works().out
    cli("db", "check").works()


def test_upgrade_makes_a_new_database(cli: Any, tmp_path: Path) -> None:
    assert "new.db: upgraded by" in cli("db", "upgrade", "sqlite:///new.db").works().out
    assert (tmp_path / "new.db").exists()
    cli("db", "check", "new.db").works()


def test_a_database_of_a_newer_tidemill(cli: Any, filled: Path) -> None:
    with sqlite3.connect(filled / "tidemill.db") as connection:
        connection.execute("INSERT INTO tidemill_migrations (version, applied_at) VALUES (9999, 1)")
    connection.close()
    for words in (["db", "upgrade"], ["db", "check"], ["runs", "list"], ["server", "--port", "0"]):
        cli(*words).fails(1, "9999", "Upgrade Tidemill")


@pytest.mark.parametrize(
    ("store", "part"),
    [
        ("nowhere", "no database at ./nowhere"),
        ("nowhere.db", "no database"),
        ("http://127.0.0.1:9", "server"),
        ("mysql://u:hidden@h/d", "cannot"),
        ("postgresql://u:hidden@127.0.0.1:9/d", "PostgreSQL at 127.0.0.1"),
    ],
)
def test_check_of_what_is_no_database(cli: Any, tmp_path: Path, store: str, part: str) -> None:
    assert "hidden" not in cli("db", "check", store).fails(1, part)
    assert list(tmp_path.iterdir()) == []
