"""JSON rows to what a schema wants, checked by a decoder that is made for the schema once.

msgspec checks types while it parses, in C, so a check costs nothing of its own and the same for 3 and 3,000 columns.
Only a refused body is read a second time, to say which column is wrong.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Annotated, Any

import msgspec

from tidemill.errors import BadRequest, InvalidParameter
from tidemill.serving.schema import Column, Schema

_INT64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_INT32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_TYPES: dict[str, Any] = {
    "boolean": bool,
    "integer": _INT32,
    "long": _INT64,
    "float": float | None,
    "double": float | None,
    "string": str | None,
    "binary": str | None,
    "datetime": str | None,
    "any": Any,
}
_KNOWN = 64
"""How many orders of columns are remembered."""

_ODD = re.compile(r'["\\\x00-\x1f]')

Rows = list[Any]


class RowReader:
    """Reads rows of the schema's columns. `read` and `records` answer lists of lists or tuples in the schema's order."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._convert = _converter(schema)
        self._orders: dict[bytes, Callable[[bytes], Rows]] = {}
        self._in_order = self._reader_for(schema.names)
        self._records = _record_reader(schema)

    def read(self, columns: bytes, data: bytes) -> Rows:
        """The rows of `data` (JSON, a list of lists) whose columns are named by `columns` (JSON, or empty: in order)."""
        if not columns:
            return self._in_order(data)
        reader = self._orders.get(columns)
        if reader is None:
            reader = self._reader_for(_names(columns))
            if len(self._orders) >= _KNOWN:
                self._orders.clear()
            self._orders[columns] = reader
        return reader(data)

    def records(self, data: bytes) -> Rows:
        """The rows of `data` (JSON, a list of objects)."""
        rows = self._records(data)
        return self._convert(rows) if self._convert else rows

    def _reader_for(self, names: Sequence[str]) -> Callable[[bytes], Rows]:
        """A function from JSON to rows, where the request has columns of these names."""
        places = check_names(self.schema, names)
        by_name = {one.name: one for one in self.schema.columns}
        columns = [by_name.get(name, Column(name, "any", False)) for name in names]
        decode = _row_decoder(columns)
        pick = None if places == list(range(len(names))) else _picker(places)

        def read(data: bytes) -> Rows:
            rows: Rows = decode(data)
            if pick is not None:
                rows = [pick(row) for row in rows]
            return self._convert(rows) if self._convert else rows

        return read


def check_names(schema: Schema, names: Sequence[str]) -> list[int]:
    """The place of each of the schema's columns among `names`, -1 where an optional one is absent.

    Raises InvalidParameter where a required one is absent. Names beyond the schema's are let go.
    """
    where = {name: place for place, name in reversed(list(enumerate(names)))}
    missing = [one.name for one in schema.columns if one.required and one.name not in where]
    if missing:
        extra = sorted(set(where) - set(schema.names))
        note = f" Note that there were extra inputs: {extra}" if extra else ""
        raise InvalidParameter(f"Model is missing inputs {missing}.{note}")
    return [where.get(name, -1) for name in schema.names]


def _names(columns: bytes) -> list[str]:
    try:
        found = msgspec.json.decode(columns, type=list[str | int])
    except msgspec.ValidationError:
        raise BadRequest("The columns of 'dataframe_split' must be a list of names.") from None
    return [str(one) for one in found]


def _picker(places: list[int]) -> Callable[[Any], Any]:
    if -1 not in places and len(places) > 1:
        return itemgetter(*places)
    return lambda row: [None if place < 0 else row[place] for place in places]


def _cell(column: Column) -> Any:
    kind = _TYPES[column.kind]
    return kind if column.required or kind is Any else kind | None


def _row_decoder(columns: Sequence[Column]) -> Callable[[bytes], Rows]:
    """Decodes a list of rows: of one type where all columns have one, else as tuples of their types."""
    width = len(columns)
    kinds = {(one.kind, one.required) for one in columns}
    row = _list_of(_cell(columns[0])) if len(kinds) == 1 else _tuple_of([_cell(one) for one in columns])
    decoder: msgspec.json.Decoder[Rows] = msgspec.json.Decoder(_list_of(row))

    def decode(data: bytes) -> Rows:
        try:
            rows = decoder.decode(data)
        except msgspec.ValidationError as error:
            try:
                rows = decoder.decode(_whole_numbers(columns, data))
            except msgspec.ValidationError:
                raise _refusal(columns, str(error)) from None
        if len(kinds) == 1 and not set(map(len, rows)) <= {width}:
            raise InvalidParameter(f"Each row must have {width} values, one for each column.")
        return rows

    return decode


