import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tidemill.cli.export_formats import POINTS, write_records


def test_csv_on_standard_output(cli: Any, filled: Path) -> None:
    rows = list(csv.DictReader(cli("runs", "export", "-e", "fruit").works().out.splitlines()))
    assert [row["run_name"] for row in rows] == ["cherry", "banana", "apple"]
    apple = rows[2]
    assert apple["params.lr"] == "0.1"
    assert float(apple["metrics.loss"]) == 0.25
    assert apple["start_time"] == "2023-11-14T22:13:20.000Z"
    assert rows[0]["metrics.accuracy"] == rows[0]["params.model"] == ""
    assert rows[0]["metrics.loss"] == "nan"


def test_hostile_texts_survive_csv(cli: Any, filled: Path, tmp_path: Path) -> None:
    assert cli("runs", "export", "-o", "runs.csv").works().out == ""
    with open(tmp_path / "runs.csv", newline="", encoding="utf-8") as file:
        first = next(csv.DictReader(file))
    assert first["run_name"] == "évil\x1b[31m\nname 日本語 " + "x" * 60
    assert first["params.note"] == "a\tb" * 30


@pytest.mark.parametrize("ending", ["json", "jsonl", "ndjson"])
def test_json(cli: Any, filled: Path, tmp_path: Path, ending: str) -> None:
    done = cli("runs", "export", "-e", "fruit", "-o", f"runs.{ending}").works()
    assert done.err == f"Wrote 3 runs to runs.{ending}.\n"
    text = (tmp_path / f"runs.{ending}").read_text()
    found = json.loads(text) if ending == "json" else [json.loads(line) for line in text.splitlines()]
    assert found == cli("runs", "list", "-e", "fruit", "--json").works().json


def test_parquet(cli: Any, filled: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    cli("runs", "export", "-e", "fruit", "-o", "runs.parquet").works()
    table = parquet.read_table(tmp_path / "runs.parquet")
    assert table.num_rows == 3
    assert table.column("metrics.loss").to_pylist()[1:] == [0.5, 0.25]
    assert table.column("params.model").to_pylist() == [None, "linear", "tree"]
    assert table.column("start_time").to_pylist()[2].isoformat() == "2023-11-14T22:13:20+00:00"
    cli("runs", "export", "--metrics-history", "-o", "points.parquet").works()
    points = parquet.read_table(tmp_path / "points.parquet")
    assert points.num_rows == 6 * 20
    assert str(points.schema.field("value").type) == "double"


def test_parquet_is_written_in_groups(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    point = dict.fromkeys(POINTS.plain, "x")
    points = ({**point, "step": step, "timestamp": step, "value": 0.5} for step in range(2500))
    with open(tmp_path / "points.parquet", "wb") as file:
        assert write_records("parquet", POINTS, points, file) == 2500
    read = parquet.ParquetFile(tmp_path / "points.parquet")
    assert (read.metadata.num_rows, read.num_row_groups) == (2500, 3)
    assert read.read().column("step").to_pylist() == list(range(2500))


def test_parquet_without_pyarrow_names_the_extra(new_process: Any, filled: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "pyarrow"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('hidden')")
    path = os.pathsep.join(filter(None, (str(tmp_path / "hidden"), os.environ.get("PYTHONPATH"))))
    new_process("runs", "export", "-o", "runs.parquet", PYTHONPATH=path).fails(1, "pip install 'tidemill[parquet]'")
    assert not list(tmp_path.glob("*runs.parquet*"))


def test_every_point(cli: Any, filled: Path) -> None:
    rows = list(csv.DictReader(cli("runs", "export", "-e", "fruit", "--metrics-history").works().out.splitlines()))
    assert len(rows) == 100
    loss = [row for row in rows if (row["run_name"], row["key"]) == ("apple", "loss")]
    assert [int(row["step"]) for row in loss] == list(range(20))
    assert [round(float(row["value"]), 6) for row in loss] == [round(0.25 + (19 - step) / 10, 6) for step in range(20)]
    assert loss[1]["timestamp"] == "2023-11-14T22:13:20.001Z"


def test_filter_order_limit(cli: Any, filled: Path) -> None:
    words = ["--filter", "metrics.loss < 0.6", "--order-by", "metrics.loss", "--limit", "2", "--format", "jsonl"]
    found = [json.loads(line) for line in cli("runs", "export", *words).works().lines]
    assert [one["metrics"]["loss"] for one in found] == [1e-7, 0.25]


@pytest.mark.parametrize("format_", ["csv", "json", "jsonl"])
def test_nothing_to_export(cli: Any, filled: Path, format_: str) -> None:
    result = cli("runs", "export", "-e", "Default", "--format", format_).works()
    assert result.out.startswith({"csv": "run_id,", "json": "[", "jsonl": ""}[format_])


def test_many_pages(cli: Any, tmp_path: Path) -> None:
    from tidemill.tracking import resolve
    from tidemill.tracking.client import Client

    client = Client(tmp_path / ".tidemill")
    for number in range(1100):
        client.create_run("0", start_time=number, run_name=f"r{number}")
    resolve.close_all()
    rows = list(csv.DictReader(cli("runs", "export").works().out.splitlines()))
    assert {row["run_name"] for row in rows} == {f"r{number}" for number in range(1100)}


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["-o", "runs.foo"], 2, "--format"),
        (["-o", "nowhere/runs.csv"], 1, "no folder 'nowhere'"),
        (["--filter", "a b"], 1, "character"),
        (["--format", "xml"], 2, "xml"),
        (["-e", "nuts", "-o", "runs.csv"], 1, "nuts"),
        (["--order-by", "x y z", "-o", "runs.csv"], 1, "x y z"),
        (["-o", "."], 2, "."),
    ],
)
def test_what_cannot_be_exported_leaves_no_file(
    cli: Any, filled: Path, tmp_path: Path, words: list[str], code: int, part: str
) -> None:
    (tmp_path / "runs.csv").write_text("old")
    cli("runs", "export", *words).fails(code, part)
    assert {one.name for one in tmp_path.iterdir()} == {".tidemill", "runs.csv"}
    assert (tmp_path / "runs.csv").read_text() == "old"
