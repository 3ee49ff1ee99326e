"""Unpacking archives that nobody vouches for: nothing lands outside the folder, and nothing grows without limit.

Files are written first and links made afterwards, so no file is ever written through a link; a link that leads out,
a hard link, a device, a path with `..` or an absolute one refuses the whole archive.
"""

import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from tidemill.errors import InvalidParameter

MOST_BYTES = 4 * 2**30
MOST_ENTRIES = 200_000
_CHUNK = 1 << 20


@dataclass(frozen=True)
class _Entry:
    path: str
    kind: str
    target: str = ""
    mode: int = 0o644
    open: "object" = None


def unpack(archive: str, folder: str, most_bytes: int = MOST_BYTES, most_entries: int = MOST_ENTRIES) -> None:
    """Unpack the zip or tar file at `archive` into the existing `folder`. Raises InvalidParameter, nothing is left then."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                _write(_zip_entries(file), folder, most_bytes, most_entries)
        else:
            with tarfile.open(archive) as tar:
                _write(_tar_entries(tar), folder, most_bytes, most_entries)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        _empty(folder)
        raise InvalidParameter(f"The archive '{os.path.basename(archive)}' cannot be read: {error}.") from None
    except InvalidParameter:
        _empty(folder)
        raise


def _zip_entries(file: zipfile.ZipFile) -> Iterator[_Entry]:
    for one in file.infolist():
        mode = one.external_attr >> 16
        if one.is_dir():
            yield _Entry(one.filename, "folder")
        elif stat.S_ISLNK(mode):
            if one.file_size > 4096:
                raise InvalidParameter(f"The archive's link '{one.filename}' is too long.")
            yield _Entry(one.filename, "link", file.read(one).decode(errors="surrogateescape"))
        elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise InvalidParameter(f"The archive holds '{one.filename}', which is neither a file nor a folder.")
        else:
            yield _Entry(one.filename, "file", mode=mode, open=lambda one=one: file.open(one))


def _tar_entries(tar: tarfile.TarFile) -> Iterator[_Entry]:
    for one in tar:
        if one.isdir():
            yield _Entry(one.name, "folder")
        elif one.issym():
            yield _Entry(one.name, "link", one.linkname)
        elif one.isfile():
            yield _Entry(one.name, "file", mode=one.mode, open=lambda one=one: tar.extractfile(one))
        else:
            raise InvalidParameter(f"The archive holds '{one.name}', which is neither a file nor a folder.")


def _write(entries: Iterable[_Entry], folder: str, most_bytes: int, most_entries: int) -> None:
    root = os.path.realpath(folder)
    links: dict[str, str] = {}
    left = most_bytes
    for count, entry in enumerate(entries):
        if count >= most_entries:
            raise InvalidParameter(f"The archive holds more than {most_entries} entries.")
        path = _inside(root, entry.path)
        if entry.kind == "link":
            links[path] = entry.target
        elif entry.kind == "folder":
            os.makedirs(path, exist_ok=True)
        else:
            left = _copy(entry, path, left, most_bytes)
    _link(root, links)


def _inside(root: str, name: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or (parts and ":" in parts[0]):
        raise InvalidParameter(f"The archive holds '{name}', which leads out of it.")
    return os.path.join(root, *parts)


def _copy(entry: _Entry, path: str, left: int, most: int) -> int:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        raise InvalidParameter(f"The archive holds '{entry.path}' twice.")
    assert callable(entry.open)
    source: IO[bytes] = entry.open()
    mode = 0o755 if entry.mode & 0o100 else 0o644
    with source, open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as target:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise InvalidParameter(f"The archive is larger than {most} bytes when unpacked.")
            target.write(chunk)
    return left


def _link(root: str, links: dict[str, str]) -> None:
    for path, target in links.items():
        if os.path.lexists(path) or os.path.isabs(target) or "\0" in target or "\\" in target:
            raise InvalidParameter(f"The archive's link '{os.path.relpath(path, root)}' leads out of it.")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.realpath(os.path.dirname(path)).startswith(root):
            raise InvalidParameter(f"The archive's link '{os.path.relpath(path, root)}' leads out of it.")
        os.symlink(target, path)
    for path in links:
        if not (os.path.realpath(path) + os.sep).startswith(root + os.sep):
            raise InvalidParameter(f"The archive's link '{os.path.relpath(path, root)}' leads out of it.")


def _empty(folder: str) -> None:
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
