from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tidemill.data import from_numpy, from_pandas, from_polars
from tidemill.errors import InvalidParameter


def frame(**change: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": [1.0, 2.0], "n": [1, 2], "s": ["a", None], "b": [True, False], **change})


def test_a_pandas_frame_is_described() -> None:
    dataset = from_pandas(frame(), "s3://bucket/x.csv", targets="n", name="train", predictions="x")
    assert (dataset.name, dataset.source_type, dataset.source) == ("train", "s3", {"uri": "s3://bucket/x.csv"})
    columns = {column["name"]: (column["type"], column["required"]) for column in dataset.schema["mlflow_colspec"]}
    assert columns == {"x": ("double", True), "n": ("long", True), "s": ("string", False), "b": ("boolean", True)}
    assert (dataset.schema["targets"], dataset.schema["predictions"]) == ("n", "x")
    assert dataset.profile == {"num_rows": 2, "num_elements": 8}
    assert dataset.to_dict()["profile"] == '{"num_rows": 2, "num_elements": 8}'
    with pytest.raises(InvalidParameter, match="no column 'y'"):
        from_pandas(frame(), targets="y")


@pytest.mark.parametrize(
    "change", [{"x": [1.0, 2.5]}, {"s": ["a", ""]}, {"more": [1, 1]}, {"n": np.array([1, 2], np.int32)}]
)
def test_digests_tell_contents_apart(change: dict[str, Any]) -> None:
    assert from_pandas(frame()).digest == from_pandas(frame()).digest
    assert from_pandas(frame()).digest != from_pandas(frame(**change)).digest
    assert len(from_pandas(frame()).digest) <= 36


def test_digests_of_polars_frames_tell_contents_apart() -> None:
    columns: dict[str, Any] = {"x": [1.0, 2.0], "s": ["a", None]}
    digest = from_polars(pl.DataFrame(columns)).digest
    assert from_polars(pl.DataFrame(columns)).digest == digest
    for other in ({"x": [1.0, 2.5]}, {"s": ["a", ""]}, {"more": [1, 1]}, {"x": [1, 2]}):
        assert from_polars(pl.DataFrame({**columns, **other})).digest != digest


def test_the_last_of_many_rows_counts() -> None:
    rows = np.arange(250_000, dtype=float)
    other = rows.copy()
    other[-1] = -1
    assert from_pandas(pd.DataFrame({"x": rows})).digest != from_pandas(pd.DataFrame({"x": other})).digest
    assert from_numpy(rows).digest != from_numpy(other).digest
    assert from_polars(pl.DataFrame({"x": rows})).digest != from_polars(pl.DataFrame({"x": other})).digest


def test_columns_of_lists_have_a_digest_too() -> None:
    assert from_pandas(pd.DataFrame({"x": [[1], [2]]})).digest != from_pandas(pd.DataFrame({"x": [[1], [3]]})).digest
    assert from_polars(pl.DataFrame({"x": [[1], [2]]})).digest != from_polars(pl.DataFrame({"x": [[1], [3]]})).digest


def test_a_polars_frame_is_described() -> None:
    dataset = from_polars(pl.DataFrame({"x": [1.0, None], "n": [1, 2], "d": [None, None]}), targets="n")
    kinds = {column["name"]: (column["type"], column["required"]) for column in dataset.schema["mlflow_colspec"]}
    assert kinds["x"] == ("double", False)
    assert kinds["n"] == ("long", True)
    assert dataset.profile == {"num_rows": 2, "num_elements": 6}


def test_arrays_are_described() -> None:
    dataset = from_numpy(np.zeros((4, 3), np.float32), targets={"y": np.zeros(4, int)}, source="https://h/x.npz")
    spec = dataset.schema["mlflow_tensorspec"]
    assert spec["features"][0]["tensor-spec"] == {"dtype": "float32", "shape": [-1, 3]}
    assert spec["targets"][0]["name"] == "y"
    assert dataset.profile["features_shape"] == {"": (4, 3)}
    assert dataset.source == {"url": "https://h/x.npz"}
    assert from_numpy(np.zeros((2, 6))).digest != from_numpy(np.zeros((3, 4))).digest
    assert from_numpy(np.array(["a", None])).digest != from_numpy(np.array(["b", None])).digest


def test_sources_and_digests_given_by_the_caller() -> None:
    dataset = from_pandas(frame(), digest="v1")
    assert (dataset.digest, dataset.name, dataset.source_type) == ("v1", "dataset", "code")
    assert from_pandas(frame(), source="data/x.csv").source_type == "local"
    with pytest.raises(InvalidParameter, match="1 to 36 characters"):
        from_pandas(frame(), digest="x" * 37)
    with pytest.raises(InvalidParameter, match="path or address"):
        from_pandas(frame(), source=5)  # type: ignore[arg-type]
