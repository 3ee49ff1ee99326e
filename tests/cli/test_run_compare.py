from pathlib import Path
from typing import Any

import pytest


def lines_by_key(result: Any) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in result.works().lines if line.split()}


def test_side_by_side(cli: Any, filled: Path) -> None:
    found = lines_by_key(cli("runs", "compare", "banana", "cherry", COLUMNS="80"))
    assert found["name"] == ["banana", "cherry"]
    assert found["status"] == ["FINISHED", "FAILED"]
    assert found["lr"] == ["0.2", "0.3"]
    assert found["model"] == ["linear", "–"]
    assert found["depth"] == ["3", "3"]
    assert found["loss"] == ["0.5000", "NaN"]
    assert found["accuracy"] == ["0.9500", "–"]


def first_apple(cli: Any) -> str:
    return str(cli("runs", "search", "--filter", "params.lr = '0.1'", "--json").works().json[0]["run_id"])


def test_the_best_is_marked_and_the_same_left_out(cli: Any, filled: Path) -> None:
    found = lines_by_key(cli("runs", "compare", first_apple(cli), "banana", "--diff"))
    assert found["loss"] == ["★", "0.2500", "0.5000"]
    assert found["accuracy"] == ["0.9000", "★", "0.9500"]
    assert "depth" not in found
    assert "experiment" not in found
    turned = lines_by_key(cli("runs", "compare", first_apple(cli), "banana", "--higher", "lo*", "--lower", "accuracy"))
    assert turned["loss"] == ["0.2500", "★", "0.5000"]
    assert turned["accuracy"] == ["★", "0.9000", "0.9500"]


def test_json(cli: Any, filled: Path) -> None:
    found = cli("runs", "compare", first_apple(cli), "banana", "cherry", "--tags", "--json").works().json
    assert [run["run_name"] for run in found["runs"]] == ["apple", "banana", "cherry"]
    lines = {(line["section"], line["key"]): line for line in found["lines"]}
    assert lines["metrics", "loss"]["values"] == [0.25, 0.5, "NaN"]
    assert lines["metrics", "loss"]["best"] == [0]
    assert lines["params", "depth"]["differs"] is False
    assert lines["params", "model"]["values"] == ["tree", "linear", None]
    assert ("tags", "kind") in lines


@pytest.mark.parametrize("width", [40, 80])
def test_more_runs_than_fit_go_below(cli: Any, filled: Path, width: int) -> None:
    from rich.cells import cell_len

    ids = [run["run_id"] for run in cli("runs", "list", "--json").works().json]
    result = cli("runs", "compare", *ids, COLUMNS=str(width)).works()
    assert all(cell_len(line) <= width for line in result.lines)
    assert all(run_id[:8] in result.out for run_id in ids)
    assert result.out.count("METRICS") > 1


def test_runs_that_are_no_two(cli: Any, filled: Path) -> None:
    cli("runs", "compare", "banana").fails(2, "at least two")
    cli("runs", "compare", "banana", "banana").fails(2, "at least two")
    run_id = cli("runs", "show", "banana", "--json").works().json["run_id"]
    cli("runs", "compare", "banana", run_id).fails(1, "the same run")
