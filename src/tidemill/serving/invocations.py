"""MLflow's `/invocations`: bodies to payloads, for one model.

The keys and what they mean are those of MLflow's scoring server (2.0 and later): exactly one of `dataframe_split`,
`dataframe_records`, `instances` and `inputs`, and optionally `params`.
"""

import json
from typing import Any

import msgspec

from tidemill.errors import BadRequest, InvalidParameter
from tidemill.serving.arrays import cast, lengths, named
from tidemill.serving.forms import Arrays, Form, FrameColumns, FrameRows, LooseFrame, NamedArrays, Objects, Payload
from tidemill.serving.rows import RowReader, check_names, width_of
from tidemill.serving.schema import Schema

_FIELDS = ("dataframe_records", "dataframe_split", "inputs", "instances")
_WANTED = (
    "The input must be a JSON dictionary with exactly one of the input fields "
    "{'dataframe_records', 'dataframe_split', 'inputs', 'instances'}"
)
_KNOWN = 64
_NONE = msgspec.Raw(b"")


class _Body(msgspec.Struct):
    dataframe_split: msgspec.Raw = _NONE
    dataframe_records: msgspec.Raw = _NONE
    instances: msgspec.Raw = _NONE
    inputs: msgspec.Raw = _NONE
    params: msgspec.Raw = _NONE


class _Split(msgspec.Struct):
    columns: msgspec.Raw = _NONE
    data: msgspec.Raw = _NONE


_body = msgspec.json.Decoder(_Body)
_split = msgspec.json.Decoder(_Split)


