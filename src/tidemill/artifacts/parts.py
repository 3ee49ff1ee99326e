"""A large file sent in parts: what has arrived is noted on the disk, so that only what is missing is sent again."""

import contextlib
import os
from pathlib import Path

import msgspec

from tidemill.artifacts.storage import CHUNK_SIZE, Storage
from tidemill.errors import InvalidParameter, NotFound

PART_BYTES = 16 * 2**20
FROM_BYTES = 2 * PART_BYTES
"""Smaller files are sent whole."""
_MOST_PARTS = 9_000


class _Note(msgspec.Struct):
    """An upload under way: the file that it is, and the ETags of the parts that have arrived, by number."""

    place: str
    path: str
    size: int
    part_bytes: int
    upload_id: str
    etags: dict[int, str] = {}


def upload_in_parts(
    storage: Storage, source: Path, path: str, note: Path, place: str, part_bytes: int = PART_BYTES
) -> None:
    """Send the local file `source` as `path`, going on where an earlier attempt that left `note` came to an end.

    `place` names the storage, so that a note of another one is not taken up. The note is removed when all has arrived.
    Raises NotSupported where the storage takes no parts, and what it raises otherwise; then call again.
    """
    size = source.stat().st_size
    part_bytes = max(part_bytes, -(-size // _MOST_PARTS))
    found = _read(note)
    wanted = (place, path, size, part_bytes)
    if found is None or (found.place, found.path, found.size, found.part_bytes) != wanted:
        found = _Note(*wanted, storage.multipart_create(path))
        _write(note, found)
    try:
        for number in range(1, -(-size // part_bytes) + 1):
            if number not in found.etags:
                found.etags[number] = _send(storage, source, found, number)
                _write(note, found)
        _complete(storage, found)
    except (NotFound, InvalidParameter):
        note.unlink(missing_ok=True)  # the storage knows nothing of this upload any more: the next attempt begins anew
        raise
    note.unlink(missing_ok=True)


def _complete(storage: Storage, found: _Note) -> None:
    try:
        storage.multipart_complete(found.path, found.upload_id, sorted(found.etags.items()))
    except NotFound:
        # Perhaps it was completed before, and only the answer was lost.
        info = storage.stat(found.path)
        if info is None or info.file_size != found.size:
            raise


def _send(storage: Storage, source: Path, found: _Note, number: int) -> str:
    with (
        source.open("rb", buffering=0) as file,
        storage.multipart_part(found.path, found.upload_id, number) as writer,
    ):
        file.seek((number - 1) * found.part_bytes)
        left = min(found.part_bytes, found.size - (number - 1) * found.part_bytes)
        while left:
            chunk = file.read(min(CHUNK_SIZE, left))
            if not chunk:
                raise InvalidParameter(f"'{source}' became shorter while it was being sent.")
            writer.write(chunk)
            left -= len(chunk)
        writer.commit()
        return writer.etag


def _read(note: Path) -> _Note | None:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(note.read_bytes(), type=_Note)
    return None


def _write(note: Path, found: _Note) -> None:
    part = note.with_name(f"{note.name}.{os.getpid()}")
    part.write_bytes(msgspec.json.encode(found))
    os.replace(part, note)
