"""The format: what goes in comes out, damage is noticed, and what an older release wrote stays readable."""

import struct
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidemill.journal import format

FROZEN = Path(__file__).parent.parent / "formats" / "journal-1.seg"
quietly = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
INT64 = st.integers(-(2**63), 2**63 - 1)


def points(run: int, keys: tuple[int, ...], timestamp: int, step: int, values: tuple[float, ...]) -> bytes:
    body = format.points_prefix(run, keys) + format.points_tail(len(keys)).pack(timestamp, step, *values)
    return crc32(body).to_bytes(4, "little") + body


@st.composite
def records(draw: st.DrawFn) -> tuple[int, object, bytes]:
    kind = draw(st.sampled_from([format.DEFINE, format.POINTS, format.CALL, format.ARTIFACT]))
    if kind == format.DEFINE:
        made = draw(st.tuples(st.integers(0, 2**32 - 1), st.text()))
        return kind, made, format.define(*made)
    if kind == format.CALL:
        called = draw(st.tuples(st.text("abc._", max_size=60), st.binary(max_size=300)))
        return kind, called, format.call(*called)
    if kind == format.ARTIFACT:
        staged = draw(st.builds(format.Staged, st.text(), st.text(), st.text(), st.integers(0, 2**60)))
        return kind, staged, format.artifact(staged)
    pairs = draw(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.floats(allow_nan=False)), max_size=20))
    keys, values = tuple(key for key, _ in pairs), tuple(value for _, value in pairs)
    point = format.Points(draw(st.integers(0, 2**32 - 1)), keys, draw(INT64), draw(INT64), values)
    return kind, point, points(*point)


def read(record: format.Record) -> object:
    readers = {
        format.DEFINE: format.read_define,
        format.POINTS: format.read_points,
        format.CALL: format.read_call,
        format.ARTIFACT: format.read_artifact,
    }
    return readers[record.kind](record.payload)


def segment(made: list[tuple[int, object, bytes]], zeros: int = 100) -> bytes:
    return format.header(1, 1_700_000_000_000) + b"".join(data for _, _, data in made) + bytes(zeros)


@quietly
@given(st.lists(records(), max_size=20), st.integers(0, 5000))
def test_what_is_written_is_read(made: list[tuple[int, object, bytes]], zeros: int) -> None:
    found = list(format.scan(segment(made, zeros)))
    assert not [one for one in found if isinstance(one, format.Damage)]
    assert [(one.kind, read(one)) for one in found if isinstance(one, format.Record)] == [
        (kind, value) for kind, value, _ in made
    ]


@quietly
@given(st.lists(records(), min_size=1, max_size=10), st.data())
def test_a_flipped_bit_is_noticed_and_all_before_it_is_kept(
    made: list[tuple[int, object, bytes]], data: st.DataObject
) -> None:
    whole = bytearray(segment(made))
    written = len(whole) - 100
    at = data.draw(st.integers(0, written - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    found = list(format.scan(bytes(whole)))
    ends = [format.HEADER]
    for _, _, record in made:
        ends.append(ends[-1] + len(record))
    intact = 0 if at < format.HEADER else sum(1 for end in ends[1:] if end <= at)
    kept = [one for one in found if isinstance(one, format.Record)]
    damage = found[-1]
    assert isinstance(damage, format.Damage)
    assert len(kept) == intact
    assert damage.at == (0 if at < format.HEADER else ends[intact])
    assert [read(one) for one in kept] == [value for _, value, _ in made[:intact]]


@quietly
@given(st.lists(records(), min_size=1, max_size=10), st.data())
def test_a_cut_segment_keeps_what_is_before_the_cut(made: list[tuple[int, object, bytes]], data: st.DataObject) -> None:
    whole = segment(made, 0)
    cut = data.draw(st.integers(format.HEADER, len(whole)))
    found = [one for one in format.scan(whole[:cut]) if isinstance(one, format.Record)]
    ends, at = [], format.HEADER
    for _, _, record in made:
        at += len(record)
        ends.append(at)
    assert len(found) == sum(1 for end in ends if end <= cut)


def test_a_record_that_was_being_written_is_told_from_damage() -> None:
    whole = segment([(format.CALL, None, format.call("runs.set_tag", b'{"run_id":"r"}'))], 0)
    torn = whole[:-5] + bytes(5000)
    (damage,) = format.scan(torn)
    assert isinstance(damage, format.Damage)
    assert damage.torn
    (damage,) = format.scan(whole[:-1] + b"?" + b"more" + bytes(50))
    assert isinstance(damage, format.Damage)
    assert not damage.torn


def test_a_segment_of_the_future_is_not_read() -> None:
    head = struct.pack("<8sHHIqI", format.MAGIC, 2, 32, 1, 0, 0)[:28]
    (damage,) = format.scan(head + struct.pack("<I", crc32(head)) + b"whatever")
    assert isinstance(damage, format.Damage)
    assert "newer version" in damage.reason


def test_nan_and_infinities_survive() -> None:
    (one,) = format.scan(
        segment([(format.POINTS, None, points(0, (1, 2, 3), 1, 2, (float("nan"), float("inf"), -0.0)))])
    )
    assert isinstance(one, format.Record)
    values = format.read_points(one.payload).values
    assert values[0] != values[0]
    assert values[1:] == (float("inf"), 0.0)


def test_a_journal_of_the_first_release_stays_readable() -> None:
    """The file is never made again: it stands for every journal that lies on somebody's disk."""
    found = list(format.scan(FROZEN.read_bytes()))
    assert [one.kind for one in found if isinstance(one, format.Record)] == [
        format.CALL, format.DEFINE, format.DEFINE, format.DEFINE, format.POINTS, format.POINTS, format.ARTIFACT,
        format.CALL, format.END,
    ]  # fmt: skip
    contents = [one.payload for one in found if isinstance(one, format.Record)]
    assert format.read_call(contents[0])[0] == "runs.create"
    assert [format.read_define(payload) for payload in contents[1:4]] == [
        (0, "00112233445566778899aabbccddeeff"), (1, "train/loss"), (2, "größe"),
    ]  # fmt: skip
    assert format.read_points(contents[4]) == (0, (1, 2), 1_700_000_000_000, 0, (0.5, float("inf")))
    assert format.read_points(contents[5]) == (0, (1, 2), 1_700_000_000_001, 1, (0.25, -1.0))
    assert format.read_artifact(contents[6]) == format.Staged(
        "runs/00112233445566778899aabbccddeeff", "a/b.txt", "000001", 3
    )
    assert format.read_call(contents[7]) == (
        "runs.update", b'{"run_id":"00112233445566778899aabbccddeeff","status":"FINISHED","end_time":1700000000002}',
    )  # fmt: skip


@pytest.mark.parametrize("size", [0, 7, 31])
def test_less_than_a_header_is_damage(size: int) -> None:
    (damage,) = format.scan(format.header(1, 0)[:size])
    assert isinstance(damage, format.Damage)
