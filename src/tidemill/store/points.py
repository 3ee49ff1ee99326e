"""Metric points as bytes: the log row and the series block.

Log row (one logging call, many series), little-endian::

    0x01  u32 count  count × u32 name id  count × f64 value  count × i64 timestamp  count × i64 step

Block (one series, sorted by timestamp, step, value), little-endian::

    u8 format (0x02 plain, 0x03 zlib over the rest)  u32 count  column timestamps  column steps  count × f64 value

    column:  u8 width  i64 first  deltas
             width 0: all deltas are the same i64, given once; 1, 2, 4, 8: count - 1 signed integers of that width

NaN is a value like others. Infinities never occur (they are stored as the largest doubles, as MLflow does).
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice
from operator import lt, sub
from typing import cast

from tidemill.errors import InternalError

Point = tuple[int, int, float]
"""timestamp, step, value: in the order in which histories are sorted."""

BLOCK_POINTS = 2048
_LOG = 0x01
_PLAIN = 0x02
_ZLIB = 0x03
_ONE = struct.Struct("<BIIdqq")
_HEAD = struct.Struct("<BI")
_COLUMN = struct.Struct("<Bq")
_WIDTHS = ((1, "b"), (2, "h"), (4, "i"), (8, "q"))
_TYPES = dict(_WIDTHS)
_UINT = "I" if array("I").itemsize == 4 else "L"


def _bytes(kind: str, values: Iterable[float]) -> bytes:
    column = array(kind, values)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _column(kind: str, data: bytes) -> "array[int]":
    column = array(kind)
    column.frombytes(data)
    if sys.byteorder == "big":
        column.byteswap()
    return column


def pack_log(ids: Sequence[int], values: Sequence[float], timestamps: Sequence[int], steps: Sequence[int]) -> bytes:
    """A log row of equally long columns. Raises OverflowError for an integer of more than 64 bits."""
    if len(ids) == 1:
        try:
            return _ONE.pack(_LOG, 1, ids[0], values[0], timestamps[0], steps[0])
        except struct.error as error:
            raise OverflowError(str(error)) from None
    columns = (_bytes(_UINT, ids), _bytes("d", values), _bytes("q", timestamps), _bytes("q", steps))
    return _HEAD.pack(_LOG, len(ids)) + b"".join(columns)


def unpack_log(data: bytes) -> tuple[Sequence[int], Sequence[float], Sequence[int], Sequence[int]]:
    """The columns of a log row: name ids, values, timestamps, steps. Raises InternalError for a damaged one."""
    if len(data) < _HEAD.size:
        raise _damaged()
    form, count = _HEAD.unpack_from(data)
    if form != _LOG or len(data) != _HEAD.size + 28 * count:
        raise _damaged()
    at = _HEAD.size
    ids = _column(_UINT, data[at : (at := at + 4 * count)])
    values = _column("d", data[at : (at := at + 8 * count)])
    timestamps = _column("q", data[at : (at := at + 8 * count)])
    steps = _column("q", data[at : at + 8 * count])
    return ids, values, timestamps, steps


def _pack_column(values: Sequence[int]) -> bytes:
    deltas = list(map(sub, values[1:], values))
    low, high = (min(deltas), max(deltas)) if deltas else (0, 0)
    if low == high and -(2**63) <= low < 2**63:
        return _COLUMN.pack(0, values[0]) + struct.pack("<q", low)
    for width, kind in _WIDTHS:
        half = 1 << (8 * width - 1)
        if -half <= low and high < half:
            return _COLUMN.pack(width, values[0]) + _bytes(kind, deltas)
    # Differences of 64-bit numbers may need 65 bits: wrap around, as unpacking does.
    wrapped = [(delta + 2**63) % 2**64 - 2**63 for delta in deltas]
    return _COLUMN.pack(8, values[0]) + _bytes("q", wrapped)


def _unpack_column(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    width, first = _COLUMN.unpack_from(data, at)
    at += _COLUMN.size
    if width == 0:
        (delta,) = struct.unpack_from("<q", data, at)
        values = [first] * count if delta == 0 else list(range(first, first + count * delta, delta))
        return values, at + 8
    end = at + width * (count - 1)
    values = list(accumulate(_column(_TYPES[width], data[at:end]), initial=first))
    if width == 8:
        values = [(value + 2**63) % 2**64 - 2**63 for value in values]
    return values, end


def pack_block(points: Sequence[Point]) -> bytes:
    """A block of at least one point, already sorted."""
    timestamps, steps, values = zip(*points, strict=True)
    body = _pack_column(timestamps) + _pack_column(steps) + _bytes("d", values)
    packed = zlib.compress(body, 1)
    if len(packed) < len(body):
        return _HEAD.pack(_ZLIB, len(points)) + packed
    return _HEAD.pack(_PLAIN, len(points)) + body


def unpack_block(data: bytes) -> list[Point]:
    """The points of a block. Raises InternalError for a damaged one."""
    return list(zip(*unpack_columns(data), strict=True))


def unpack_columns(data: bytes) -> tuple[list[int], list[int], "array[float]"]:
    """The timestamps, steps and values of a block. Raises InternalError for a damaged one."""
    try:
        form, count = _HEAD.unpack_from(data)
        if form not in (_PLAIN, _ZLIB):
            raise _damaged()
        body = data[_HEAD.size :]
        if form == _ZLIB:
            body = zlib.decompress(body)
        if 8 * count > len(body):
            raise _damaged()
        timestamps, at = _unpack_column(body, 0, count)
        steps, at = _unpack_column(body, at, count)
        values = _column("d", body[at : at + 8 * count])
        if len(timestamps) != count or len(steps) != count:
            raise _damaged()
        return timestamps, steps, cast("array[float]", values)
    except (struct.error, ValueError, KeyError, zlib.error) as error:
        raise _damaged() from error


def _damaged() -> InternalError:
    return InternalError("Stored metric points cannot be read. Run: tidemill db check")


def place(point: Point) -> tuple[int, int, float, bool]:
    """What points are sorted by: timestamp, step, value. NaN counts as 0, as in MLflow, and comes after it."""
    timestamp, step, value = point
    real = value == value
    return timestamp, step, value if real else 0.0, not real


def in_order(points: list[Point]) -> list[Point]:
    """Sorted by `place`, each distinct point once."""
    # Points compare as they are sorted, but for NaN, which is less than nothing and so never passes here.
    if all(map(lt, points, islice(points, 1, None))):
        return points
    keyed = {place(point): point for point in points}
    return [keyed[key] for key in sorted(keyed)]