def _whole_numbers(columns: Sequence[Column], data: bytes) -> bytes:
    """`data` with 3.0 as 3 in columns of whole numbers: some callers know only fractions. 3.5 stays, to be refused."""
    rows = msgspec.json.decode(data, type=list[list[Any]])
    for place, column in enumerate(columns):
        if column.kind in ("integer", "long"):
            for row in rows:
                if place < len(row) and isinstance(row[place], float) and row[place].is_integer():
                    row[place] = int(row[place])
    return msgspec.json.encode(rows)


def _refusal(columns: Sequence[Column], text: str) -> BadRequest:
    """An error of msgspec's, with the name of the column. (Values that do not fit are BAD_REQUEST in MLflow.)"""
    what, _, path = text.partition(" - at `$[")
    pieces = path.rstrip("`").replace("]", "").split("[")
    if len(pieces) > 1 and pieces[1].isdigit() and int(pieces[1]) < len(columns):
        column = columns[int(pieces[1])]
        return BadRequest(
            f"Incompatible input types for column {column.name}. {what} in row {pieces[0]}; the model's schema says "
            f"{column.kind}."
        )
    return BadRequest(f"The data does not fit the model's schema: {text}.")


def _record_reader(schema: Schema) -> Callable[[bytes], Rows]:
    """Decodes a list of objects into tuples in the schema's order."""
    if len(set(schema.names)) < len(schema.names) or any(_ODD.search(name) for name in schema.names):
        return _odd_record_reader(schema)
    fields: list[Any] = []
    names = {}
    for number, column in enumerate(schema.columns):
        field = f"c{number}"
        names[field] = column.name
        # A gap in a record is an absent key in some encoders and a null in others.
        fields.append((field, _cell(column)) if column.required else (field, _cell(column), None))
    record = msgspec.defstruct("Record", fields, rename=names, kw_only=True, gc=False)
    decoder = msgspec.json.Decoder(list[record])  # type: ignore[valid-type]
    explain = _odd_record_reader(schema)
    astuple = msgspec.structs.astuple

    def decode(data: bytes) -> Rows:
        try:
            return list(map(astuple, decoder.decode(data)))
        except msgspec.ValidationError:
            return explain(data)  # raises, and says why, unless whole numbers came as 3.0

    return decode


def _odd_record_reader(schema: Schema) -> Callable[[bytes], Rows]:
    """The same by way of dicts, for names that a struct's fields cannot have."""
    decode = _row_decoder(schema.columns)

    def read(data: bytes) -> Rows:
        try:
            records = msgspec.json.decode(data, type=list[dict[str, Any]])
        except msgspec.ValidationError:
            raise InvalidParameter("'dataframe_records' must be a list of objects, one for each row.") from None
        for one in records:
            check_names(schema, list(one))
        return decode(msgspec.json.encode([[one.get(name) for name in schema.names] for one in records]))

    return read


def _converter(schema: Schema) -> Callable[[Rows], Rows] | None:
    """What turns texts into times and bytes, where the schema has such columns."""
    places = [(number, one) for number, one in enumerate(schema.columns) if one.kind in ("datetime", "binary")]
    if not places:
        return None

    def convert(rows: Rows) -> Rows:
        made = [list(row) for row in rows]
        for number, column in places:
            for row in made:
                row[number] = _special(column, row[number])
        return made

    return convert


def _special(column: Column, value: str | None) -> Any:
    import numpy as np

    if column.kind == "binary":
        try:
            return None if value is None else base64.b64decode(value, validate=True)
        except binascii.Error:
            raise InvalidParameter(f"Column {column.name} holds binary data, which must be sent as base64.") from None
    try:
        return np.datetime64("NaT" if value is None else value.removesuffix("Z"), "ns")
    except ValueError:
        raise InvalidParameter(
            f"Column {column.name} holds times, which must be sent as 2026-01-31T10:00:00."
        ) from None


def width_of(rows: Rows) -> int:
    """The number of values in each row; -1 where they differ."""
    widths = set(map(len, rows))
    return widths.pop() if len(widths) == 1 else -1


def flat(rows: Rows) -> Rows:
    """All cells of all rows."""
    return list(chain.from_iterable(rows))


def _tuple_of(cells: list[Any]) -> Any:
    return tuple.__class_getitem__(tuple(cells))


def _list_of(kind: Any) -> Any:
    return list.__class_getitem__(kind)
