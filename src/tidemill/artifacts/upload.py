"""Sending files and whole folders to a storage: several at once, with checksums, tried again where that may help."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from tidemill.artifacts.progress import Meter, Progress, in_threads
from tidemill.artifacts.storage import CHUNK_SIZE, Storage, file_path
from tidemill.errors import InvalidParameter, NotFound
from tidemill.retry import retrying


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file as it was sent: its path in the storage, its size in bytes, its SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Item:
    source: str
    path: str
    size: int


def upload(
    storage: Storage,
    source: str | os.PathLike[str],
    path: str = "",
    *,
    threads: int = 8,
    progress: Progress | None = None,
    attempts: int = 5,
) -> list[Uploaded]:
    """Send the file or folder `source`; what was sent, sorted by path.

    A file becomes `path`, or its own name in the root where `path` is "". A folder's content comes below `path`;
    empty folders are left out, links are followed. Each file is tried up to `attempts` times while the storage is
    Unavailable. Raises NotFound where there is no `source`, InvalidParameter for names that no storage may hold and
    for sockets, pipes and devices: before anything is sent.
    """
    local = os.fspath(source)
    items = sorted(_items(local, path), key=lambda item: item.path)
    meter = Meter(sum(item.size for item in items), progress)
    return in_threads(lambda item: _send(storage, item, meter, attempts), items, threads)


def planned(source: str | os.PathLike[str], path: str = "") -> list[tuple[str, str]]:
    """What `upload` would send: local file and path in the storage, sorted. Raises as it does."""
    return sorted((item.source, item.path) for item in _items(os.fspath(source), path))


def _items(source: str, path: str) -> Iterator[_Item]:
    if os.path.isdir(source):
        yield from _folder_items(source, path.rstrip("/"), frozenset())
    else:
        yield _item(source, path or os.path.basename(source))


def _folder_items(folder: str, path: str, above: frozenset[str]) -> Iterator[_Item]:
    real = os.path.realpath(folder)
    if real in above:
        raise InvalidParameter(f"The folder '{folder}' holds a link to itself; remove the link.")
    for name in sorted(os.listdir(folder)):
        inside, target = os.path.join(folder, name), f"{path}/{name}" if path else name
        if os.path.isdir(inside):
            yield from _folder_items(inside, target, above | {real})
        else:
            yield _item(inside, target)


def _item(source: str, path: str) -> _Item:
    if not os.path.exists(source):
        raise NotFound(f"There is no file '{source}' to upload.")
    if not os.path.isfile(source):
        raise InvalidParameter(f"'{source}' is neither a file nor a folder and cannot be uploaded.")
    try:
        return _Item(source, file_path(path), os.path.getsize(source))
    except InvalidParameter:
        raise InvalidParameter(f"Invalid path: '{path}' is no name for an artifact; rename '{source}'.") from None


def _send(storage: Storage, item: _Item, meter: Meter, attempts: int) -> Uploaded:
    def once() -> Uploaded:
        hasher, sent = hashlib.sha256(), 0

        def chunks(file: IO[bytes]) -> Iterator[bytes]:
            nonlocal sent
            while chunk := file.read(CHUNK_SIZE):
                hasher.update(chunk)
                yield chunk
                sent += len(chunk)
                meter.add(len(chunk), item.path)

        try:
            with open(item.source, "rb", buffering=0) as file:
                size = storage.write(item.path, chunks(file), item.size)
        except BaseException:
            meter.add(-sent, item.path)
            raise
        return Uploaded(item.path, size, hasher.hexdigest())

    return retrying(once, attempts)
