"""Many points of one run as columns of bytes: the body of `runs.ingest`. Little-endian::

4s "TMC1"  u8 flags (bit 0: all that follows is zlib)
u32 number of keys  for each: u16 size, UTF-8 text
u32 n  n × u32 index of the key  n × f64 value  n × i64 timestamp (ms)  n × i64 step
"""

import struct
import sys
import zlib
from array import array
from typing import NamedTuple

from tidemill.errors import InvalidParameter

TYPE = "application/vnd.tidemill.columns"
"""The content type of such a body."""
MOST_POINTS = 100_000
"""Most points in one body."""

_MAGIC = b"TMC1"
_HEAD = struct.Struct("<4sB")
_COUNT = struct.Struct("<I")
_SIZE = struct.Struct("<H")
_MOST_BYTES = 16 * 2**20
_UINT = "I" if array("I").itemsize == 4 else "L"


class Columns(NamedTuple):
    """n points: which of `keys`, value, timestamp (ms since the epoch) and step of each."""

    keys: list[str]
    indexes: "array[int]"
    values: "array[float]"
    timestamps: "array[int]"
    steps: "array[int]"


def empty() -> Columns:
    """Columns to fill."""
    return Columns([], array(_UINT), array("d"), array("q"), array("q"))


def pack(columns: Columns, *, compress: bool = True) -> bytes:
    """The bytes of at most `MOST_POINTS` points. `compress`: a third to a twelfth of the bytes, for 0.1 to 0.3 µs a point."""
    parts = [_COUNT.pack(len(columns.keys))]
    for key in columns.keys:
        text = key.encode()
        parts += [_SIZE.pack(len(text)), text]
    parts.append(_COUNT.pack(len(columns.values)))
    parts += [_bytes(column) for column in columns[1:]]
    body = b"".join(parts)
    return _HEAD.pack(_MAGIC, 1) + zlib.compress(body, 1) if compress else _HEAD.pack(_MAGIC, 0) + body


def unpack(data: bytes) -> Columns:
    """The columns in such bytes. Raises InvalidParameter where they are none."""
    try:
        return _unpacked(data)
    except (struct.error, zlib.error, UnicodeDecodeError, ValueError, IndexError) as error:
        raise InvalidParameter(
            f"Invalid value for parameter 'columns' supplied: these are no columns of points ({error})."
        ) from None


def _unpacked(data: bytes) -> Columns:
    magic, flags = _HEAD.unpack_from(data)
    if magic != _MAGIC or flags > 1:
        raise ValueError("they do not begin with TMC1 and known flags")
    body = data[_HEAD.size :]
    if flags:
        inflater = zlib.decompressobj()
        body = inflater.decompress(body, _MOST_BYTES)
        if not inflater.eof:
            raise ValueError("they are cut off, or too many")
    (count,) = _COUNT.unpack_from(body)
    at = _COUNT.size
    keys = []
    for _ in range(count):
        (size,) = _SIZE.unpack_from(body, at)
        at += _SIZE.size + size
        if at > len(body):
            raise ValueError("a key is cut off")
        keys.append(body[at - size : at].decode())
    (n,) = _COUNT.unpack_from(body, at)
    at += _COUNT.size
    if n > MOST_POINTS:
        raise ValueError(f"{n} points are more than {MOST_POINTS}")
    if len(body) != at + 28 * n:
        raise ValueError("the columns do not have the length that they say")
    columns = empty()
    for column in columns[1:]:
        size = n * column.itemsize
        column.frombytes(body[at : at + size])
        if sys.byteorder == "big":
            column.byteswap()
        at += size
    if n and max(columns.indexes) >= len(keys):
        raise ValueError("a point names a key that is not there")
    return columns._replace(keys=keys)


def _bytes(column: "array[int] | array[float]") -> bytes:
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return column.tobytes()
