"""From example data to a schema. Rules and results are MLflow's (3.17), so that either side reads the other's files."""

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.models.schema import (
    AnyType,
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
    Type,
)

_PLAIN = {bool: DataType.boolean, int: DataType.long, float: DataType.double, str: DataType.string}
_BYTES = (bytes, bytearray, memoryview)
_DATES = (datetime.datetime, datetime.date)


def schema_of(data: Any) -> Schema:
    """The schema that describes `data`. Raises InvalidParameter for data that no schema describes."""
    family = type(data).__module__.partition(".")[0]
    kind = type(data).__name__
    if family == "pandas" and kind == "DataFrame":
        return Schema([_pandas_column(data.iloc[:, at], name) for at, name in enumerate(data.columns)])
    if family == "pandas" and kind == "Series":
        return Schema([_pandas_column(data, data.name)])
    if family == "polars" and kind in ("DataFrame", "Series"):
        return Schema(
            [_polars_column(one, one.name) for one in (data.get_columns() if kind == "DataFrame" else [data])]
        )
    if is_array(data) or is_sparse(data):
        return Schema([_tensor(data)])
    if isinstance(data, Mapping):
        return _schema_of_dict(data)
    if isinstance(data, (list, tuple)):
        return _schema_of_list(data)
    return Schema([ColSpec(type_of_value(data))])


def is_array(data: Any) -> bool:
    """Whether this is a NumPy array (looked at without importing NumPy)."""
    return type(data).__module__ == "numpy" and type(data).__name__ == "ndarray"


def is_sparse(data: Any) -> bool:
    """Whether this is a matrix of SciPy's in CSR or CSC form."""
    return type(data).__module__.startswith("scipy.sparse") and getattr(data, "format", "") in ("csr", "csc")


def _tensor(data: Any, name: str | None = None) -> TensorSpec:
    if data.ndim == 0:
        raise InvalidParameter("A tensor in an example needs at least one dimension, that of the rows.")
    return TensorSpec((data.data if is_sparse(data) else data).dtype, (-1, *data.shape[1:]), name)


def _schema_of_dict(data: Mapping[Any, Any]) -> Schema:
    if not data or not all(isinstance(name, str) for name in data):
        raise InvalidParameter("A dict in an example needs keys, all of them texts.")
    if all(map(is_array, data.values())):
        return Schema([_tensor(one, name) for name, one in data.items()])
    return Schema([ColSpec(type_of_value(one), name, _is_complete(one)) for name, one in data.items()])


def _schema_of_list(data: Sequence[Any]) -> Schema:
    if not data:
        return Schema([ColSpec(DataType.string)])  # MLflow's answer, for want of a better one
    if not all(isinstance(one, dict) for one in data):
        return Schema([ColSpec(_type_of_items(data) or AnyType())])
    columns: dict[str, list[Any]] = {}
    for row in data:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return Schema(
        [
            ColSpec(_type_of_items(values) or AnyType(), name, all(row.get(name) is not None for row in data))
            for name, values in columns.items()
        ]
    )


