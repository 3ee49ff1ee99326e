"""The journal's segments, byte by byte. Little-endian throughout; docs/reference/journal.md says the same in prose.

Segment: a header of 32 bytes, then records, then zeros up to the end of the file::

    8s magic  u16 version (1)  u16 header size (32)  u32 number  i64 created (ms)  u32 zero  u32 crc32 of the 28 bytes before

Record::

    u32 crc32 of all that follows  u32 payload size  u8 type  payload

    type 1 define    u32 slot  UTF-8 text: what the slot stands for, a run id or a metric key, in this segment
    type 2 points    u32 run slot  n × u32 key slot  i64 timestamp (ms)  i64 step  n × f64 value
    type 3 call      u8 size of the name  name of an operation  its argument as JSON
    type 4 artifact  JSON: a file to upload (see `Staged`)
    type 5 end       i64 time (ms): the process let go of its journal in good order

A reader stops at a record whose checksum is wrong, and takes everything before it; nine zeros mean that nothing more
was written. Slots belong to their segment, so each segment can be read alone. The law of the format: a reader of
version 1 reads every journal of version 1, for ever; a change that it could not read gets a new version number.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

import msgspec

MAGIC = b"\x89TMJRNL\n"
VERSION = 1
HEADER = 32
DEFINE, POINTS, CALL, ARTIFACT, END = 1, 2, 3, 4, 5
FRAME = 9
"""Bytes of a record beside its payload."""

_HEAD = struct.Struct("<8sHHIqI")
_FRAME = struct.Struct("<IIB")
_REST = struct.Struct("<IB")
_SLOT = struct.Struct("<I")
_TIME = struct.Struct("<q")
_layouts: dict[int, struct.Struct] = {}


class Record(NamedTuple):
    """One record. `at` and `end` are offsets in its segment."""

    kind: int
    payload: bytes
    at: int
    end: int


class Damage(NamedTuple):
    """Where a segment cannot be read any further. `torn`: only zeros follow, so its writer died while writing it."""

    at: int
    reason: str
    torn: bool


class Staged(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file waiting to be uploaded: `file` in the journal's `files` folder becomes `path` of the run or model `owner`.

    `owner` is `runs/<id>` or `models/<id>`; `size` in bytes.
    """

    owner: str
    path: str
    file: str
    size: int


class Points(NamedTuple):
    """A points record: slots of a run and of keys, one value a key."""

    run: int
    keys: tuple[int, ...]
    timestamp: int
    step: int
    values: tuple[float, ...]


def header(number: int, created_ms: int) -> bytes:
    """The first bytes of segment `number`."""
    head = _HEAD.pack(MAGIC, VERSION, HEADER, number, created_ms, 0)[:28]
    return head + _SLOT.pack(crc32(head))


def check_header(data: bytes) -> int | None:
    """Where the first record of a segment begins; None where this is no segment, or a damaged one, or of the future."""
    if len(data) < HEADER or data[:8] != MAGIC or _SLOT.unpack_from(data, 28)[0] != crc32(data[:28]):
        return None
    _, version, size, *_ = _HEAD.unpack_from(data)
    return int(size) if version == VERSION else None


def record(kind: int, payload: bytes) -> bytes:
    """A whole record."""
    body = _REST.pack(len(payload), kind) + payload
    return _SLOT.pack(crc32(body)) + body


def points_prefix(run: int, keys: tuple[int, ...]) -> bytes:
    """What all points records of these slots hold between checksum and timestamp."""
    slots = struct.pack(f"<I{len(keys)}I", run, *keys)
    return _REST.pack(len(slots) + 16 + 8 * len(keys), POINTS) + slots


def points_tail(count: int) -> struct.Struct:
    """What packs timestamp, step and `count` values."""
    return struct.Struct(f"<qq{count}d")


def define(slot: int, text: str) -> bytes:
    """The record that gives `slot` its meaning."""
    return record(DEFINE, _SLOT.pack(slot) + text.encode())


def call(name: str, argument: bytes) -> bytes:
    """The record of one operation to carry out."""
    called = name.encode()
    return record(CALL, bytes((len(called),)) + called + argument)


def artifact(staged: Staged) -> bytes:
    """The record of one file to upload."""
    return record(ARTIFACT, msgspec.json.encode(staged))


def end(now_ms: int) -> bytes:
    """The record of a journal closed in good order."""
    return record(END, _TIME.pack(now_ms))


def read_define(payload: bytes) -> tuple[int, str]:
    """Slot and text."""
    return _SLOT.unpack_from(payload)[0], payload[4:].decode()


def read_points(payload: bytes) -> Points:
    """One logging call."""
    count = (len(payload) - 20) // 12
    layout = _layouts.get(count)
    if layout is None:
        layout = _layouts[count] = struct.Struct(f"<I{count}Iqq{count}d")
    fields = layout.unpack(payload)
    return Points(fields[0], fields[1 : 1 + count], fields[1 + count], fields[2 + count], fields[3 + count :])


def read_call(payload: bytes) -> tuple[str, bytes]:
    """Name of the operation, and its argument as JSON."""
    size = payload[0]
    return payload[1 : 1 + size].decode(), payload[1 + size :]


def read_artifact(payload: bytes) -> Staged:
    """The file to upload."""
    return msgspec.json.decode(payload, type=Staged)


def scan(data: "bytes | memoryview", at: int = 0) -> Iterator[Record | Damage]:
    """The records of a segment from offset `at` (0: the first); where it is damaged, a Damage comes last."""
    view = memoryview(data)
    size = len(view)
    if at == 0:
        first = check_header(bytes(view[:HEADER]))
        if first is None:
            yield Damage(0, "the header is damaged, or of a newer version", not any(view[:HEADER]))
            return
        at = first
    while at + FRAME <= size:
        crc, length, kind = _FRAME.unpack_from(view, at)
        end = at + FRAME + length
        if crc == length == kind == 0:
            if any(view[at : at + 4096]):
                yield Damage(at, "zeros where a record should be", False)
            return
        if end > size:
            yield Damage(at, f"a record of {length} bytes does not fit in what is left of the segment", False)
            return
        if crc32(view[at + 4 : end]) != crc:
            yield Damage(at, "the checksum of a record is wrong", not any(view[end : end + 4096]))
            return
        yield Record(kind, bytes(view[at + FRAME : end]), at, end)
        at = end
