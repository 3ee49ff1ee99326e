"""The input example of a model: written beside it as MLflow does, read back as the data it was.

`input_example.json` holds the data (`{"inputs": …, "params": …}` where params were given too) and
`serving_input_example.json` the same as a request to a scoring server.
"""

import base64
import datetime
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.models.format import ModelFile, inside
from tidemill.models.infer import is_array, is_missing, is_sparse
from tidemill.models.schema import DataType, Schema, TensorSpec

EXAMPLE, SERVING = "input_example.json", "serving_input_example.json"
"""The names of the two files."""

_ROWS = 10_000  # an example is looked at by people


def split_params(example: Any) -> tuple[Any, dict[str, Any] | None]:
    """(data, params) of an example, which is the data or a tuple of both."""
    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], dict):
        return example
    return example, None


def write_example(folder: Path, example: Any) -> dict[str, Any]:
    """Write both files; what MLmodel says about them. Raises InvalidParameter for data that has no JSON."""
    data, params = split_params(example)
    kind, content, request, more = _encoded(data)
    info = {"artifact_path": EXAMPLE, "serving_input_path": SERVING, "type": kind, **more}
    if params is not None:
        info["params"] = "true"
        content, request = {"inputs": content, "params": params}, {**request, "params": params}
    try:
        text, asked = json.dumps(content, default=_plain), json.dumps(request, indent=2, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidParameter(f"The input example cannot be written as JSON: {error}.") from None
    (folder / EXAMPLE).write_text(text, encoding="utf-8")
    (folder / SERVING).write_text(asked, encoding="utf-8")
    return info


def _encoded(data: Any) -> tuple[str, Any, dict[str, Any], dict[str, Any]]:
    """(type, content of the file, request, further fields of MLmodel)."""
    family, kind = type(data).__module__.partition(".")[0], type(data).__name__
    if family == "polars" and kind == "DataFrame":
        split = {"columns": data.columns, "data": [list(row) for row in data.rows()]}
        return "dataframe", split, {"dataframe_split": split}, {"pandas_orient": "split"}
    if family == "pandas" and kind in ("DataFrame", "Series"):
        return _encoded_frame(data.to_frame() if kind == "Series" else data)
    if is_array(data):
        return "ndarray", data.tolist(), {"inputs": data.tolist()}, {"format": "tf-serving"}
    if isinstance(data, dict) and data and all(map(is_array, data.values())):
        lists = {name: one.tolist() for name, one in data.items()}
        return "ndarray", lists, {"inputs": lists}, {"format": "tf-serving"}
    if is_sparse(data):
        parts = {name: getattr(data, name).tolist() for name in ("data", "indices", "indptr")}
        content = {**parts, "shape": list(data.shape)}
        return f"sparse_matrix_{data.format}", content, {"inputs": data.toarray().tolist()}, {}
    return "json_object", data, {"inputs": data}, {}


def _encoded_frame(frame: Any) -> tuple[str, Any, dict[str, Any], dict[str, Any]]:
    rows = [
        [None if is_missing(value) else value for value in row] for row in frame.head(_ROWS).itertuples(False, None)
    ]
    named = type(frame.columns).__name__ != "RangeIndex"
    split = {"columns": list(frame.columns), "data": rows} if named else {"data": rows}
    return "dataframe", split, {"dataframe_split": split}, {"pandas_orient": "split"}


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    if hasattr(value, "tolist"):  # NumPy's values and arrays
        return value.tolist()
    if hasattr(value, "model_dump"):  # pydantic's models
        return value.model_dump()
    if isinstance(value, float) and math.isnan(value):
        return None
    raise TypeError(f"a value of the type {type(value).__name__} has no JSON")


def read_example(folder: "str | Path", model: ModelFile) -> Any:
    """The example as it was given (without its params), or None where the model has none."""
    found = _content(folder, model)
    if found is None:
        return None
    content, kind = found[0], (model.saved_input_example_info or {}).get("type")
    schema = None if model.signature is None else model.signature.inputs
    try:
        return _decoded(content, kind, schema)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidParameter(f"The model's input example is damaged: {error!r}.") from None


def _decoded(content: Any, kind: Any, schema: Schema | None) -> Any:
    if kind == "dataframe":
        return _frame(content, schema)
    if kind == "ndarray":
        return _arrays(content, schema)
    if kind in ("sparse_matrix_csr", "sparse_matrix_csc"):
        from scipy import sparse

        make = sparse.csr_matrix if kind.endswith("csr") else sparse.csc_matrix
        return make((content["data"], content["indices"], content["indptr"]), shape=tuple(content["shape"]))
    return content


def read_example_params(folder: "str | Path", model: ModelFile) -> dict[str, Any] | None:
    """The params of the example, or None."""
    found = _content(folder, model)
    return None if found is None else found[1]


def _content(folder: "str | Path", model: ModelFile) -> tuple[Any, dict[str, Any] | None] | None:
    info = model.saved_input_example_info
    if not info:
        return None
    try:
        content = json.loads(inside(folder, info.get("artifact_path", EXAMPLE), "input example").read_bytes())
    except (ValueError, OSError) as error:
        raise InvalidParameter(f"The model's input example cannot be read: {error}.") from None
    if info.get("params"):
        if not isinstance(content, dict) or not {"inputs", "params"} <= content.keys():
            raise InvalidParameter("The model's input example is damaged: it must hold 'inputs' and 'params'.")
        return content["inputs"], content["params"]
    return content, None


def _frame(split: Mapping[str, Any], schema: Schema | None) -> Any:
    import pandas

    frame = pandas.DataFrame(split["data"], columns=split.get("columns"), index=split.get("index"))
    for spec in schema or ():
        if isinstance(spec, TensorSpec) or spec.name not in frame.columns:
            continue
        if spec.type is DataType.datetime:
            frame[spec.name] = pandas.to_datetime(frame[spec.name])
        elif spec.type is DataType.binary:
            frame[spec.name] = [None if one is None else base64.b64decode(one) for one in frame[spec.name]]
        elif spec.type in _DTYPES and not frame[spec.name].isna().any():
            frame[spec.name] = frame[spec.name].astype(_DTYPES[spec.type])
    return frame


_DTYPES: dict[Any, str] = {
    DataType.boolean: "bool", DataType.integer: "int32", DataType.long: "int64",
    DataType.float: "float32", DataType.double: "float64",
}  # fmt: skip


def _arrays(content: Any, schema: Schema | None) -> Any:
    import numpy

    kinds = {spec.name: spec.dtype for spec in schema or () if isinstance(spec, TensorSpec)}
    if isinstance(content, dict):
        return {name: numpy.asarray(values, dtype=kinds.get(name)) for name, values in content.items()}
    return numpy.asarray(content, dtype=kinds.get(None))
