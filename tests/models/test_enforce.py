"""What a model is called with fits its signature, is converted without loss, or is refused with the column's name."""

import datetime
import decimal
import time
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from tidemill.errors import InvalidParameter
from tidemill.models.enforce import Enforcer
from tidemill.models.schema import (
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)
from tidemill.models.signature import Signature, infer_signature


def enforcer(*columns: ColSpec | TensorSpec) -> Enforcer:
    return Enforcer(Signature(Schema(columns)))


def column(values: Any, kind: Any, dtype: Any = None) -> pd.Series:
    """What becomes of one column."""
    found = enforcer(ColSpec(kind, "c")).data(pd.DataFrame({"c": pd.Series(values, dtype=dtype)}))
    return found["c"]


@pytest.mark.parametrize(
    "values,dtype,kind,becomes",
    [
        ([1, 2], "int32", "long", "int64"),
        ([1, 2], "uint8", "integer", "int32"),
        ([1, 2], "uint32", "long", "int64"),
        ([1, 2], "int32", "double", "float64"),
        ([1, 2], "int64", "double", "float64"),
        ([0, 1], "int64", "float", "float32"),
        ([1.5], "float32", "double", "float64"),
        ([1, 2], "Int64", "long", "int64"),
        ([1, 2], "Int32", "long", "int64"),
        ([1, None], "Float64", "double", "float64"),
        ([True, False], "boolean", "boolean", "bool"),
        ([1, 2], "object", "long", "int64"),
        (["a", None], "object", "string", "object"),
        ([b"a"], "object", "binary", "object"),
        ([True, None], "object", "boolean", "object"),
        ([decimal.Decimal("1.5")], "object", "double", "float64"),
        (["2020-01-01"], "object", "datetime", "datetime64[ns]"),
        ([datetime.date(2020, 1, 1)], "object", "datetime", "datetime64[ns]"),
        (["2020-01-01"], "datetime64[s]", "datetime", "datetime64[ns]"),
    ],
)
def test_what_loses_nothing_is_converted(values: Any, dtype: str, kind: str, becomes: str) -> None:
    assert column(values, kind, dtype).dtype == becomes


@pytest.mark.parametrize(
    "values,dtype,kind",
    [
        ([1.0], "float64", "long"),
        ([1.0], "float64", "float"),
        ([1], "int64", "integer"),
        ([2**53 + 2], "int64", "double"),
        ([-(2**53) - 2], "int64", "double"),
        ([2**24 + 2], "int64", "float"),
        ([1], "uint64", "long"),
        ([1], "int64", "string"),
        ([1], "int64", "boolean"),
        ([True], "bool", "double"),
        (["x"], "object", "double"),
        (["x"], "str", "long"),
        ([1, None], "Int64", "long"),
        (["x"], "object", "datetime"),
        ([pd.Timestamp("2020-01-01", tz="UTC")], None, "datetime"),
    ],
)
def test_what_would_change_values_is_refused(values: Any, dtype: str | None, kind: str) -> None:
    with pytest.raises(InvalidParameter, match="column c"):
        column(values, kind, dtype)


def test_missing_values_among_whole_numbers_are_explained() -> None:
    with pytest.raises(InvalidParameter, match="Missing values made whole numbers into floats"):
        column([1.0, None], "long")


def test_columns_are_found_by_name_and_extra_ones_left_out() -> None:
    check = enforcer(ColSpec("double", "a"), ColSpec("string", "b", required=False), ColSpec("long", "c"))
    frame = pd.DataFrame({"z": [0], "c": [3], "a": [1]}, index=[7])
    found = check.data(frame)
    assert found.columns.tolist() == ["a", "c"]
    assert found.dtypes.tolist() == ["float64", "int64"]
    assert found.index.tolist() == [7]
    with pytest.raises(
        InvalidParameter, match=r"Model is missing inputs \['c'\]. Note that there were extra inputs: \['d'\]"
    ):
        check.data(pd.DataFrame({"a": [1.0], "d": [1]}))


def test_columns_of_many_types_keep_their_order_and_values() -> None:
    check = enforcer(
        ColSpec("string", "s"), ColSpec("double", "d"), ColSpec("long", "l"),
        ColSpec(Array(DataType.double), "v"), ColSpec("float", "f"), ColSpec("datetime", "t"),
    )  # fmt: skip
    frame = pd.DataFrame(
        {
            "s": ["x", "y"],
            "d": [1, 2],
            "l": np.array([3, 4], "int32"),
            "v": [[1], [2.5]],
            "f": [5, 6],
            "t": ["2020-01-01"] * 2,
        }
    )
    found = check.data(frame)
    assert found.columns.tolist() == list("sdlvft")
    assert found["d"].tolist() == [1.0, 2.0]
    assert found["v"].tolist() == [[1.0], [2.5]]
    assert found["f"].dtype == "float32"
    assert str(found["t"][0]) == "2020-01-01 00:00:00"
    assert frame["d"].dtype == "int64"  # the caller's frame stays as it was


