"""Whole tables as request and answer: Arrow IPC streams, Parquet, CSV. Columns go to the model as they lie in the file.

Only data is read: Arrow's extension types and pickled objects are not.
"""

import io
from typing import Any

from tidemill.errors import BadRequest, InvalidParameter, MissingDependency, PayloadTooLarge
from tidemill.serving.arrays import lengths
from tidemill.serving.forms import FrameColumns, Payload
from tidemill.serving.invocations import Invocations
from tidemill.serving.results import Result
from tidemill.serving.rows import check_names
from tidemill.serving.schema import Column

ARROW = b"application/vnd.apache.arrow.stream"
PARQUET = b"application/vnd.apache.parquet"
CSV = b"text/csv"
MOST_BYTES = 1 << 30
"""How much a table may take when it is unpacked."""
KINDS = (b"application/json", ARROW, PARQUET, CSV)
_SAFE = {"f": "iufb", "i": "iub", "b": "b"}
"""Kinds of arrays that a column of floats, whole numbers or truth values takes."""


def read_table(reader: Invocations, kind: bytes, body: bytes) -> Payload:
    """The payload of a table. Raises BadRequest where the body is none, InvalidParameter where it does not fit."""
    if kind == CSV:
        columns = _csv(body, reader)
    elif kind == ARROW:
        columns = _arrow(body)
    elif kind == PARQUET:
        columns = _parquet(body)
    else:
        known = ", ".join(one.decode() for one in KINDS)
        raise UnsupportedType(
            f"This predictor only supports the content types {known}. Got '{kind.decode('latin-1')}'."
        )
    return columns_payload(reader, columns)


class UnsupportedType(BadRequest):
    """A content type that is not read here."""

    status = 415


def columns_payload(reader: Invocations, columns: dict[str, Any]) -> Payload:
    """Arrays by column as a payload, in the schema's order and types."""
    schema = reader.schema
    if schema is None or not schema.columns:
        form = FrameColumns(tuple(columns))
        return Payload(form, lengths(columns) if columns else 0, columns)
    places = check_names(schema, list(columns))
    given = list(columns.values())
    rows = lengths(columns)
    fitted = {
        one.name: _gap(rows) if place < 0 else fit_column(one, given[place])
        for one, place in zip(schema.columns, places, strict=True)
    }
    return Payload(reader.columns, rows, fitted)


def fit_column(column: Column, array: Any) -> Any:
    """An array as the type of its column, where nothing is lost. Raises InvalidParameter."""
    wanted = column.dtype
    if wanted == "object":
        return array if array.dtype == object else array.astype(object)
    if str(array.dtype) == wanted:
        return array
    kind = array.dtype.kind
    if wanted.startswith("datetime"):
        if kind == "M":
            return array.astype(wanted)
    elif kind in _SAFE.get(wanted[0], ""):
        found = array.astype(wanted)
        if kind != "i" or wanted[0] != "i" or (found == array).all():
            return found
    raise InvalidParameter(
        f"Incompatible input types for column {column.name}. Can not safely convert {array.dtype} to {wanted}."
    )


def _gap(rows: int) -> Any:
    import numpy as np

    return np.full(rows, None, dtype=object)


def _csv(body: bytes, reader: Invocations) -> dict[str, Any]:
    import numpy as np

    csv, arrow = _module("pyarrow.csv"), _module("pyarrow")
    wanted = {one.name: one.kind for one in reader.schema.columns} if reader.schema is not None else {}
    types = {
        "double": arrow.float64(), "float": arrow.float32(), "long": arrow.int64(), "integer": arrow.int32(),
        "string": arrow.string(), "boolean": arrow.bool_(),
    }  # fmt: skip
    chosen = {name: types[kind] for name, kind in wanted.items() if kind in types}
    options = csv.ConvertOptions(column_types=chosen, strings_can_be_null=True)
    try:
        table = csv.read_csv(io.BytesIO(body), convert_options=options)
    except arrow.ArrowException as error:
        raise BadRequest(
            "Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid CSV-formatted Pandas DataFrame "
            f"produced using the `pandas.DataFrame.to_csv()` method. Error: '{error}'"
        ) from None
    found = _columns_of(table)
    return {name: array.astype(np.float64) if array.dtype == np.float16 else array for name, array in found.items()}


def _arrow(body: bytes) -> dict[str, Any]:
    arrow = _module("pyarrow")
    try:
        with _module("pyarrow.ipc").open_stream(arrow.py_buffer(body)) as stream:
            batches, size = [], 0
            for batch in stream:
                size += batch.nbytes
                _check_size(size)
                batches.append(batch)
            return _columns_of(arrow.Table.from_batches(batches, stream.schema))
    except (arrow.ArrowException, OSError) as error:
        raise BadRequest(f"The body is not an Arrow IPC stream: {error}.") from None


def _parquet(body: bytes) -> dict[str, Any]:
    arrow = _module("pyarrow")
    try:
        file = _module("pyarrow.parquet").ParquetFile(io.BytesIO(body))
        # A column of one value is a few bytes in the file, whatever its length.
        _check_size(file.metadata.num_rows * file.metadata.num_columns * 8)
        return _columns_of(file.read())
    except (arrow.ArrowException, OSError) as error:
        raise BadRequest(
            "Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid Parquet Pandas DataFrame "
            f"produced using the `pandas.DataFrame.to_parquet()` method. Error: '{error}'"
        ) from None


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise PayloadTooLarge(f"The table is larger than {MOST_BYTES >> 20} MiB when it is unpacked. Send it in parts.")


def _columns_of(table: Any) -> dict[str, Any]:
    names = table.column_names
    if len(set(names)) != len(names):
        raise InvalidParameter("The table has two columns of one name.")
    table = table.combine_chunks()
    return {name: table.column(place).to_numpy() for place, name in enumerate(names)}


def encode_arrow(result: Result) -> bytes:
    """An answer as an Arrow IPC stream: the columns of a frame, else one column `predictions`."""
    arrow = _module("pyarrow")
    if isinstance(result.value, dict):
        columns = {name: _arrow_array(arrow, one) for name, one in result.value.items()}
    else:
        columns = {"predictions": _arrow_array(arrow, result.value)}
    table = arrow.table(columns)
    sink = arrow.BufferOutputStream()
    with _module("pyarrow.ipc").new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _arrow_array(arrow: Any, value: Any) -> Any:
    if hasattr(value, "ndim") and value.ndim > 1:
        return arrow.array(value.tolist())
    return arrow.array(value if hasattr(value, "dtype") and value.ndim == 1 else _listed(value))


def _listed(value: Any) -> list[Any]:
    found = value.tolist() if hasattr(value, "tolist") else value
    return found if isinstance(found, list) else [found]


def _module(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingDependency("pyarrow", "parquet", "Reading and writing tables") from None
