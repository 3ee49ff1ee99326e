"""A server's artifact proxy as a storage, so that one way of uploading and downloading serves them all."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import IO

from tidemill.artifacts.storage import (
    CHUNK_SIZE,
    Chunk,
    Listing,
    PartWriter,
    Storage,
    Writer,
    check_range,
    file_path,
    storage_path,
)
from tidemill.tracking import resolve
from tidemill.transport.address import origin_of
from tidemill.transport.http import HttpBackend
from tidemill.transport.session import Session
from tidemill.transport.stream import ProxyFiles
from tidemill.types.artifacts import FileInfo

_LOGINS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


class ProxyStorage(Storage):
    """The folder `root` of what a server keeps. See Storage for what it promises; names are kept byte for byte."""

    def __init__(self, session: Session, root: str) -> None:
        self._files = ProxyFiles(session)
        self._root = storage_path(root)

    def list(self, path: str = "") -> Listing:
        """See Storage."""
        cut = len(self._root) + 1 if self._root else 0
        found = self._files.list(self._at(storage_path(path)))
        return sorted(
            (FileInfo(one.path[cut:], one.is_dir, one.file_size) for one in found), key=lambda info: info.path
        )

    def stat(self, path: str) -> FileInfo | None:
        """See Storage. The proxy tells only by listing the folder that it is in."""
        clean = storage_path(path)
        if not clean:
            return FileInfo("", True)
        return next((one for one in self.list(clean.rpartition("/")[0]) if one.path == clean), None)

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See Storage."""
        check_range(start, length)
        chunks = self._files.get_file(self._at(file_path(path)), start)
        first = list(islice(chunks, 1))  # so that a missing file is noticed now
        return _limited(first, chunks, length)

    def open_writer(self, path: str, size_hint: int | None = None) -> Writer:
        """See Storage. The bytes wait in a temporary file, since a request is sent in one go."""
        return _SpooledWriter(self, file_path(path))

    def write(self, path: str, chunks: Iterable[Chunk], size_hint: int | None = None) -> int:
        """See Storage. Bytes go to the server as they come; with a `size_hint` there must be exactly as many."""
        source = _Counted(chunks)
        try:
            self._files.put_file(self._at(file_path(path)), source, size_hint)
        except Exception:
            if source.error is not None:  # ours to read, not the connection's to carry
                raise source.error from None
            raise
        return source.bytes

    def delete(self, path: str) -> None:
        """See Storage."""
        self._files.delete(self._at(file_path(path)))

    def multipart_create(self, path: str) -> str:
        """See Storage."""
        return self._files.create_parts(self._at(file_path(path)))

    def multipart_part(self, path: str, upload_id: str, number: int) -> PartWriter:
        """See Storage. A part waits in memory, since a request is sent in one go."""
        return _MemoryPartWriter(self._files, self._at(file_path(path)), upload_id, number)

    def multipart_complete(self, path: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> int:
        """See Storage."""
        self._files.complete_parts(self._at(file_path(path)), upload_id, parts)
        info = self.stat(path)
        return 0 if info is None else info.file_size or 0

    def multipart_abort(self, path: str, upload_id: str) -> None:
        """See Storage."""
        self._files.abort_parts(self._at(file_path(path)), upload_id)

    def _at(self, clean: str) -> str:
        return "/".join(filter(None, (self._root, clean)))


class _Counted:
    """Chunks on their way to a server: how many bytes, and what went wrong at their source."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = chunks
        self.bytes = 0
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks:
                self.bytes += len(chunk)
                yield bytes(chunk)
        except Exception as error:
            self.error = error
            raise


class _SpooledWriter(Writer):
    def __init__(self, storage: ProxyStorage, path: str) -> None:
        self._storage = storage
        self._path = path
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="tidemill-")  # noqa: SIM115 - open until commit or abort

    def _write(self, chunk: Chunk) -> None:
        self._file.write(chunk)

    def _commit(self) -> None:
        with self._file as file:
            file.seek(0)
            self._storage.write(self._path, iter(lambda: file.read(CHUNK_SIZE), b""), self.size)

    def _abort(self) -> None:
        self._file.close()


class _MemoryPartWriter(PartWriter):
    def __init__(self, files: ProxyFiles, path: str, upload_id: str, number: int) -> None:
        self._files, self._path, self._upload_id, self._number = files, path, upload_id, number
        self._chunks: list[bytes] = []

    def _write(self, chunk: Chunk) -> None:
        self._chunks.append(bytes(chunk))

    def _commit(self) -> None:
        self.etag = self._files.put_part(self._path, self._upload_id, self._number, b"".join(self._chunks))
        self._chunks.clear()

    def _abort(self) -> None:
        self._chunks.clear()


def proxied(server: str, path: str, tracking_uri: str) -> ProxyStorage:
    """The folder `path` behind `server`; the login goes to the tracking server alone.

    Which server keeps an experiment's artifacts is for whoever made the experiment to say; a login must not follow.
    """
    if server == tracking_uri:
        backend = resolve.store(tracking_uri)
        assert isinstance(backend, HttpBackend)
        return ProxyStorage(backend.session, path)
    if origin_of(server) == origin_of(tracking_uri):
        return ProxyStorage(Session(server), path)
    anonymous = {name: value for name, value in os.environ.items() if name not in _LOGINS}
    return ProxyStorage(Session(server, env=anonymous), path)


def _limited(first: list[bytes], chunks: Iterator[bytes], length: int | None) -> Iterator[bytes]:
    left = length
    for source in (first, chunks):
        for chunk in source:
            if left is not None and len(chunk) >= left:
                yield chunk[:left]
                return
            yield chunk
            left = None if left is None else left - len(chunk)
