"""Files are scored batch by batch, in every format, in constant memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidemill import pyfunc
from tidemill.errors import InvalidParameter, NotFound
from tidemill.models.batch import count_rows, score_file
from tidemill.models.format import ModelFile
from tidemill.models.pyfunc import PyFuncModel
from tidemill.models.signature import infer_signature

FRAME = pd.DataFrame({"x": np.arange(25.0), "code": [f"{n:03}" for n in range(25)]})


def model(predict: Any = lambda data, params: data["x"] * 2, example: Any = FRAME) -> PyFuncModel:
    return PyFuncModel(Path(), ModelFile(signature=infer_signature(example)), None, predict)


def write(path: Path) -> Path:
    if path.suffix == ".parquet":
        FRAME.to_parquet(path)
    elif path.suffix == ".csv":
        FRAME.to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        FRAME.to_json(path, orient="records", lines=True)
    else:
        path.write_text(json.dumps({"dataframe_split": FRAME.to_dict("split", index=False)}))
    return path


def read(path: Path) -> pd.DataFrame:
    readers = {".parquet": pd.read_parquet, ".csv": pd.read_csv, ".jsonl": lambda p: pd.read_json(p, lines=True)}
    return readers[path.suffix](path)


@pytest.mark.parametrize("source", ["in.parquet", "in.csv", "in.jsonl", "in.json"])
@pytest.mark.parametrize("target", ["out.parquet", "out.csv", "out.jsonl"])
def test_every_format(tmp_path: Path, source: str, target: str) -> None:
    seen: list[int] = []

    def predict(data: pd.DataFrame, params: Any) -> pd.Series:
        assert data["code"].tolist()[0] in FRAME["code"].tolist()  # texts of digits stay texts
        return data["x"] * 2

    done = score_file(model(predict), write(tmp_path / source), tmp_path / target, rows=10, advance=seen.append)
    assert (done, seen) == (25, [10, 10, 5])
    assert read(tmp_path / target)["x"].tolist() == (FRAME["x"] * 2).tolist()
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    "answer,columns",
    [
        (lambda n: np.zeros(n), ["prediction"]),
        (lambda n: np.zeros((n, 2)), ["prediction_0", "prediction_1"]),
        (lambda n: np.zeros((n, 1)), ["prediction"]),
        (lambda n: [1] * n, ["prediction"]),
        (lambda n: pd.Series(np.zeros(n), index=range(5, 5 + n)), ["prediction"]),
        (lambda n: pd.DataFrame({"a": [1] * n, 3: [2] * n}), ["a", "3"]),
        (lambda n: {"a": [1] * n}, ["a"]),
        (lambda n: [{"a": 1}] * n, ["a"]),
    ],
)
def test_whatever_a_model_gives_becomes_columns(tmp_path: Path, answer: Any, columns: list[str]) -> None:
    scored = model(lambda data, params: answer(len(data)))
    score_file(scored, write(tmp_path / "in.parquet"), tmp_path / "out.parquet", rows=10)
    found = read(tmp_path / "out.parquet")
    assert (found.columns.tolist(), len(found)) == (columns, 25)


def test_the_input_can_be_kept_beside(tmp_path: Path) -> None:
    score_file(model(), write(tmp_path / "in.csv"), tmp_path / "out.parquet", with_input=True)
    assert read(tmp_path / "out.parquet").columns.tolist() == ["x", "code", "predicted_x"]


def test_what_goes_wrong_leaves_the_old_result(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(InvalidParameter, match="gave 1 predictions for 10 rows"):
        score_file(model(lambda data, params: [1]), write(tmp_path / "in.csv"), tmp_path / "out.csv", rows=10)
    (tmp_path / "bad.jsonl").write_text('{"x": 1, "code": "a"}\nnope\n')
    with pytest.raises(InvalidParameter, match=r"Line 2 of 'bad\.jsonl'"):
        score_file(model(), tmp_path / "bad.jsonl", tmp_path / "out.csv")
    with pytest.raises(InvalidParameter, match="must end in one of"):
        score_file(model(), write(tmp_path / "in.csv"), tmp_path / "out.xlsx")
    with pytest.raises(NotFound):
        score_file(model(), tmp_path / "no.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "old"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bad.jsonl", "in.csv", "out.csv"]


_MEMORY = """
import resource, sys
from pathlib import Path
from tidemill.models.batch import score_file
from tidemill.models.format import ModelFile
from tidemill.models.pyfunc import PyFuncModel
model = PyFuncModel(Path(), ModelFile(), None, lambda data, params: data["x"] * 2)
score_file(model, sys.argv[1], sys.argv[1] + ".out.parquet", rows=20_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.parquet"
        with pq.ParquetWriter(path, pa.schema([(name, pa.float64()) for name in "xyzuvw"])) as writer:
            for _ in range(rows // 100_000):
                table = {name: np.random.rand(100_000) for name in "xyzuvw"}
                writer.write_table(pa.table(table))
        assert count_rows(path) == rows
        done = subprocess.run([sys.executable, "-c", _MEMORY, str(path)], capture_output=True, text=True, check=True)
        return int(done.stdout)

    small, large = peak(100_000), peak(2_000_000)  # 4.8 MB and 96 MB of numbers
    assert large < small + 60_000  # KiB


def test_the_command_predicts_a_file(tmp_path: Path) -> None:
    def double(model_input: pd.DataFrame) -> Any:
        return model_input["x"] * 2

    pyfunc.save_model(tmp_path / "m", double, input_example=FRAME)
    command = [sys.executable, "-m", "tidemill.cli.main", "models", "predict", "-m", str(tmp_path / "m")]
    command += ["-i", str(write(tmp_path / "in.parquet")), "-o", str(tmp_path / "out.parquet")]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "tidemill models audit" in refused.stderr
    done = subprocess.run([*command, "--allow-pickle"], capture_output=True, text=True, check=True)
    assert "25 rows predicted" in done.stderr
    assert read(tmp_path / "out.parquet")["x"].sum() == FRAME["x"].sum() * 2
