"""From the types that a predict function declares to a signature, as MLflow (3.17) reads them."""

import datetime
import types
import typing
from collections.abc import Callable
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.models.schema import AnyType, Array, ColSpec, DataType, Map, Object, Property, Schema, Type
from tidemill.models.signature import Signature

_SCALARS: dict[Any, Type] = {
    int: DataType.long, float: DataType.double, str: DataType.string, bool: DataType.boolean,
    bytes: DataType.binary, datetime.datetime: DataType.datetime, Any: AnyType(), object: AnyType(),
}  # fmt: skip


def signature_of(predict: Callable[..., Any]) -> Signature | None:
    """The signature that `predict` declares with a `list[…]` as its input; None where it declares none such."""
    import inspect

    try:
        known = typing.get_type_hints(predict)
    except Exception:  # a name that only type checkers know
        return None
    names = [name for name in inspect.signature(predict).parameters if name not in ("self", "context", "params")]
    declared = known.get(names[0]) if names else None
    if typing.get_origin(declared) is not list or not typing.get_args(declared):
        return None
    try:
        inputs = _schema(typing.get_args(declared)[0])
    except InvalidParameter:
        return None
    return Signature(inputs, _output_schema(known.get("return")), from_type_hint=True)


def _output_schema(declared: Any) -> Schema | None:
    inner = (
        typing.get_args(declared)[0] if typing.get_origin(declared) is list and typing.get_args(declared) else declared
    )
    if inner is None:
        return None
    try:
        return _schema(inner)
    except InvalidParameter:
        return None


def _schema(item: Any) -> Schema:
    return Schema([ColSpec(type_of_hint(item))])


def type_of_hint(hint: Any) -> Type:
    """The type of a schema for a Python type. Raises InvalidParameter for one that has none."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        inner = [one for one in arguments if one is not type(None)]
        return type_of_hint(inner[0]) if len(inner) == 1 else AnyType()
    if origin is list and arguments:
        return Array(type_of_hint(arguments[0]))
    if origin is dict and len(arguments) == 2 and arguments[0] is str:
        return Map(type_of_hint(arguments[1]))
    fields = getattr(hint, "model_fields", None)
    if fields is not None:
        return Object([_property(name, one.annotation, one.is_required()) for name, one in fields.items()])
    raise InvalidParameter(f"The type {hint} of a predict function has no place in a model's signature.")


def _property(name: str, hint: Any, has_no_default: bool) -> Property:
    arguments = typing.get_args(hint)
    optional = typing.get_origin(hint) in (typing.Union, types.UnionType) and type(None) in arguments
    return Property(name, type_of_hint(hint), has_no_default and not optional)
