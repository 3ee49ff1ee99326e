import re
from pathlib import Path
from typing import Any

import pytest

from tidemill.tracking import resolve
from tidemill.tracking.client import Client


@pytest.mark.parametrize("width", [60, 80, 120])
def test_everything_about_a_run(cli: Any, filled: Path, width: int) -> None:
    from rich.cells import cell_len

    run_id = cli("runs", "search", "--filter", "params.lr = '0.1'", "--json").works().json[0]["run_id"]
    result = cli("runs", "show", run_id[:8], COLUMNS=str(width)).works()
    assert all(cell_len(line) <= width for line in result.lines)
    text = " ".join(result.out.split())
    for part in (
        "Run apple",
        f"Id {run_id}",
        "Experiment fruit (1)",
        "Status FINISHED",
        "Took 5.0 s",
        "User ada",
        "Params (3)",
        "depth 3 lr 0.1 model tree",
        "Metrics (2)",
        "KEY LAST MIN MAX STEP HISTORY",
        "Tags (1)",
        "kind test",
        "Inputs (1)",
        "trees abc123 training trees.csv",
        "notes/ a.txt 5 B top.txt 2 kB",
    ):
        assert part in text, text
    assert "mlflow.user" not in text
    if width > 60:
        assert re.search(r"loss 0.250 0.250 2.150 19 █[█▇▆▅▄▃▂▁]{18}▁ ", text)


def test_all_shows_the_tags_of_clients(cli: Any, filled: Path) -> None:
    assert "mlflow.user" in cli("runs", "show", "banana", "--all").works().out


def test_json(cli: Any, filled: Path) -> None:
    run_id = cli("runs", "search", "--filter", "params.lr = '0.1'", "--json").works().json[0]["run_id"]
    run = cli("runs", "show", run_id, "--json").works().json
    assert run["run_name"] == "apple"
    assert [one["path"] for one in run["files"]] == ["notes", "notes/a.txt", "top.txt"]
    assert run["inputs"]["dataset_inputs"][0]["dataset"]["digest"] == "abc123"


def test_nan_and_deleted(cli: Any, filled: Path) -> None:
    cli("runs", "delete", "cherry").works()
    text = " ".join(cli("runs", "show", "cherry").works().out.split())
    assert "Status FAILED Stage deleted" in text
    assert "loss NaN – – 19 " + "·" * 20 in text


def test_a_hostile_name_does_not_reach_the_terminal(cli: Any, filled: Path) -> None:
    result = cli("runs", "list", "-e", "vegetables").works()
    run_id = result.lines[1].split()[0]
    shown = cli("runs", "show", run_id).works()
    assert "\x1b" not in shown.out + result.out
    assert "évil�[31m name 日本語" in shown.out


def test_long_lists_are_cut_and_say_so(cli: Any, tmp_path: Path) -> None:
    client = Client(tmp_path / ".tidemill")
    run_id = client.create_run("0", run_name="big").info.run_id
    for start in range(0, 3000, 1000):
        client.log_metrics(run_id, {f"m{number:04}": float(number) for number in range(start, start + 40)})
    for step in range(3000):
        client.log_metric(run_id, "long", float(step), step=step)
    files = client.files_of(run_id)
    for number in range(60):
        files.write(f"files/{number:02}.txt", b"x")
    resolve.close_all()
    result = cli("runs", "show", "big").works()
    assert "21 more metrics" in result.err
    assert "There are more files" in result.err
    everything = cli("runs", "show", "big", "--all").works()
    assert everything.err == ""
    assert "59.txt" in everything.out
    long_line = next(line for line in everything.lines if line.split()[:1] == ["long"])
    assert long_line.split()[1:5] == ["2999", "~0", "~2999", "2999"]