def test_a_frame_that_was_accepted_does_not_excuse_another() -> None:
    check = enforcer(ColSpec("double", "a"), ColSpec("double", "b"))
    good = pd.DataFrame({"a": [1.0], "b": [2.0]})
    assert check.data(good) is good
    assert check.data(good[["b", "a"]]).columns.tolist() == ["a", "b"]
    with pytest.raises(InvalidParameter, match="missing"):
        check.data(pd.DataFrame({"a": [1.0], "x": [2.0]}))
    with pytest.raises(InvalidParameter, match="column b"):
        check.data(pd.DataFrame({"a": [1.0], "b": ["2"]}))


def test_nested_values_are_checked_each() -> None:
    kind = Object([Property("k", DataType.long), Property("j", DataType.string, required=False)])
    check = enforcer(ColSpec(kind, "o"), ColSpec(Map(DataType.double), "m"))
    found = check.data({"o": {"k": 1}, "m": {"x": 2}})
    assert found.to_dict("records") == [{"o": {"k": 1}, "m": {"x": 2.0}}]
    with pytest.raises(InvalidParameter, match=r"Column 'o' is missing \['k'\]"):
        check.data({"o": {"j": "x"}, "m": {}})
    with pytest.raises(InvalidParameter, match=r"Column 'o' has \['q'\]"):
        check.data({"o": {"k": 1, "q": 1}, "m": {}})
    with pytest.raises(InvalidParameter, match=r"Column 'o'\.k must be of the type long"):
        check.data({"o": {"k": "1"}, "m": {}})


def test_other_data_becomes_a_frame() -> None:
    check = enforcer(ColSpec("double", "a"), ColSpec("string", "b"))
    wanted = [{"a": 1.0, "b": "x"}]
    assert check.data({"a": 1, "b": "x"}).to_dict("records") == wanted
    assert check.data([{"a": 1, "b": "x"}]).to_dict("records") == wanted
    assert check.data({"a": np.array([1]), "b": np.array(["x"])}).to_dict("records") == wanted
    assert check.data(pl.DataFrame({"a": [1], "b": ["x"]})).to_dict("records") == wanted
    assert enforcer(ColSpec("string")).data("x").values.tolist() == [["x"]]
    assert enforcer(ColSpec("string")).data(["x", "y"]).values.tolist() == [["x"], ["y"]]
    with pytest.raises(InvalidParameter, match="takes 1 columns; the input has 0"):
        enforcer(ColSpec("string")).data(pd.DataFrame())


def test_tensors_must_match() -> None:
    check = enforcer(TensorSpec("float32", (-1, 2)))
    good = np.ones((3, 2), "float32")
    assert check.data(good) is good
    assert check.data(pd.DataFrame(good)).shape == (3, 2)
    assert check.data(sparse.csr_matrix(good)).shape == (3, 2)
    with pytest.raises(InvalidParameter, match=r"shape \(3, 3\); the model takes \(-1, 2\)"):
        check.data(np.ones((3, 3), "float32"))
    with pytest.raises(InvalidParameter, match="dtype float64; the model takes float32"):
        check.data(np.ones((3, 2)))
    named = enforcer(TensorSpec("int64", (-1,), "x"), TensorSpec("float64", (-1, 2), "y"))
    found = named.data(pd.DataFrame({"x": [1, 2], "y": [[1, 2], [3, 4]]}))
    assert (found["x"].tolist(), found["y"].tolist()) == ([1, 2], [[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(InvalidParameter, match=r"missing inputs \['y'\]"):
        named.data({"x": np.array([1])})
    with pytest.raises(InvalidParameter, match="must be a NumPy array"):
        named.data({"x": [1], "y": [2]})


def test_params_have_defaults_and_types() -> None:
    params = ParamSchema(
        [
            ParamSpec("t", DataType.double, 0.5),
            ParamSpec("n", DataType.long, 3),
            ParamSpec("stop", DataType.string, ["a"], (-1,)),
        ]
    )
    check = Enforcer(Signature(params=params))
    assert check.params(None) == {"t": 0.5, "n": 3, "stop": ["a"]}
    assert check.params({"t": 1, "unknown": 2, "stop": np.array(["x"])}) == {"t": 1.0, "n": 3, "stop": ["x"]}
    with pytest.raises(InvalidParameter, match="Param 'n' must be of the type long"):
        check.params({"n": 1.5})
    with pytest.raises(InvalidParameter, match="Param 'stop' must be a list"):
        check.params({"stop": "x"})


def test_the_cost_of_a_wide_frame_is_small() -> None:
    names = [f"c{at}" for at in range(1000)]
    frames = [pd.DataFrame(np.random.rand(1, 1000), columns=names) for _ in range(30)]
    check = Enforcer(infer_signature(frames[0]))
    costs = []
    for frame in frames:
        start = time.perf_counter()
        check.data(frame)
        costs.append(time.perf_counter() - start)
    assert sorted(costs)[15] < 0.001
