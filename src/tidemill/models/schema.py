"""What a model takes and gives: types, columns, tensors and params, and their JSON in an MLmodel file.

The JSON is MLflow's (3.17): `[{"type": "long", "name": "a", "required": true}, …]` for columns,
`[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}]` for tensors.
"""

import datetime
import enum
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tidemill.errors import InvalidParameter


class DataType(enum.StrEnum):
    """The types of single values, by their names on the wire. `integer` and `float` have 32 bits, `long` and `double` 64."""

    boolean = "boolean"
    integer = "integer"
    long = "long"
    float = "float"
    double = "double"
    string = "string"
    binary = "binary"
    datetime = "datetime"

    def to_dict(self) -> dict[str, Any]:
        """As in MLmodel."""
        return {"type": self.value}


@dataclass(frozen=True, slots=True)
class AnyType:
    """A value of which nothing is known (it was always None, or an empty list)."""

    def to_dict(self) -> dict[str, Any]:
        """As in MLmodel."""
        return {"type": "any"}


@dataclass(frozen=True, slots=True)
class SparkMLVector:
    """A vector of Spark ML."""

    def to_dict(self) -> dict[str, Any]:
        """As in MLmodel."""
        return {"type": "sparkml_vector"}


@dataclass(frozen=True, slots=True)
class Array:
    """A list whose items all have the type `dtype`."""

    dtype: "Type"

    def to_dict(self) -> dict[str, Any]:
        """As in MLmodel."""
        return {"type": "array", "items": self.dtype.to_dict()}


@dataclass(frozen=True, slots=True)
class Map:
    """A dict from any text to values of the type `value_type`."""

    value_type: "Type"

    def to_dict(self) -> dict[str, Any]:
        """As in MLmodel."""
        return {"type": "map", "values": self.value_type.to_dict()}


@dataclass(frozen=True, slots=True)
class Property:
    """One key of an Object; one that is not `required` may be missing or None."""

    name: str
    dtype: "Type"
    required: bool = True


@dataclass(frozen=True, slots=True)
class Object:
    """A dict with these keys and no others. Properties are kept sorted by name, as MLflow writes them."""

    properties: tuple[Property, ...]

    def __init__(self, properties: Sequence[Property]) -> None:
        names = [one.name for one in properties]
        if len(set(names)) != len(names):
            raise InvalidParameter(f"An object has each property once; given were {', '.join(sorted(names))}.")
        object.__setattr__(self, "properties", tuple(sorted(properties, key=lambda one: one.name)))

    def to_dict(self) -> dict[str, Any]:
        """As in MLmodel."""
        fields = {one.name: {**one.dtype.to_dict(), "required": one.required} for one in self.properties}
        return {"type": "object", "properties": fields}


Type: TypeAlias = DataType | Array | Object | Map | AnyType | SparkMLVector
"""The type of a column, of a list's items or of a dict's values."""

_MARKS: dict[str, Type] = {"any": AnyType(), "sparkml_vector": SparkMLVector()}


def type_of(given: Any) -> Type:
    """A type from its JSON (`{"type": …}`), its name or itself. Raises InvalidParameter for what is none."""
    if isinstance(given, (DataType, Array, Object, Map, AnyType, SparkMLVector)):
        return given
    fields: Any = {"type": given} if isinstance(given, str) else given
    name = fields.get("type") if isinstance(fields, dict) else None
    try:
        if name == "array":
            return Array(type_of(fields["items"]))
        if name == "map":
            return Map(type_of(fields["values"]))
        if name == "object":
            properties = fields["properties"].items()
            return Object([Property(key, type_of(one), one.get("required", True)) for key, one in properties])
        return _MARKS[name] if name in _MARKS else DataType(str(name))
    except (KeyError, TypeError, AttributeError, ValueError):
        known = ", ".join([*DataType, "array", "object", "map", "any"])
        raise InvalidParameter(f"{given!r} is not the type of a schema; known types are {known}.") from None


