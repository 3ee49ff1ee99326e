"""Fetching files and whole folders from a storage: several at once, taken up where they broke off, checksums compared.

What a storage lists is not trusted: every name is judged again, and nothing is written outside the destination.
"""

import os
from collections.abc import Iterator, Mapping

from tidemill.artifacts.folder import file_errors, walk
from tidemill.artifacts.local import LocalStorage
from tidemill.artifacts.partial import PartialFile
from tidemill.artifacts.progress import Meter, Progress, in_threads
from tidemill.artifacts.storage import Storage, storage_path
from tidemill.errors import InvalidParameter, NotFound, Unavailable
from tidemill.retry import retrying
from tidemill.types.artifacts import FileInfo

_OVERLAP = 1 << 20  # bytes fetched again when a part is taken up, to see that it is still the same file
_DEEPEST = 100


def download(
    storage: Storage,
    path: str,
    destination: str | os.PathLike[str],
    *,
    threads: int = 8,
    progress: Progress | None = None,
    attempts: int = 5,
    digests: Mapping[str, str] | None = None,
) -> str:
    """Fetch the file or folder `path` ("" is everything) to `destination`/`path`; that local path, absolute.

    Existing files are replaced. What arrived before an error is kept and taken up by the next download of a file of
    the same size. `digests` gives the SHA-256 in hex of some paths (as the storage names them): those files are
    compared. Each file is tried up to `attempts` times while the storage is Unavailable.
    Raises NotFound where there is no `path`, InvalidParameter where a name would lead out of the destination, and
    Unavailable for a file that keeps arriving damaged.
    """
    clean = storage_path(path)
    target = LocalStorage(destination)
    there = retrying(lambda: storage.stat(clean), attempts)
    if there is None:
        raise NotFound(f"No such artifact: '{path}'")
    files = list(_files(storage, clean, attempts)) if there.is_dir else [there]
    if there.is_dir:
        with file_errors(path):
            walk(target.root, clean.split("/") if clean else [], create=True).close()
    meter = Meter(sum(file.file_size or 0 for file in files), progress)

    def fetch(file: FileInfo) -> None:
        expected = (digests or {}).get(file.path)
        retrying(lambda: _fetch(storage, file, target, meter, expected), attempts)

    in_threads(fetch, files, threads)
    return os.path.join(target.root, *clean.split("/")) if clean else target.root


def _files(storage: Storage, folder: str, attempts: int, depth: int = 0) -> Iterator[FileInfo]:
    if depth > _DEEPEST:
        raise InvalidParameter(f"'{folder[:80]}…' is nested more than {_DEEPEST} folders deep.")
    for info in retrying(lambda: storage.list(folder), attempts):
        parent, _, name = info.path.rpartition("/")
        if parent != folder or storage_path(info.path) != info.path or not name:
            raise InvalidParameter(f"The storage lists '{info.path}' in the folder '{folder}', where it cannot lie.")
        if info.is_dir:
            yield from _files(storage, info.path, attempts, depth + 1)
        else:
            yield info


def _fetch(storage: Storage, file: FileInfo, target: LocalStorage, meter: Meter, digest: str | None) -> None:
    folder, name = target.place(file.path)
    reported = 0
    with PartialFile(folder, name, file.path, str(file.file_size)) as part:
        if file.file_size is None or part.size > file.file_size:
            part.restart()  # without a size there is no telling whether it is still the same file
        try:
            meter.add(part.size, file.path)
            reported = part.size
            for arrived in _arrivals(storage, file.path, part):
                reported += arrived
                meter.add(arrived, file.path)
            _check(file, part, digest)
            part.commit()
        except BaseException:
            meter.add(-reported, file.path)
            raise


def _arrivals(storage: Storage, path: str, part: PartialFile) -> Iterator[int]:
    """Fetch what `part` lacks; the number of bytes after each chunk."""
    known = part.last(_OVERLAP)
    for chunk in storage.read(path, part.size - len(known)):
        again = min(len(known), len(chunk))
        if chunk[:again] != known[:again]:
            part.restart()
            raise Unavailable(f"'{path}' has changed since its download began; try again.")
        known = known[again:]
        part.write(chunk[again:] if again else chunk)
        yield len(chunk) - again


def _check(file: FileInfo, part: PartialFile, digest: str | None) -> None:
    if file.file_size is not None and part.size != file.file_size:
        arrived = part.size
        if arrived > file.file_size:
            part.restart()
        raise Unavailable(f"{arrived} of {file.file_size} bytes of '{file.path}' arrived; try again.")
    if digest is not None and part.sha256() != digest.lower():
        part.restart()
        raise Unavailable(f"'{file.path}' arrived damaged: its SHA-256 is not {digest}; try again.")
