"""Points as bytes: whatever goes in comes out again, at the edges of 64 bits too."""

import contextlib
import math
import random
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidemill.errors import InternalError
from tidemill.store import points

LEAST, MOST = -(2**63), 2**63 - 1
INT64 = st.integers(LEAST, MOST)
VALUES = st.floats(allow_infinity=False, width=64)
POINT = st.tuples(
    st.one_of(INT64, st.integers(0, 20)),
    st.one_of(INT64, st.integers(-3, 3)),
    st.one_of(VALUES, st.sampled_from([0.0, -0.0, 1.0, math.nan])),
)


def bits(values: list[float]) -> list[bytes]:
    """Doubles as their bits, so that NaN equals itself and -0.0 differs from 0.0."""
    return [struct.pack("<d", value) for value in values]


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), VALUES, INT64, INT64), min_size=1, max_size=60))
@example([(2**32 - 1, -0.0, LEAST, MOST)])
@example([(0, math.nan, MOST, LEAST), (0, 5e-324, LEAST, MOST)])
def test_log_round_trip(rows: list[tuple[int, float, int, int]]) -> None:
    ids, values, timestamps, steps = map(list, zip(*rows, strict=True))
    found = points.unpack_log(points.pack_log(ids, values, timestamps, steps))
    assert (list(found[0]), list(found[2]), list(found[3])) == (ids, timestamps, steps)
    assert bits(list(found[1])) == bits(values)


def test_log_bytes_are_as_written_down() -> None:
    one = points.pack_log([7], [1.5], [2], [-3])
    assert one == b"\x01\x01\0\0\0\x07\0\0\0" + struct.pack("<dqq", 1.5, 2, -3)
    two = points.pack_log([7, 8], [1.5, -0.0], [2, 3], [-3, 4])
    assert two == b"\x01\x02\0\0\0\x07\0\0\0\x08\0\0\0" + struct.pack("<ddqqqq", 1.5, -0.0, 2, 3, -3, 4)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("column", [2, 3])
@pytest.mark.parametrize("number", [MOST + 1, LEAST - 1])
def test_log_refuses_more_than_64_bits(count: int, column: int, number: int) -> None:
    columns: list[list[int]] = [[1] * count, [1] * count, [1] * count, [1] * count]
    columns[column][-1] = number
    with pytest.raises(OverflowError):
        points.pack_log(*columns)


@given(st.lists(POINT, min_size=1, max_size=300))
@example([(LEAST, MOST, math.nan), (MOST, LEAST, -0.0), (LEAST, LEAST, 0.0)])
@example([(0, n * 2**62, 1.0) for n in (-2, -1, 0, 1)])
@example([(n, 10 * n, float(n)) for n in range(300)])
@example([(5, 5, 0.25)] * 200)
@example([(n * (2**62 + 7) % 2**63, -n, 1 / (n + 1)) for n in range(100)])
def test_block_round_trip(found: list[points.Point]) -> None:
    again = points.unpack_block(points.pack_block(found))
    assert [one[:2] for one in again] == [one[:2] for one in found]
    assert bits([one[2] for one in again]) == bits([one[2] for one in found])


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        # format, count; two columns: width, first, deltas; values
        ([(9, 3, 1.5)], "<BI Bqq Bqq d"),
        ([(9, 3, 1.5), (10, 300, 2.5), (12, 301, 3.5)], "<BI Bqbb Bqhh ddd"),
        ([(0, 0, 1.1), (40_000, 2**40, 2.2), (40_001, 7, 3.3)], "<BI Bqii Bqqq ddd"),
    ],
)
def test_block_bytes_are_as_written_down(found: list[points.Point], wanted: str) -> None:
    packed = points.pack_block(found)
    # Small blocks are plain unless packing makes them shorter, which three points can do as well.
    assert len(packed) == struct.calcsize(wanted) if packed[0] == 2 else len(packed) < struct.calcsize(wanted)
    assert struct.unpack_from("<I", packed, 1) == (len(found),)


def test_a_long_block_is_small() -> None:
    found = [(1_700_000_000_000 + 1000 * n, n, 1 / (n + 1)) for n in range(points.BLOCK_POINTS)]
    packed = points.pack_block(found)
    assert packed[0] == 3
    assert len(packed) < 8.5 * len(found)


@given(st.binary(max_size=80))
@example(b"\x00\x01\0\0\0")
@example(b"\x03\x01\0\0\0\0\0\0\0")
@example(b"\x02\xff\xff\xff\xff" + b"\0" * 34)
def test_whatever_else_is_refused_in_words(data: bytes) -> None:
    for unpack in (points.unpack_log, points.unpack_block):
        with contextlib.suppress(InternalError):
            found = unpack(data)
            assert len(found[0] if unpack is points.unpack_log else found) == struct.unpack_from("<I", data, 1)[0]


@given(st.lists(POINT, min_size=1, max_size=30), st.data())
def test_a_cut_block_is_refused(found: list[points.Point], data: st.DataObject) -> None:
    packed = points.pack_block(found)
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(InternalError):
        points.unpack_block(packed[:cut])


@given(st.lists(POINT, max_size=80))
def test_in_order(found: list[points.Point]) -> None:
    ordered = points.in_order(list(found))
    keys = [points.place(one) for one in ordered]
    assert keys == sorted(set(map(points.place, found)))
    # Each comes from what was given, with its own bits (any NaN is as good as another).
    given_bits = {(*one[:2], *bits([one[2]])) for one in found}
    assert all(math.isnan(one[2]) or (*one[:2], *bits([one[2]])) in given_bits for one in ordered)


@given(st.lists(POINT, max_size=40), st.lists(POINT, max_size=40))
def test_in_order_does_not_depend_on_the_way_there(first: list[points.Point], second: list[points.Point]) -> None:
    at_once = points.in_order(first + second)
    in_parts = points.in_order(points.in_order(list(first)) + points.in_order(list(second)))
    assert list(map(points.place, at_once)) == list(map(points.place, in_parts))


@given(st.lists(POINT, min_size=1, max_size=40), st.integers())
def test_in_order_does_not_depend_on_the_order_given(found: list[points.Point], seed: int) -> None:
    shuffled = list(found)
    random.Random(seed).shuffle(shuffled)
    assert list(map(points.place, points.in_order(shuffled))) == list(map(points.place, points.in_order(found)))


def test_nan_counts_as_zero() -> None:
    ordered = points.in_order([(1, 1, 2.0), (1, 1, math.nan), (1, 1, -2.0), (1, 1, math.nan), (0, 5, 9.0)])
    assert repr(ordered) == repr([(0, 5, 9.0), (1, 1, -2.0), (1, 1, math.nan), (1, 1, 2.0)])