def is_missing(value: Any) -> bool:
    """Whether this is None, NaN, or pandas' NA or NaT."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return type(value).__name__ in ("NAType", "NaTType")


def _is_complete(value: Any) -> bool:
    return not any(map(is_missing, value)) if isinstance(value, list) else not is_missing(value)


def type_of_value(value: Any) -> Type:
    """The type of one value: a number, text, list, dict, … Raises InvalidParameter."""
    known = _PLAIN.get(type(value))
    if known is not None and not is_missing(value):
        return known
    if is_missing(value) or (isinstance(value, (list, dict)) and not value):
        return AnyType()
    if isinstance(value, dict):
        found = [(str(key), type_of_value(one)) for key, one in value.items()]
        return Object([Property(key, one, not isinstance(one, AnyType)) for key, one in found])
    if isinstance(value, (list, tuple)) or is_array(value):
        items = _type_of_items(value)
        if items is None:
            raise InvalidParameter("An empty array in an example says nothing about its type; give one with items.")
        return Array(items)
    return _scalar(value)


def _scalar(value: Any) -> DataType:
    if isinstance(value, _BYTES):
        return DataType.binary
    if isinstance(value, _DATES):
        return DataType.datetime
    if isinstance(value, str):
        return DataType.string
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        return type_of_dtype(dtype)
    raise InvalidParameter(f"A value of the type {type(value).__name__} has no place in a model's signature.")


def _type_of_items(values: Iterable[Any]) -> Type | None:
    found: Type | None = None
    for value in values:
        one = type_of_value(value)
        found = one if found is None else merged(found, one)
    return found


def merged(one: Type, other: Type) -> Type:
    """The type that holds values of both. Raises InvalidParameter where there is none."""
    if one == other or isinstance(other, AnyType):
        return one
    if isinstance(one, AnyType):
        return other
    if isinstance(one, Array) and isinstance(other, Array):
        return Array(merged(one.dtype, other.dtype))
    if isinstance(one, Map) and isinstance(other, Map):
        return Map(merged(one.value_type, other.value_type))
    if isinstance(one, Object) and isinstance(other, Object):
        return _merged_objects(one, other)
    raise InvalidParameter(
        f"The items of one list in an example have the types {_name(one)} and {_name(other)}; a list has one type. "
        "Where it must be so, write the signature by hand with Array(AnyType())."
    )


def _name(given: Type) -> str:
    return given.value if isinstance(given, DataType) else str(given.to_dict()["type"])


def _merged_objects(one: Object, other: Object) -> Object:
    left = {prop.name: prop for prop in one.properties}
    right = {prop.name: prop for prop in other.properties}
    both = []
    for name in {**left, **right}:
        if name in left and name in right:
            a, b = left[name], right[name]
            both.append(Property(name, merged(a.dtype, b.dtype), a.required and b.required))
        else:
            both.append(Property(name, (left.get(name) or right[name]).dtype, False))
    return Object(both)


def type_of_dtype(dtype: Any) -> DataType:
    """The type of a NumPy or pandas dtype. Raises InvalidParameter for objects and unknown kinds."""
    kind, size = dtype.kind, dtype.itemsize
    if kind in "iu":
        if size < 4 or (kind == "i" and size == 4):
            return DataType.integer
        if size < 8 or kind == "i":
            return DataType.long
    elif kind == "f" and size <= 8:
        return DataType.float if size <= 4 else DataType.double
    elif kind in "bUSM":
        return {"b": DataType.boolean, "U": DataType.string, "S": DataType.binary, "M": DataType.datetime}[kind]
    raise InvalidParameter(f"A column of the type {dtype} has no place in a model's signature; convert it first.")


def _pandas_column(column: Any, name: Any) -> ColSpec:
    required = not bool(column.isna().any())
    title: Any = name if name is None or isinstance(name, (str, int)) else str(name)  # MLflow keeps whole numbers, too
    if column.dtype.kind == "O":
        column = column.infer_objects()
    if column.dtype.name == "category":
        column = column.astype(column.cat.categories.dtype)
    if column.dtype.name in ("str", "string"):
        return ColSpec(DataType.string, title, required)
    if column.dtype.kind != "O":
        return ColSpec(type_of_dtype(column.dtype), title, required)
    found = _type_of_items(column.to_list())
    return ColSpec(found or AnyType(), title, required)


def _polars_column(column: Any, name: str) -> ColSpec:
    return ColSpec(_polars_type(column.dtype, name), name or None, column.null_count() == 0)


_POLARS = {
    **dict.fromkeys(("Int8", "Int16", "Int32", "UInt8", "UInt16"), DataType.integer),
    **dict.fromkeys(("Int64", "UInt32"), DataType.long),
    **dict.fromkeys(("String", "Utf8", "Categorical", "Enum"), DataType.string),
    **dict.fromkeys(("Date", "Datetime"), DataType.datetime),
    **dict.fromkeys(("Float64", "Decimal"), DataType.double),
    "Float32": DataType.float, "Boolean": DataType.boolean, "Binary": DataType.binary,
}  # fmt: skip


def _polars_type(dtype: Any, name: str) -> Type:
    kind = getattr(dtype, "__name__", None) or type(dtype).__name__
    if kind in _POLARS:
        return _POLARS[kind]
    if kind in ("List", "Array"):
        return Array(_polars_type(dtype.inner, name))
    if kind == "Struct":
        return Object([Property(one.name, _polars_type(one.dtype, name)) for one in dtype.fields])
    if kind == "Null":
        return AnyType()
    raise InvalidParameter(f"Column '{name}' has the type {dtype}, which has no place in a model's signature.")


def params_of(params: Mapping[str, Any]) -> ParamSchema:
    """The schema of params that have these default values: single values, lists of one type, or dicts."""
    return ParamSchema([_param(name, value) for name, value in params.items()])


def _param(name: str, value: Any) -> ParamSpec:
    if is_array(value):
        if value.ndim != 1:
            raise InvalidParameter(f"Param '{name}' is an array of {value.ndim} dimensions; a param's list has one.")
        value = value.tolist()
    elif hasattr(value, "item") and hasattr(value, "dtype"):
        return ParamSpec(name, type_of_dtype(value.dtype), value.item())
    if isinstance(value, (list, tuple)):
        found = _type_of_items(value)
        if not isinstance(found, (DataType, Object)):
            raise InvalidParameter(f"Param '{name}' must be a list of values of one type; an empty list has none.")
        return ParamSpec(name, found, list(value), (-1,))
    found = type_of_value(value)
    if isinstance(found, AnyType):
        raise InvalidParameter(f"Param '{name}' has no default value; its type cannot be told.")
    return ParamSpec(name, found, value)
