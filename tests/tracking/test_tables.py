import importlib.util
import json
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tidemill.entities import Run, RunData, RunInfo, RunStatus
from tidemill.errors import InvalidParameter
from tidemill.tracking import tables
from tidemill.tracking.tables import Table, search_result


@pytest.mark.parametrize(
    "data",
    [
        {"a": [1, 2], "b": ["x", None]},
        pd.DataFrame({"a": [1, 2], "b": ["x", None]}, dtype=object),
        pl.DataFrame({"a": [1, 2], "b": ["x", None]}),
        {"a": np.array([1, 2]), "b": ("x", None)},
    ],
)
def test_whatever_holds_columns_is_a_table(data: Any) -> None:
    table = Table.of(data)
    assert table.size == 2
    assert json.loads(table.encode("t.json")) == {"columns": ["a", "b"], "data": [[1, "x"], [2, None]]}


def test_json_holds_what_json_can_hold() -> None:
    table = Table.of(
        {"a": [float("nan"), pd.NaT, np.float32(0.5)], "b": [np.array([1, 2]), datetime(2026, 1, 2), {"c": 1}]}
    )
    assert json.loads(table.encode("t.json"))["data"] == [
        [None, [1, 2]],
        [None, "2026-01-02T00:00:00"],
        [0.5, {"c": 1}],
    ]


def test_tables_grow() -> None:
    both = Table.of({"a": 1}).append(Table.of({"b": [2, 3]}))
    assert both.columns == {"a": [1, None, None], "b": [None, 2, 3]}
    assert Table.decode("t.json", both.encode("t.json")).columns == both.columns
    assert Table.decode("t.json", Table({}).encode("t.json")).size == 0


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="same length"):
        Table.of({"a": [1], "b": [1, 2]})
    with pytest.raises(InvalidParameter, match="dict of columns or a data frame"):
        Table.of([1, 2])
    for text in (b"", b"[]", b'{"columns": ["a"], "data": [[]]}', b'{"columns": 1}'):
        with pytest.raises(InvalidParameter, match="is not a table"):
            Table.decode("t.json", text)


def _run(number: int, **data: Any) -> Run:
    info = RunInfo(
        run_id=str(number),
        run_uuid=str(number),
        run_name="",
        experiment_id="0",
        user_id="",
        status=RunStatus.RUNNING,
        start_time=1000,
        artifact_uri="",
        lifecycle_stage="active",
    )
    return Run(info, RunData(**data))


def test_missing_values_are_nan_or_none_and_times_may_be_missing() -> None:
    runs = [_run(1, metrics={"m": 1.0}), _run(2, params={"p": "x"})]
    frame = search_result(runs, "pandas")
    assert frame["metrics.m"].isna().tolist() == [False, True]
    assert frame["metrics.m"].dtype == float
    assert frame["end_time"].isna().all()
    other = search_result(runs, "polars")
    assert other["params.p"].to_list() == [None, "x"]
    assert other["metrics.m"].to_list() == [1.0, None]
    assert other["end_time"].null_count() == 2
    assert search_result(runs, "records")[0]["end_time"] is None
    assert "params.p" not in search_result(runs, "records")[0]


@pytest.mark.parametrize("output_format", ["pandas", "polars"])
def test_no_runs_are_an_empty_frame_with_columns(output_format: str) -> None:
    assert list(search_result([], output_format).columns) == list(tables.INFO)


@pytest.mark.parametrize(
    "installed, kind", [({"pandas", "polars"}, pd.DataFrame), ({"polars"}, pl.DataFrame), (set(), list)]
)
def test_the_default_format_is_what_is_installed(
    installed: set[str], kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> object:
        return importlib.util.find_spec(name) if name in installed else None

    monkeypatch.setattr(tables, "find_spec", find)
    assert isinstance(search_result([_run(1)], None), kind)
    assert isinstance(Table.of({"a": [1]}).frame(), kind)
