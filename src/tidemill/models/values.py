"""Single values made to fit a schema's type: nested ones in a column, and params."""

import datetime
import re
from collections.abc import Callable, Mapping
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.models.infer import is_array, is_missing
from tidemill.models.schema import AnyType, Array, DataType, Map, Object, ParamSpec, Type

Check = Callable[[Any, str], Any]
"""Takes a value and where it stands (for errors), answers the value to use, raises InvalidParameter."""

_BITS = {DataType.integer: 31, DataType.long: 63}
_DATE = re.compile(r"\d{4}-\d\d")


def check_of(given: Type, required: bool = True) -> Check:
    """The check for values of a type; without `required` None and NaN pass."""
    inner = _inner(given)

    def optional(value: Any, where: str) -> Any:
        return None if value is None or is_missing(value) else inner(value, where)

    return inner if required else optional


def _inner(given: Type) -> Check:
    if isinstance(given, DataType):
        return _scalar_check(given)
    if isinstance(given, Array):
        return _array_check(given)
    if isinstance(given, Object):
        return _object_check(given)
    if isinstance(given, Map):
        return _map_check(given)
    return lambda value, where: value


def _refuse(value: Any, where: str, wanted: str) -> InvalidParameter:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:60] + "…"
    return InvalidParameter(f"{where} must be {wanted}; {shown} of the type {type(value).__name__} is not.")


def _scalar_check(given: DataType) -> Check:
    convert = _CONVERT[given]

    def check(value: Any, where: str) -> Any:
        plain = value.item() if hasattr(value, "dtype") and getattr(value, "ndim", 0) == 0 else value
        try:
            return convert(plain)
        except (TypeError, ValueError, OverflowError):
            raise _refuse(value, where, f"of the type {given.value}") from None

    return check


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError


def _whole(bits: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and -(1 << bits) <= value < 1 << bits:
            return value
        raise TypeError

    return convert


def _real(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise TypeError


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError


def _binary(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return value
    raise TypeError


def _moment(value: Any) -> Any:
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value
    if isinstance(value, str) and _DATE.match(value):
        return datetime.datetime.fromisoformat(value)
    raise TypeError


_CONVERT: dict[DataType, Callable[[Any], Any]] = {
    DataType.boolean: _boolean,
    **{kind: _whole(bits) for kind, bits in _BITS.items()},
    DataType.float: _real,
    DataType.double: _real,
    DataType.string: _text,
    DataType.binary: _binary,
    DataType.datetime: _moment,
}


def _array_check(given: Array) -> Check:
    check = check_of(given.dtype, required=not isinstance(given.dtype, AnyType))

    def array(value: Any, where: str) -> Any:
        if is_array(value):
            fitted = [check(one, f"each item of {where}") for one in value.tolist()]
            import numpy

            return value if value.dtype.kind != "O" and fitted == value.tolist() else numpy.asarray(fitted)
        if not isinstance(value, (list, tuple)):
            raise _refuse(value, where, "a list")
        return [check(one, f"each item of {where}") for one in value]

    return array


def _object_check(given: Object) -> Check:
    checks = {one.name: check_of(one.dtype, one.required) for one in given.properties}
    needed = frozenset(one.name for one in given.properties if one.required)

    def fields(value: Any, where: str) -> Any:
        if not isinstance(value, Mapping):
            raise _refuse(value, where, "an object")
        if missing := sorted(needed - value.keys()):
            raise InvalidParameter(f"{where} is missing {missing}.")
        if unknown := sorted(map(str, value.keys() - checks.keys())):
            raise InvalidParameter(f"{where} has {unknown}, which the model's signature does not know.")
        return {key: checks[key](one, f"{where}.{key}") for key, one in value.items()}

    return fields


def _map_check(given: Map) -> Check:
    check = check_of(given.value_type)

    def fields(value: Any, where: str) -> Any:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise _refuse(value, where, "an object whose keys are texts")
        return {key: check(one, f"{where}.{key}") for key, one in value.items()}

    return fields


def param_check(spec: ParamSpec) -> Callable[[Any], Any]:
    """The check for the values of one param; None passes, as in MLflow."""
    check = check_of(spec.dtype)
    where = f"Param '{spec.name}'"

    def one(value: Any) -> Any:
        return None if value is None else check(value, where)

    def several(value: Any) -> Any:
        if value is None:
            return None
        items = value.tolist() if is_array(value) and value.ndim == 1 else value
        if not isinstance(items, (list, tuple)):
            raise _refuse(value, where, "a list")
        return [check(item, f"each item of {where}") for item in items]

    return one if spec.shape is None else several
