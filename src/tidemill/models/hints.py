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
    item = _declared_item(predict)
    if item is None:
        return None
    try:
        inputs = _schema(item)
    except InvalidParameter:
        return None
    return Signature(inputs, _output_schema(typing.get_type_hints(predict).get("return")), from_type_hint=True)


def declared_input(predict: Callable[..., Any]) -> Callable[[Any], Any]:
    """What turns data into the list that `predict` declares as its input; nothing is changed where it declares none.

    Rows of a frame become dicts (or objects of the declared pydantic model), a frame's only column a list of values.
    """
    item = _declared_item(predict)
    if item is None:
        return lambda data: data
    validate = getattr(item, "model_validate", None)
    rows = validate is not None or item is dict or typing.get_origin(item) is dict

    def convert(data: Any) -> Any:
        found = _listed(data, rows, item is str)
        return [validate(one) if isinstance(one, dict) else one for one in found] if validate is not None else found

    return convert


def _declared_item(predict: Callable[..., Any]) -> Any:
    import inspect

    try:
        known = typing.get_type_hints(predict)
    except Exception:  # a name that only type checkers know
        return None
    names = [name for name in inspect.signature(predict).parameters if name not in ("self", "context", "params")]
    declared = known.get(names[0]) if names else None
    arguments = typing.get_args(declared)
    return arguments[0] if typing.get_origin(declared) is list and arguments else None


def _listed(data: Any, rows: bool, texts: bool) -> Any:
    if type(data).__name__ == "DataFrame":
        if rows:
            return data.to_dict("records")
        named = [name for name in data.columns if not texts or data[name].dtype.kind == "O"]
        if not named:
            raise InvalidParameter("The model takes texts, as it declares; no column of the input holds any.")
        return data[named[0]].tolist()
    return data.tolist() if type(data).__name__ in ("Series", "ndarray") else data


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
