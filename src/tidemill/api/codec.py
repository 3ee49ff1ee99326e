"""JSON to structs and back, in the dialect of the wire.

The dialect is the protobuf JSON mapping as MLflow's server has it: int64 as number or decimal text, doubles as number,
text, `NaN` or `Infinity`, enums by name or number, snake_case or lowerCamelCase names, null for "not set", unknown
fields ignored. Nearly every request is plain enough for msgspec's own decoder; only where that one gives up does the
lenient walk below run, which also words the errors.
"""

import base64
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Generic, TypeVar, cast

import msgspec
from msgspec import inspect

from tidemill.api.operation import Operation
from tidemill.errors import BadRequest, InvalidParameter

In = TypeVar("In")
Out = TypeVar("Out")

_SEE_DOCS = "See the API docs for more information about request parameters."
_UNSET = object()
_INT64 = 2**63
_DECIMAL = re.compile(r"-?[0-9]{1,100}")


class Encoded(Generic[Out]):
    """An answer that is JSON already, so that the server need not take it apart and put it together again."""

    __slots__ = ("body",)

    def __init__(self, body: bytes) -> None:
        self.body = body


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_infos: dict[Any, inspect.StructType] = {}


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    found = _decoders.get(kind)
    if found is None:
        found = _decoders[kind] = msgspec.json.Decoder(kind)
    return found


def decode_request(op: Operation[In, Out], body: bytes) -> In:
    """The argument of `op` from a request body. An empty or unreadable body counts as `{}`.

    Raises InvalidParameter (a field is missing or has a wrong type) and BadRequest (the body is not an object).
    """
    try:
        arg = _decoder(op.input).decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return decode_fields(op, read_object(body))
    return cast(In, check_required(op, arg, lambda: read_object(body)))


def read_object(body: bytes) -> dict[str, Any]:
    """A request body as a JSON object; a JSON text that holds JSON is read a second time, as old clients need."""
    try:
        value = json.loads(body)
        if isinstance(value, str):
            value = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"The request body must be a JSON object, not a {type(value).__name__}.")
    return value


def decode_fields(op: Operation[In, Out], fields: Mapping[str, Any], *, text: bool = False) -> In:
    """The argument of `op` from loose fields; `text`: values come from a query string and are all texts."""
    if "run_id" not in fields and "runId" not in fields and fields.get("run_uuid"):
        fields = {**fields, "run_id": fields["run_uuid"]}
    info = _struct_info(op.input)
    try:
        arg = _walk_struct(fields, info, "", text, strict=False)
    except RecursionError:
        raise BadRequest("The request is nested too deeply.") from None
    return cast(In, check_required(op, arg, lambda: fields))


def check_required(op: Operation[Any, Any], arg: Any, given: Callable[[], Mapping[str, Any]] = dict) -> Any:
    """`arg` with `run_uuid` put in the place of an absent `run_id`. Raises InvalidParameter where a field is missing.

    `given` answers the fields as they were sent: an empty list is missing only where it was not sent.
    """
    if op.required and op.required[0] == "run_id" and not arg.run_id and getattr(arg, "run_uuid", None):
        arg = msgspec.structs.replace(arg, run_id=arg.run_uuid)
    for name in op.required:
        value = getattr(arg, name)
        if value is None or value == "" or (value == [] and given().get(name) is None):
            raise missing(name)
    return arg


def missing(path: str) -> InvalidParameter:
    """The error for a required field that is not there."""
    return InvalidParameter(f"Missing value for required parameter '{path}'. {_SEE_DOCS}")


def wrong_type(value: Any, path: str) -> InvalidParameter:
    """The error for a field of a wrong type."""
    try:
        shown = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        shown = str(type(value))
    if len(shown) > 500:
        shown = shown[:500] + "..."
    return InvalidParameter(
        f"Invalid value {shown} for parameter '{path}' supplied:  Hint: Value was of type "
        f"'{type(value).__name__}'. {_SEE_DOCS}"
    )


def _struct_info(kind: Any) -> inspect.StructType:
    found = _infos.get(kind)
    if found is None:
        info = inspect.type_info(kind)
        assert isinstance(info, inspect.StructType)
        found = _infos[kind] = info
    return found


@cache
def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _walk_struct(value: Any, info: inspect.StructType, path: str, text: bool, strict: bool = True) -> Any:
    if not isinstance(value, Mapping):
        raise wrong_type(value, path)
    given: dict[str, Any] = {}
    for field in info.fields:
        inner = f"{path}.{field.name}" if path else field.name
        raw = value.get(field.name)
        if raw is None:
            raw = value.get(_camel(field.name))
        found = _UNSET if raw is None else _walk(raw, field.type, inner, text)
        if found is not _UNSET:
            given[field.name] = found
        elif field.required:
            raise missing(inner)
    return info.cls(**given)


