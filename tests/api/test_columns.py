"""Columns of points: what is packed is unpacked, and bytes that are no columns are refused in words."""

import math
import zlib
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.api import columns
from tidemill.errors import InvalidParameter

INT64 = st.integers(-(2**63), 2**63 - 1)
POINTS = st.lists(st.tuples(st.integers(0, 2), st.floats(allow_nan=False), INT64, INT64), max_size=50)


def made(keys: list[str], points: list[tuple[int, float, int, int]]) -> columns.Columns:
    found = columns.empty()
    found.keys.extend(keys)
    for row in points:
        for column, value in zip(found[1:], row, strict=True):
            column.append(value)
    return found


@given(st.lists(st.text(max_size=30), min_size=3, max_size=3), POINTS)
def test_what_is_packed_is_unpacked(keys: list[str], points: list[tuple[int, float, int, int]]) -> None:
    assert columns.unpack(columns.pack(made(keys, points))) == made(keys, points)


def test_columns_may_be_left_uncompressed() -> None:
    made = columns.empty()
    made.keys.append("loss")
    for step in range(1000):
        made.indexes.append(0)
        made.values.append(0.5)
        made.timestamps.append(step)
        made.steps.append(step)
    plain, packed = columns.pack(made, compress=False), columns.pack(made)
    assert len(packed) < len(plain) / 4
    assert columns.unpack(plain) == columns.unpack(packed) == made


def test_nan_survives() -> None:
    found = columns.unpack(columns.pack(made(["a"], [(0, math.nan, 1, 2)])))
    assert math.isnan(found.values[0])


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidParameter, match="columns"):
        columns.unpack(data)


@given(st.data())
def test_cut_columns_are_refused(data: st.DataObject) -> None:
    whole = columns.pack(made(["a", "b"], [(0, 1.0, 2, 3), (1, 4.0, 5, 6)]))
    with pytest.raises(InvalidParameter):
        columns.unpack(whole[: data.draw(st.integers(0, len(whole) - 1))])


def test_a_point_of_an_unknown_key_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="a key that is not there"):
        columns.unpack(columns.pack(made(["a"], [(1, 1.0, 1, 1)])))


def test_too_many_points_and_bombs_are_refused() -> None:
    many = columns.Columns(["a"], *(array(kind, bytes(0)) for kind in ("I", "d", "q", "q")))
    for column in many[1:]:
        column.extend([0] * (columns.MOST_POINTS + 1))
    with pytest.raises(InvalidParameter, match="more than"):
        columns.unpack(columns.pack(many))
    with pytest.raises(InvalidParameter, match="too many"):
        columns.unpack(b"TMC1\x01" + zlib.compress(bytes(50 * 2**20)))