class Invocations:
    """Reads bodies for a model with this schema (None: it says nothing). `objects`: it takes `inputs` as they are."""

    def __init__(self, schema: Schema | None, objects: bool = False) -> None:
        self.schema = schema
        self._objects = objects
        self.frames: FrameRows | None = None
        self._rows: RowReader | None = None
        if schema is not None and schema.columns:
            self.frames = FrameRows(schema)
            self._rows = RowReader(schema)
            self.columns: Form = FrameColumns(schema.names, self.frames)
        # Where a tensor's further axes are free, requests may differ in them.
        fixed = schema is not None and bool(schema.tensors) and all(-1 not in one.shape[1:] for one in schema.tensors)
        self.arrays, self.named, self.object = Arrays(fixed), NamedArrays(fixed), Objects()
        self._loose: dict[bytes, LooseFrame] = {}

    def read(self, body: bytes) -> Payload:
        """The payload of a JSON body. Raises BadRequest and InvalidParameter."""
        try:
            return self._read(body)
        except msgspec.ValidationError as error:
            raise BadRequest(f"{_WANTED}. {error}.") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # Python's json module writes NaN and Infinity, which JSON does not have.
            return self._read(_without_nan(body, error))
        except RecursionError:
            raise BadRequest("The body is nested too deeply.") from None

    def _read(self, body: bytes) -> Payload:
        parts = _body.decode(body)
        given = [name for name in _FIELDS if bytes(getattr(parts, name))]
        if len(given) != 1:
            raise _wrong_fields(body)
        name = given[0]
        raw = bytes(getattr(parts, name))
        payload: Payload = getattr(self, "_" + name)(raw)
        params = bytes(parts.params)
        if params and params != b"null":
            payload.params = read_params(params)
            payload.params_key = params
        return payload

    def _dataframe_split(self, raw: bytes) -> Payload:
        parts = _split.decode(raw)
        columns, data = bytes(parts.columns), bytes(parts.data)
        if not data:
            raise BadRequest("'dataframe_split' must have the fields 'columns' and 'data'.")
        if columns == b"null":
            columns = b""
        if self._rows is not None and self.frames is not None:
            rows = self._rows.read(columns, data)
            return Payload(self.frames, len(rows), rows)
        rows = msgspec.json.decode(data, type=list[list[Any]])
        form = self._loose_form(columns, rows)
        return Payload(form, len(rows), rows)

    def _dataframe_records(self, raw: bytes) -> Payload:
        if self._rows is not None and self.frames is not None:
            rows = self._rows.records(raw)
            return Payload(self.frames, len(rows), rows)
        return self._loose_records(msgspec.json.decode(raw, type=list[dict[str, Any]]))

    def _loose_records(self, records: list[dict[str, Any]]) -> Payload:
        names = list(dict.fromkeys(name for record in records for name in record))
        form = self._loose_form(msgspec.json.encode(names), [])
        return Payload(form, len(records), [[record.get(name) for name in names] for record in records])

    def _loose_form(self, columns: bytes, rows: list[list[Any]]) -> LooseFrame:
        width = width_of(rows) if rows else 0
        names = None if not columns else tuple(msgspec.json.decode(columns, type=list[Any]))
        if rows and (width < 0 or (names is not None and width != len(names))):
            raise InvalidParameter("Each row must have one value for each column.")
        key = columns or b"%d" % width
        form = self._loose.get(key)
        if form is None:
            if len(self._loose) >= _KNOWN:
                self._loose.clear()
            form = self._loose[key] = LooseFrame(names)
        return form

    def _instances(self, raw: bytes) -> Payload:
        value = msgspec.json.decode(raw)
        if not isinstance(value, list):
            raise BadRequest("'instances' must be a list, one element for each row.")
        if value and isinstance(value[0], dict):
            if self._rows is not None:
                return self._dataframe_records(raw)
            if self._objects or not all(isinstance(one, dict) and one.keys() == value[0].keys() for one in value):
                return Payload(self.object, len(value), value)
            return self._by_name({name: [one[name] for one in value] for name in value[0]})
        return self._matrix(value, raw)

    def _inputs(self, raw: bytes) -> Payload:
        value = msgspec.json.decode(raw)
        if self._objects:
            return Payload(self.object, len(value) if isinstance(value, list) else 1, value)
        if isinstance(value, dict):
            return self._by_name(value)
        if isinstance(value, list):
            if value and isinstance(value[0], dict):
                return self._instances(raw)
            return self._matrix(value, raw)
        return Payload(self.object, 1, value)

    def _by_name(self, value: dict[str, Any]) -> Payload:
        if self._rows is not None and self.schema is not None:
            check_names(self.schema, list(value))
            listed = {name: cells if isinstance(cells, list) else [cells] for name, cells in value.items()}
            count = lengths(listed)
            absent = [None] * count
            rows = [listed.get(one.name, absent) for one in self.schema.columns]
            data = msgspec.json.encode(list(zip(*rows, strict=True)))
            return Payload(self._frames, count, self._rows.read(b"", data))
        arrays = named(value, self.schema)
        return Payload(self.named, lengths(arrays), arrays)

    @property
    def _frames(self) -> FrameRows:
        assert self.frames is not None
        return self.frames

    def _matrix(self, value: list[Any], raw: bytes) -> Payload:
        if self._rows is not None and self.schema is not None:
            if value and not isinstance(value[0], list) and len(self.schema.columns) == 1:
                raw = msgspec.json.encode([[one] for one in value])
            rows = self._rows.read(b"", raw)
            return Payload(self._frames, len(rows), rows)
        array = cast(value, self.schema)
        return Payload(self.arrays, len(array), array)


def read_params(raw: bytes) -> dict[str, Any]:
    """The `params` of a request. Raises InvalidParameter where they are not an object."""
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.ValidationError:
        raise InvalidParameter("'params' must be an object of names and values.") from None


def _wrong_fields(body: bytes) -> BadRequest:
    found: list[str] = list(msgspec.json.decode(body, type=dict[str, msgspec.Raw]))
    return BadRequest(f"{_WANTED}. Received dictionary with input fields: {found}")


def _without_nan(body: bytes, error: Exception) -> bytes:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest(f"Ensure that input is a valid JSON formatted string. Error: '{error}'") from None
    if isinstance(value, list):
        raise BadRequest(f"{_WANTED}. Received a list.")
    return msgspec.json.encode(value)
