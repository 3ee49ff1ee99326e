import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tidemill.cli.gc import age_ms

AGES = {"0": 0, "45s": 45_000, "12h": 43_200_000, "1d12h": 129_600_000, "2w": 1_209_600_000, "9" * 30 + "w": 2**62}


@pytest.mark.parametrize(("text", "ms"), AGES.items())
def test_ages(text: str, ms: int) -> None:
    assert age_ms(None, None, text) == ms  # type: ignore[arg-type]


def bytes_of(filled: Path, run_id: str) -> list[Path]:
    return [path for path in (filled / "artifacts").rglob("*") if run_id in str(path) and path.is_file()]


def test_the_whole_way(cli: Any, filled: Path) -> None:
    run_id = cli("runs", "search", "--filter", "params.lr = '0.1'", "--json").works().json[0]["run_id"]
    assert len(bytes_of(filled, run_id)) == 2
    assert cli("gc", "--yes").works().err == "The trash is empty.\n"
    cli("runs", "delete", run_id, "banana").works()
    cli("experiments", "delete", "vegetables").works()

    young = cli("gc", "--yes").works()
    assert (young.out, "30 days" in young.err) == ("", True)
    dry = cli("gc", "--older-than", "0", "--dry-run").works()
    assert [line.split()[0] for line in dry.lines] == ["KIND", "run", "run", "run", "run", "experiment"]
    assert "Nothing was removed" in dry.err
    assert "4 runs, 1 experiment" in dry.err
    assert cli("gc", "--older-than", "0", "--dry-run", "--json").works().json["remaining"] == 5
    assert len(bytes_of(filled, run_id)) == 2

    cli("gc", "--older-than", "0").fails(2, "--yes")
    gone = cli("gc", "--older-than", "0", "--yes").works()
    assert (gone.out, gone.err) == ("", "Removed 4 runs, 1 experiment.\n")
    assert bytes_of(filled, run_id) == []
    assert [one["run_name"] for one in cli("runs", "list", "--all", "--json").works().json] == ["cherry"]
    assert cli("gc", "--older-than", "0", "--yes", "--json").works().json == {"removed": [], "remaining": 0}
    assert "good" in cli("db", "check").works().out


def test_more_than_one_step(cli: Any, filled: Path) -> None:
    own = ("pk", "run_id", "deleted_at")
    with sqlite3.connect(filled / "tidemill.db") as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)") if row[1] not in own]
        names = ", ".join(columns)
        connection.executemany(
            f"INSERT INTO runs (run_id, deleted_at, {names}) SELECT ?, 1, {names} FROM runs LIMIT 1",
            [(f"{number:032x}",) for number in range(250)],
        )
    connection.close()
    result = cli("gc", "--yes", "--json").works()
    assert len(result.json["removed"]) == 250
    assert result.err == "Removed 250 runs.\n"


def test_a_person_is_asked(cli: Any, filled: Path, at_terminal: Any) -> None:
    cli("runs", "delete", "banana").works()
    assert "Nothing was removed." in at_terminal("gc", "--older-than", "0", answer="n\n")
    assert cli("runs", "list", "--deleted", "--json").works().json
    seen = at_terminal("gc", "--older-than", "0", answer="y\n")
    assert "Remove this for good? [y/N]" in seen
    assert "Removed 1 run." in seen
    assert not cli("runs", "list", "--deleted", "--json").works().json


def test_over_a_server(cli: Any, served: str) -> None:
    cli("--uri", served, "runs", "delete", "banana").works()
    assert cli("--uri", served, "gc", "--older-than", "0", "--yes").works().err == "Removed 1 run.\n"
