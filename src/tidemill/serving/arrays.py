"""JSON values to arrays of the types and shapes that a model's tensors have."""

from typing import TYPE_CHECKING, Any

from tidemill.errors import InvalidParameter
from tidemill.serving.schema import Schema, Tensor

if TYPE_CHECKING:
    import numpy as np


def cast(value: Any, schema: Schema | None) -> "np.ndarray[Any, Any]":
    """A nested list as the model's only tensor. Raises InvalidParameter where it does not fit."""
    tensor = schema.tensors[0] if schema is not None and schema.tensors else None
    if tensor is not None and schema is not None and len(schema.tensors) > 1:
        raise InvalidParameter(f"Model is missing inputs {[one.name for one in schema.tensors]}: send them by name.")
    return _array("", value, tensor)


def named(value: dict[str, Any], schema: Schema | None) -> "dict[str, np.ndarray[Any, Any]]":
    """A dict of nested lists as arrays, checked against the schema's tensors."""
    tensors = {one.name: one for one in schema.tensors} if schema is not None else {}
    missing = [name for name in tensors if name not in value]
    if missing:
        raise InvalidParameter(f"Model is missing inputs {missing}.")
    return {name: _array(name, one, tensors.get(name)) for name, one in value.items()}


def lengths(columns: dict[str, Any]) -> int:
    """The common length of all columns. Raises InvalidParameter where they differ."""
    found = {len(one) for one in columns.values()}
    if len(found) != 1:
        raise InvalidParameter("The length of values for each input/column name are not the same")
    return found.pop()


def check_tensor(name: str, array: "np.ndarray[Any, Any]", tensor: Tensor) -> "np.ndarray[Any, Any]":
    """An array with the tensor's type, where nothing is lost by that. Raises InvalidParameter."""
    import numpy as np

    wanted = np.dtype(tensor.dtype)
    if array.dtype != wanted:
        exact = np.can_cast(array.dtype, wanted, "same_kind") or (array.dtype.kind in "iu" and wanted.kind in "iu")
        if not exact and not (array.dtype.kind in "iub" and wanted.kind == "f"):
            raise InvalidParameter(f"Input {name or 'array'} has type {array.dtype}; the model's schema says {wanted}.")
        array = array.astype(wanted)
    shape = tensor.shape
    fits = len(shape) == array.ndim and all(
        want in (-1, have) for want, have in zip(shape[1:], array.shape[1:], strict=True)
    )
    if not fits:
        raise InvalidParameter(
            f"Shape of input {array.shape} does not match expected shape {shape}." if not name else
            f"Shape of input {name} is {array.shape}; the model's schema says {shape}."
        )  # fmt: skip
    return array


def _array(name: str, value: Any, tensor: Tensor | None) -> "np.ndarray[Any, Any]":
    import numpy as np

    try:
        array = np.array(value)
        if array.ndim == 0:
            array = array.reshape(1)
    except (ValueError, OverflowError):
        raise InvalidParameter(f"Input {name or 'array'} is not a regular array: its rows differ in length.") from None
    if tensor is None:
        return array
    return check_tensor(name, array, tensor)
