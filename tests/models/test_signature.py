"""Signatures from examples and from declared types, in MLflow's JSON."""

import datetime
import json
from typing import Any, Optional

import numpy as np
import pandas as pd
import polars as pl
import pydantic
import pytest
from scipy import sparse

from tidemill.errors import InvalidParameter
from tidemill.models.hints import declared_input, signature_of
from tidemill.models.schema import AnyType, Array, ColSpec, DataType, Map, Schema, TensorSpec
from tidemill.models.signature import Signature, infer_signature

FRAME = pd.DataFrame(
    {
        "a": [1, 2],
        "b": ["x", "y"],
        "c": pd.to_datetime(["2020", "2021"]),
        "l": [[1.0, 2.0], [3.0]],
        "o": [{"k": 1}, {"k": 2, "j": "x"}],
    }
)
# Written by MLflow 3.17.2 for the same example.
INPUTS = (
    '[{"type": "long", "name": "a", "required": true}, {"type": "string", "name": "b", "required": true}, '
    '{"type": "datetime", "name": "c", "required": true}, {"type": "array", "items": {"type": "double"}, "name": "l", '
    '"required": true}, {"type": "object", "properties": {"j": {"type": "string", "required": false}, "k": {"type": '
    '"long", "required": true}}, "name": "o", "required": true}]'
)
PARAMS = (
    '[{"name": "t", "default": 1, "shape": null, "type": "long"}, '
    '{"name": "arr", "default": [1.0, 2.0], "shape": [-1], "type": "double"}]'
)


def test_the_text_is_mlflows() -> None:
    found = infer_signature(FRAME, FRAME["a"] * 2, {"t": 1, "arr": [1.0, 2.0]}).to_dict()
    assert found["inputs"] == INPUTS
    assert found["outputs"] == '[{"type": "long", "name": "a", "required": true}]'
    assert json.loads(found["params"]) == json.loads(PARAMS)


def test_what_was_written_is_read() -> None:
    fields = {"inputs": INPUTS, "outputs": None, "params": PARAMS}
    assert Signature.from_dict(fields).to_dict()["inputs"] == INPUTS
    assert Signature.from_dict(Signature.from_dict(fields).to_dict()) == Signature.from_dict(fields)


def kinds(data: Any) -> list[Any]:
    return [one["type"] for one in infer_signature(data).inputs.to_dict()]


@pytest.mark.parametrize(
    "values,kind",
    [
        (np.array([1], "int8"), "integer"), (np.array([1], "uint16"), "integer"), (np.array([1], "uint32"), "long"),
        (np.array([1.0], "float16"), "float"), (np.array([True]), "boolean"), ([b"x"], "binary"),
        (["x", None], "string"), ([None, None], "any"), (pd.Categorical(["x"]), "string"),
        (pd.array([1, None], "Int32"), "integer"), ([datetime.date(2020, 1, 1)], "datetime"),
    ],
)  # fmt: skip
def test_columns_of_pandas(values: Any, kind: str) -> None:
    assert kinds(pd.DataFrame({"c": values})) == [kind]


def test_a_column_with_gaps_is_optional() -> None:
    (spec,) = infer_signature(pd.DataFrame({"c": [1.0, None]})).inputs
    assert spec == ColSpec(DataType.double, "c", required=False)


def test_columns_of_polars() -> None:
    frame = pl.DataFrame(
        {
            "i": pl.Series([1], dtype=pl.Int32),
            "f": [1.5],
            "s": [None],
            "t": [datetime.datetime(2020, 1, 1)],
            "l": [[1, 2]],
            "o": [{"k": "x"}],
        }
    ).with_columns(pl.col("s").cast(pl.String))
    found = infer_signature(frame).inputs
    assert kinds(frame) == ["integer", "double", "string", "datetime", "array", "object"]
    assert [spec.required for spec in found] == [True, True, False, True, True, True]


def test_tensors_and_sparse_matrices() -> None:
    assert infer_signature(np.ones((4, 2, 3), "float32")).inputs == Schema([TensorSpec("float32", (-1, 2, 3))])
    assert infer_signature({"x": np.array(["ab"])}).inputs == Schema([TensorSpec("str", (-1,), "x")])
    assert infer_signature(sparse.csr_matrix(np.eye(3))).inputs == Schema([TensorSpec("float64", (-1, 3))])


def test_plain_data() -> None:
    assert infer_signature("x").inputs == Schema([ColSpec(DataType.string)])
    assert infer_signature(["x"]).inputs == Schema([ColSpec(DataType.string)])
    assert infer_signature([["x"], []]).inputs == Schema([ColSpec(Array(DataType.string))])
    found = infer_signature([{"a": 1}, {"a": 2, "b": None}]).inputs
    assert found == Schema([ColSpec(DataType.long, "a"), ColSpec(AnyType(), "b", required=False)])
    found = infer_signature({"q": "text", "n": [1.5]}).inputs
    assert found == Schema([ColSpec(DataType.string, "q"), ColSpec(Array(DataType.double), "n")])


def test_what_no_schema_describes_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="types long and string"):
        infer_signature([1, "x"])
    with pytest.raises(InvalidParameter, match="type complex"):
        infer_signature(1j)
    with pytest.raises(InvalidParameter, match="at least one of"):
        infer_signature()
    with pytest.raises(InvalidParameter, match="no default value"):
        infer_signature(params={"p": None})


class Ask(pydantic.BaseModel):
    text: str
    top: int = 3
    tags: list[str] | None = None


def test_declared_types() -> None:
    def ask(model_input: list[Ask], params: Any = None) -> list[dict[str, float]]: ...
    def plain(context: Any, model_input: list[Optional[int]]) -> str: ...  # noqa: UP045
    def untyped(model_input): ...  # type: ignore[no-untyped-def]

    found = signature_of(ask)
    assert found is not None
    assert found.from_type_hint
    assert found.inputs.to_dict() == [
        {
            "type": "object",
            "properties": {
                "tags": {"type": "array", "items": {"type": "string"}, "required": False},
                "text": {"type": "string", "required": True},
                "top": {"type": "long", "required": False},
            },
            "required": True,
        }
    ]
    assert found.outputs == Schema([ColSpec(Map(DataType.double))])
    assert signature_of(plain).outputs == Schema([ColSpec(DataType.string)])
    assert signature_of(untyped) is None


@pytest.mark.parametrize(
    "text",
    ["nonsense", "{}", "[1]", '[{"type": "nope"}]', '[{"type": "array"}]', '[{"type": "tensor"}]', "[]"],
)
def test_damaged_schemas_are_refused(text: str) -> None:
    with pytest.raises(InvalidParameter):
        Schema.from_json(text)


def test_a_model_gets_what_it_declares() -> None:
    def ask(model_input: list[Ask]) -> list[int]: ...
    def texts(model_input: list[str]) -> list[int]: ...
    def records(model_input: list[dict[str, float]]) -> list[int]: ...

    frame = pd.DataFrame({"top": [1], "text": ["x"]})
    assert declared_input(ask)(frame) == [Ask(text="x", top=1)]
    assert declared_input(ask)([{"text": "x"}]) == [Ask(text="x")]
    assert declared_input(texts)(frame) == ["x"]
    assert declared_input(texts)(["y"]) == ["y"]
    assert declared_input(records)(frame) == [{"top": 1, "text": "x"}]
    assert declared_input(records)(frame["top"]) == [1]
    assert declared_input(lambda model_input: None)(frame) is frame
    with pytest.raises(InvalidParameter, match="no column of the input holds any"):
        declared_input(texts)(frame[["top"]])