@dataclass(frozen=True, slots=True)
class ColSpec:
    """A column: its type, its name (None: by position) and whether it must be there."""

    type: Type
    name: str | None = None
    required: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", type_of(self.type))

    def to_dict(self) -> dict[str, Any]:
        """As in MLmodel."""
        named = {} if self.name is None else {"name": self.name}
        return {**self.type.to_dict(), **named, "required": self.required}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor: NumPy's name of its dtype, its shape (-1: any size) and its name (None: the only one)."""

    dtype: str
    shape: tuple[int, ...]
    name: str | None = None

    def __init__(self, type: Any, shape: Sequence[int], name: str | None = None) -> None:
        text = getattr(type, "name", None) or str(type)
        for flexible in ("str", "bytes"):  # str160 is a text of 5 characters; sizes are no part of the type
            text = flexible if text.startswith(flexible) else text
        object.__setattr__(self, "dtype", text)
        object.__setattr__(self, "shape", tuple(int(size) for size in shape))
        object.__setattr__(self, "name", name)

    def to_dict(self) -> dict[str, Any]:
        """As in MLmodel."""
        named = {} if self.name is None else {"name": self.name}
        return {**named, "type": "tensor", "tensor-spec": {"dtype": self.dtype, "shape": list(self.shape)}}


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns, or the tensors, of a model's input or output: one kind, and either all named or none."""

    inputs: tuple[ColSpec | TensorSpec, ...]
    names: tuple[str, ...] = field(init=False, compare=False, repr=False)

    def __init__(self, inputs: Sequence[ColSpec | TensorSpec]) -> None:
        specs = tuple(inputs)
        if not specs:
            raise InvalidParameter("A schema has at least one column or tensor.")
        if len({type(one) for one in specs}) > 1:
            raise InvalidParameter("A schema is made of columns or of tensors, not of both.")
        names = [one.name for one in specs if one.name is not None]
        if names and len(names) != len(specs):
            raise InvalidParameter("Either all inputs of a schema have a name or none has.")
        if isinstance(specs[0], TensorSpec) and not names and len(specs) > 1:
            raise InvalidParameter("Where a schema has several tensors each needs a name.")
        object.__setattr__(self, "inputs", specs)
        object.__setattr__(self, "names", tuple(names))

    def is_tensor_spec(self) -> bool:
        """Whether this is about tensors."""
        return isinstance(self.inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        """Whether columns or tensors are found by name; else by position."""
        return bool(self.names)

    def input_names(self) -> list[str]:
        """The names, empty where there are none."""
        return list(self.names)

    def to_dict(self) -> list[dict[str, Any]]:
        """As in MLmodel."""
        return [one.to_dict() for one in self.inputs]

    def to_json(self) -> str:
        """The text in MLmodel."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> "Schema":
        """Read what `to_json` or MLflow wrote. Raises InvalidParameter."""
        return cls([_spec(fields) for fields in _list_of(text, "schema")])

    def __iter__(self) -> Iterator[ColSpec | TensorSpec]:
        return iter(self.inputs)

    def __len__(self) -> int:
        return len(self.inputs)


def _list_of(text: str, what: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidParameter(f"The {what} of a model is not JSON: {error}.") from None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InvalidParameter(f"The {what} of a model must be a list of objects.")
    return found


def _spec(fields: dict[str, Any]) -> ColSpec | TensorSpec:
    if fields.get("type") == "tensor":
        try:
            inner = fields["tensor-spec"]
            return TensorSpec(inner["dtype"], inner["shape"], fields.get("name"))
        except (KeyError, TypeError, ValueError):
            raise InvalidParameter("A tensor of a schema needs 'tensor-spec' with 'dtype' and 'shape'.") from None
    required = fields.get("required")
    return ColSpec(type_of(fields), fields.get("name"), True if required is None else bool(required))


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One param of `predict`: its type, default value, and shape: None for one value, (-1,) for a list of them."""

    name: str
    dtype: Type
    default: Any
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", type_of(self.dtype))
        if self.shape is not None:
            object.__setattr__(self, "shape", tuple(self.shape))
        if self.shape not in (None, (-1,)):
            raise InvalidParameter(f"The shape of param '{self.name}' must be None or (-1,), not {self.shape}.")

    def to_dict(self) -> dict[str, Any]:
        """As in MLmodel."""
        shape = None if self.shape is None else list(self.shape)
        return {"name": self.name, "default": _as_json(self.default), "shape": shape, **self.dtype.to_dict()}


def _as_json(value: Any) -> Any:
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return [_as_json(one) for one in value] if isinstance(value, (list, tuple)) else value


@dataclass(frozen=True, slots=True)
class ParamSchema:
    """The params of `predict`, in order; names are unique."""

    params: tuple[ParamSpec, ...]

    def __init__(self, params: Sequence[ParamSpec]) -> None:
        names = [one.name for one in params]
        if len(set(names)) != len(names):
            raise InvalidParameter(f"Each param of a model has its own name; given were {', '.join(names)}.")
        object.__setattr__(self, "params", tuple(params))

    def to_json(self) -> str:
        """The text in MLmodel."""
        return json.dumps([one.to_dict() for one in self.params])

    @classmethod
    def from_json(cls, text: str) -> "ParamSchema":
        """Read what `to_json` or MLflow wrote. Raises InvalidParameter."""
        return cls([_param(fields) for fields in _list_of(text, "param schema")])

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self.params)

    def __len__(self) -> int:
        return len(self.params)


def _param(fields: dict[str, Any]) -> ParamSpec:
    dtype = type_of({**fields, "type": fields.get("type", fields.get("dtype"))})  # older files say dtype
    default = fields.get("default")
    if dtype is DataType.datetime and default is not None:
        values = [datetime.datetime.fromisoformat(one) for one in (default if isinstance(default, list) else [default])]
        default = values if isinstance(default, list) else values[0]
    shape = fields.get("shape")
    return ParamSpec(str(fields.get("name")), dtype, default, None if shape is None else tuple(shape))
