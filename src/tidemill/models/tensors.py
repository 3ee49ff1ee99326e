"""Tensors made to fit a model's signature: MLflow's rules, by which shape and dtype must match as they are."""

from collections.abc import Mapping
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.models.infer import is_array, is_sparse
from tidemill.models.schema import Schema, TensorSpec


def fitted(data: Any, schema: Schema) -> Any:
    """`data` as the tensors of `schema`: an array, or a dict of arrays where they have names. Raises InvalidParameter."""
    specs = [spec for spec in schema if isinstance(spec, TensorSpec)]
    if schema.has_input_names():
        return _named(data, specs)
    return _single(data, specs[0])


def _named(data: Any, specs: list[TensorSpec]) -> dict[str, Any]:
    if is_array(data) and len(specs) == 1:
        data = {specs[0].name: data}
    frame = _is_frame(data)
    if not frame and not isinstance(data, Mapping):
        raise InvalidParameter(f"This model takes a dict of arrays or a data frame, not a {type(data).__name__}.")
    names = [str(spec.name) for spec in specs]
    if missing := [name for name in names if name not in data]:
        raise InvalidParameter(f"Model is missing inputs {missing}.")
    found = {}
    for name, spec in zip(names, specs, strict=True):
        value = _of_column(data[name], spec) if frame else _as_array(data[name], name)
        found[name] = checked(value, spec)
    return found


def _as_array(value: Any, name: str) -> Any:
    if not is_array(value):
        raise InvalidParameter(f"Input '{name}' must be a NumPy array, not a {type(value).__name__}.")
    return value


def _single(data: Any, spec: TensorSpec) -> Any:
    if is_array(data) or is_sparse(data):
        return checked(data, spec)
    if not _is_frame(data):
        raise InvalidParameter(f"This model takes an array or a data frame, not a {type(data).__name__}.")
    if not len(data):
        raise InvalidParameter("The data frame has no rows.")
    if len(data.columns) == 1:
        return checked(_of_column(data.iloc[:, 0], spec), spec)
    return checked(data.to_numpy(), spec)


def _is_frame(data: Any) -> bool:
    return type(data).__name__ == "DataFrame" and type(data).__module__.startswith("pandas")


def checked(value: Any, spec: TensorSpec) -> Any:
    """The array itself where its shape and dtype are those of `spec`. Raises InvalidParameter."""
    wanted, shape = spec.shape, value.shape
    dtype = value.data.dtype if is_sparse(value) else value.dtype
    ragged = dtype.kind == "O" and len(shape) == 1
    if (wanted == (-1,) and spec.dtype == "object") or (ragged and len(wanted) > 1 and -1 in wanted[1:]):
        return value
    if len(wanted) != len(shape) or any(want not in (-1, size) for want, size in zip(wanted, shape, strict=False)):
        raise InvalidParameter(f"{_title(spec)} has the shape {shape}; the model takes {wanted}.")
    if TensorSpec(dtype, shape).dtype != spec.dtype:
        raise InvalidParameter(f"{_title(spec)} has the dtype {dtype}; the model takes {spec.dtype}.")
    return value


def _title(spec: TensorSpec) -> str:
    return "The input" if spec.name is None else f"Input '{spec.name}'"


def _of_column(column: Any, spec: TensorSpec) -> Any:
    """A frame's column as a tensor: numbers as they are, lists and arrays stacked and reshaped."""
    import numpy

    if spec.shape[0] != -1 or -1 in spec.shape[1:]:
        raise InvalidParameter(
            f"{_title(spec)} has the shape {spec.shape}; from a data frame only shapes that are free in the first dimension "
            "alone can be made."
        )
    first = column.iloc[0]
    try:
        if isinstance(first, (list, tuple)) or is_array(first):
            stacked = numpy.vstack([numpy.asarray(one).ravel() for one in column]).reshape(
                (len(column), *spec.shape[1:])
            )
            return stacked if is_array(first) else stacked.astype(spec.dtype)
        return numpy.asarray(column, dtype=spec.dtype).reshape((len(column), *spec.shape[1:]))
    except ValueError:
        raise InvalidParameter(f"{_title(spec)} cannot be made into the shape {spec.shape} of {spec.dtype}.") from None