def _walk(value: Any, info: inspect.Type, path: str, text: bool) -> Any:
    if isinstance(info, inspect.UnionType):
        info = next(kind for kind in info.types if not isinstance(kind, inspect.NoneType | inspect.CustomType))
    if text and isinstance(value, list) and not isinstance(info, inspect.ListType):
        value = value[0]
    if isinstance(info, inspect.BytesType):
        return _bytes(value, path)
    if isinstance(info, inspect.StrType):
        return _text(value, path)
    if isinstance(info, inspect.BoolType):
        return _bool(value, path, text)
    if value == "" and isinstance(info, inspect.IntType | inspect.FloatType):
        return _UNSET
    if isinstance(info, inspect.IntType):
        return _int(value, path)
    if isinstance(info, inspect.FloatType):
        return _float(value, path)
    if isinstance(info, inspect.EnumType):
        return _enum(value, info.cls, path)
    if isinstance(info, inspect.ListType):
        return _list(value, info.item_type, path, text)
    if isinstance(info, inspect.StructType):
        return _walk_struct(value, info, path, text)
    if isinstance(info, inspect.DictType):  # free-form JSON; in a query it is a text
        if not isinstance(value, dict):
            raise wrong_type(value, path)
        return value
    raise AssertionError(f"no rule for {info}")


def _list(value: Any, item: inspect.Type, path: str, text: bool) -> Any:
    if text and isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise wrong_type(value, path)
    if any(one is None for one in value):
        raise wrong_type(None, path)
    found = [_walk(one, item, f"{path}[{number}]", text) for number, one in enumerate(value)]
    return [one for one in found if one is not _UNSET]


def _bytes(value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise wrong_type(value, path)
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise InvalidParameter(
            f"Invalid value for parameter '{path}' supplied: it is not Base64. {_SEE_DOCS}"
        ) from None


def _text(value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise wrong_type(value, path)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidParameter(
            f"Invalid value for parameter '{path}' supplied: it is not valid Unicode text (a lone surrogate)."
        ) from None
    return value


def _bool(value: Any, path: str, text: bool) -> Any:
    if isinstance(value, bool):
        return value
    if text and isinstance(value, str):
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise InvalidParameter(f"Invalid boolean value: {value}, must be 'true' or 'false'.")
    raise wrong_type(value, path)


def _int(value: Any, path: str) -> Any:
    number = value
    if isinstance(value, str):
        if not _DECIMAL.fullmatch(value):
            raise wrong_type(value, path)
        number = int(value)
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int) or not -_INT64 <= number < _INT64:
        raise wrong_type(value, path)
    return number


def _float(value: Any, path: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong_type(value, path)
    if isinstance(value, str) and "_" in value:  # Python's way to write numbers, nobody else's
        raise wrong_type(value, path)
    try:
        return float(value)
    except ValueError:
        raise wrong_type(value, path) from None
    except OverflowError:
        return math.inf if cast(int, value) > 0 else -math.inf


def _enum(value: Any, kind: Any, path: str) -> Any:
    members = list(kind)
    if isinstance(value, str):
        if value in kind.__members__:
            return kind[value]
        if not value.isdecimal():
            return _UNSET
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(value, path)
    first = 0 if members[0].name.endswith("UNSPECIFIED") else 1
    if not 0 <= value - first < len(members):
        raise wrong_type(value, path)
    return members[value - first]


def fields_of_query(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Loose fields from a query string: a name that occurs more than once becomes a list."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            older = fields[name]
            fields[name] = [*older, value] if isinstance(older, list) else [older, value]
        else:
            fields[name] = value
    return fields


def encode(answer: Any) -> bytes:
    """An answer as JSON: snake_case, absent where at its default, NaN and infinities as texts."""
    body = msgspec.json.encode(answer)
    # msgspec writes NaN and infinities as null, which no struct of ours holds otherwise.
    if b"null" in body:
        body = msgspec.json.encode(_spell_floats(msgspec.to_builtins(answer)))
    return body


def _spell_floats(value: Any) -> Any:
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return value
    if isinstance(value, dict):
        return {key: _spell_floats(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_spell_floats(one) for one in value]
    return value


def decode_answer(op: Operation[In, Out], body: bytes) -> Out:
    """The output of `op` from an answer's body. Raises ValueError where it is not one."""
    try:
        return cast(Out, _decoder(op.output).decode(body or b"{}"))
    except msgspec.ValidationError:
        # NaN travels as text; the lenient walk reads it.
        value = json.loads(body)
        if not isinstance(value, dict):
            raise ValueError("the answer is not a JSON object") from None
        return cast(Out, _walk_struct(value, _struct_info(op.output), "", text=False))
