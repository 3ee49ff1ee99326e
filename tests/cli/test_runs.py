from pathlib import Path
from typing import Any

import pytest


def names(result: Any) -> list[str]:
    return [one["run_name"].split()[0] for one in result.works().json]


def test_list_shows_the_newest_first(cli: Any, filled: Path) -> None:
    assert names(cli("runs", "list", "--json"))[1:] == ["apple", "cherry", "banana", "apple"]
    assert names(cli("runs", "list", "-e", "fruit", "--json")) == ["cherry", "banana", "apple"]
    assert names(cli("runs", "list", "-e", "fruit", "-e", "2", "--json"))[1:] == ["apple", "cherry", "banana", "apple"]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_table_fits(cli: Any, filled: Path, width: int) -> None:
    from rich.cells import cell_len

    lines = cli("runs", "list", COLUMNS=str(width)).works().lines
    assert len(lines) == 6
    assert all(cell_len(line) <= width for line in lines)
    assert lines[0].startswith("ID")
    assert not any("\x1b" in line for line in lines)


def test_columns_are_chosen_by_what_they_tell(cli: Any, filled: Path) -> None:
    heading = cli("runs", "list", "-e", "fruit", COLUMNS="120").works().lines[0].split()
    assert heading == [
        "ID",
        "NAME",
        "STATUS",
        "STARTED",
        "TOOK",
        "loss",
        "accuracy",
        "lr",
        "model",
    ]  # depth is the same
    heading = cli("runs", "list", COLUMNS="200").works().lines[0].split()
    assert "EXPERIMENT" in heading


def test_chosen_columns(cli: Any, filled: Path) -> None:
    result = cli("runs", "list", "-e", "fruit", "--columns", "name,run_id,metrics.loss,params,tags.kind").works()
    assert result.lines[0].split() == ["NAME", "RUN", "ID", "loss", "depth", "lr", "model", "kind"]
    apple = result.lines[3].split()
    assert apple[0] == "apple"
    assert len(apple[1]) == 32
    assert apple[2:] == ["0.2500", "3", "0.1", "tree", "test"]
    assert result.lines[1].split()[2] == "NaN"
    cli("runs", "list", "--columns", "colour").fails(1, "no column 'colour'")
    cli("runs", "list", "--columns", "metrics.").fails(1, "no column")


def test_json_of_a_run(cli: Any, filled: Path) -> None:
    run = cli("runs", "search", "--filter", "params.lr = '0.1'", "--json").works().json[0]
    assert run["metrics"] == {"loss": 0.25, "accuracy": 0.9}
    assert run["params"] == {"lr": "0.1", "depth": "3", "model": "tree"}
    assert run["tags"]["kind"] == "test"
    assert run["experiment_name"] == "fruit"
    assert run["end_time"] - run["start_time"] == 5000
    assert run["status"] == "FINISHED"


def test_nan_in_json(cli: Any, filled: Path) -> None:
    assert cli("runs", "search", "--filter", "run_name = 'cherry'", "--json").works().json[0]["metrics"] == {
        "loss": "NaN"
    }


def test_search_order_limit(cli: Any, filled: Path) -> None:
    found = cli("runs", "search", "--filter", "metrics.loss < 0.6", "--order-by", "metrics.loss DESC", "--json")
    assert names(found) == ["banana", "apple", "apple"]
    cut = cli("runs", "search", "--filter", "metrics.loss < 0.6", "--limit", "1", "--json")
    assert len(cut.works().json) == 1
    assert "There are more than 1" in cut.err
    nothing = cli("runs", "search", "--filter", "metrics.loss > 100").works()
    assert (nothing.out, nothing.err) == ("", "No run matches.\n")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["search", "--filter", "metrics.loss <"], "character"),
        (["search", "--filter", "metrics.loss < 1 ;; DROP TABLE runs"], "character"),
        (["search", "--filter", "nonsense"], "nonsense"),
        (["search", "--filter", "a " * 60_000], "character"),
        (["list", "--order-by", "metrics"], "metrics"),
        (["list", "-e", "nuts"], "no experiment 'nuts'"),
        (["list", "-e", "99999999999999999999"], "no experiment"),
        (["show", "nothing"], "no run 'nothing'"),
        (["show", "f" * 32], "f" * 32),
        (["show", 'it\'s "both"'], "no run"),
        (["show", "%"], "no run '%'"),
        (["show", ""], "no run ''"),
        (["compare", "banana", "nothing"], "no run 'nothing'"),
        (["delete", "banana", "nothing"], "no run 'nothing'"),
        (["restore", "nothing"], "no run 'nothing'"),
    ],
)
def test_bad_input_is_one_line(cli: Any, filled: Path, words: list[str], part: str) -> None:
    cli("runs", *words).fails(1, part)


def test_a_run_by_the_start_of_its_id_and_by_name(cli: Any, filled: Path) -> None:
    run_id = cli("runs", "search", "--filter", "run_name = 'banana'", "--json").works().json[0]["run_id"]
    for name in (run_id, run_id[:8], "banana"):
        assert cli("runs", "show", name, "--json").works().json["run_id"] == run_id
    ambiguous = cli("runs", "show", "apple").fails(1, "'apple' means more than one run")
    assert ambiguous.count("(apple)") == 2


def test_delete_and_restore(cli: Any, filled: Path) -> None:
    deleted = cli("runs", "delete", "banana", "cherry", "banana").works()
    assert deleted.out == ""
    assert "Deleted 2 runs" in deleted.err
    assert names(cli("runs", "list", "-e", "fruit", "--json")) == ["apple"]
    assert names(cli("runs", "list", "--deleted", "--json")) == ["cherry", "banana"]
    assert "deleted" in cli("runs", "list", "--all").works().out
    cli("runs", "restore", "banana").works()
    assert names(cli("runs", "list", "-e", "fruit", "--json")) == ["banana", "apple"]


def test_nothing_is_deleted_where_one_name_is_wrong(cli: Any, filled: Path) -> None:
    cli("runs", "delete", "banana", "nothing").fails(1)
    assert "banana" in cli("runs", "list").works().out


def test_an_experiment_without_runs(cli: Any, filled: Path) -> None:
    result = cli("runs", "list", "-e", "Default").works()
    assert (result.out, result.err) == ("", "There are no such runs in Default.\n")


def test_the_same_over_a_server(cli: Any, served: str) -> None:
    for words in (["runs", "list", "--json"], ["runs", "show", "banana"], ["experiments", "list", "--json"]):
        assert cli("--uri", served, *words).works().out == cli(*words).works().out
    cli("--uri", served, "runs", "show", "nothing").fails(1, "no run 'nothing'", served)
    cli("--uri", served, "runs", "search", "--filter", "x y").fails(1, "character")
