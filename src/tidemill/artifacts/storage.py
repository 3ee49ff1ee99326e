"""What every storage can do, and the one door to all of them: `open_storage`.

A storage is a folder tree somewhere: a local folder, a bucket's prefix, a folder behind SFTP or FTP. Every `path` is
relative to its root, separated by `/`, and passes `uri.safe_path` before anything else happens; "" is the root.

Promises, tested for each storage by one contract suite:

* Names are kept byte for byte. A name that a storage cannot hold is InvalidParameter, never another name.
* A file appears as a whole or not at all, replaces what was there, and its parent folders are made.
  After `commit` (or `write`) returned it survives a crash as far as the storage can promise that.
* Memory is constant whatever a file's size.
* Every method may be called from several threads at once; a single Writer or read iterator belongs to one thread.
* Errors are those of tidemill.errors: NotFound, InvalidParameter, PermissionDenied, NotSupported, and Unavailable for
  what may succeed when tried again.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tidemill.artifacts.uri import AZURE_SCHEMES, ArtifactUri, safe_path
from tidemill.errors import InvalidParameter, NotSupported, PermissionDenied
from tidemill.types.artifacts import FileInfo

CHUNK_SIZE = 1 << 20
"""Bytes in one chunk of a read."""

HIDDEN = ".tidemill-"
"""First characters of the names that storages keep for unfinished files; they are neither listed nor reachable."""

Chunk = bytes | bytearray | memoryview
"""What a writer takes: bytes in any form that the interpreter can see without a copy."""


Listing = list[FileInfo]
"""What `Storage.list` gives."""


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """An address that needs no credentials for a while. `headers` must be sent along."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)


class Writer(ABC):
    """A file being written, chunk by chunk. Used as a context manager it aborts unless it was committed.

    `size` is the number of bytes written so far.
    """

    size: int = 0
    _open: bool = True

    def write(self, chunk: Chunk, /) -> None:
        """Append `chunk`. Raises the storage's errors; after one the writer can only be aborted."""
        if not self._open:
            raise InvalidParameter("This file is finished already; open another writer.")
        if len(chunk):
            self._write(chunk)
            self.size += len(chunk)

    def commit(self) -> int:
        """Make the file visible and durable under its name; the size in bytes. Nothing is visible if this raises."""
        if not self._open:
            raise InvalidParameter("This file is finished already; open another writer.")
        try:
            self._commit()
        except BaseException:
            self.abort()
            raise
        self._open = False
        return self.size

    def abort(self) -> None:
        """Forget everything written. Does nothing after a commit or an earlier abort."""
        if self._open:
            self._open = False
            self._abort()

    @abstractmethod
    def _write(self, chunk: Chunk) -> None: ...

    @abstractmethod
    def _commit(self) -> None: ...

    @abstractmethod
    def _abort(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.abort()


class PartWriter(Writer):
    """One part of a multipart upload; `etag` names its content once it is committed."""

    etag: str = ""


class Storage(ABC):
    """A folder tree of files. See the module's docstring for what all of them promise."""

    @abstractmethod
    def list(self, path: str = "") -> Listing:
        """The files and folders directly in the folder `path`, sorted by path.

        Each `FileInfo.path` is relative to the storage's root and so includes `path` (`dir/b.txt`, not `b.txt`).
        A folder that does not exist, or a file, gives an empty list.
        """

    @abstractmethod
    def stat(self, path: str) -> FileInfo | None:
        """The file or folder at `path`, or None where there is nothing."""

    @abstractmethod
    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The file's bytes from offset `start`, at most `length` of them, in big chunks.

        The file is opened before this returns, so NotFound (also for a folder) is raised here and not while
        iterating. A `start` at or past the end gives nothing. The iterator has a `close()`.
        """

    @abstractmethod
    def open_writer(self, path: str, size_hint: int | None = None) -> Writer:
        """Start writing the file `path`. `size_hint` is its expected size in bytes; it only tunes the transfer."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Remove a file, or a folder with all it holds. Nothing there is fine; the root itself is refused."""

    def write(self, path: str, chunks: Iterable[Chunk], size_hint: int | None = None) -> int:
        """Write a whole file from `chunks`; its size in bytes. An error in the middle leaves nothing visible."""
        with self.open_writer(path, size_hint) as writer:
            for chunk in chunks:
                writer.write(chunk)
            return writer.commit()

    def signed_url(self, verb: str, path: str, expires_s: int) -> SignedUrl | None:
        """An address for `verb` (GET, HEAD, PUT or DELETE) straight at the storage; None where it cannot sign."""
        file_path(path)
        return None

    def multipart_create(self, path: str) -> str:
        """Start a file that is sent in parts, in any order and at once; the upload's id.

        This and the other three raise NotSupported unless the storage takes parts.
        """
        raise _no_multipart()

    def multipart_part(self, path: str, upload_id: str, number: int) -> PartWriter:
        """Write part `number` (1 to 10,000). Sending it again replaces it. NotFound for an unknown upload."""
        raise _no_multipart()

    def multipart_complete(self, path: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> int:
        """Put the parts, given as (number, etag), together in the order of their numbers; the size in bytes."""
        raise _no_multipart()

    def multipart_abort(self, path: str, upload_id: str) -> None:
        """Throw an upload's parts away. An unknown upload is fine."""
        raise _no_multipart()

    def close(self) -> None:  # noqa: B027 - most storages hold nothing open
        """Let go of connections. The storage must not be used afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


def _no_multipart() -> NotSupported:
    return NotSupported(
        "Multipart upload is not supported for the current artifact repository. Send the file with one PUT."
    )


def storage_path(path: str) -> str:
    """`path` judged by `safe_path`, and refused where it names a storage's own unfinished files."""
    clean = safe_path(path)
    if any(part.startswith(HIDDEN) for part in clean.split("/")):
        raise InvalidParameter("Invalid path")
    return clean


def file_path(path: str) -> str:
    """As `storage_path`, for a call that needs a name: the root is InvalidParameter."""
    clean = storage_path(path)
    if not clean:
        raise InvalidParameter("Invalid path")
    return clean


def check_range(start: int, length: int | None) -> None:
    """InvalidParameter unless `start` and `length` can be a range of bytes."""
    if start < 0 or (length is not None and length < 0):
        raise InvalidParameter("A range of bytes must start at 0 or later and not have a negative length.")


def open_storage(address: str | ArtifactUri, *, local_roots: Sequence[str] | None = None) -> Storage:
    """The storage at `address`: a local path, `file:`, `s3:`, `gs:`, Azure's schemes, `sftp:`, `ftp:` or `ftps:`.

    Credentials come from the environment (docs/reference/artifacts.md lists the variables). With `local_roots` a
    local folder must lie in one of them, after all links are followed: a server gives them for every address that a
    caller chose. Nothing is contacted yet. Raises InvalidParameter for other schemes, PermissionDenied outside the
    roots, MissingDependency without the scheme's library.
    """
    uri = ArtifactUri.parse(address) if isinstance(address, str) else address
    if uri.scheme in ("", "file"):
        return _open_local(uri, local_roots)
    if uri.scheme in ("s3", "s3a", "gs", *AZURE_SCHEMES):
        from tidemill.artifacts.cloud import open_cloud

        return open_cloud(uri)
    if uri.scheme == "sftp":
        from tidemill.artifacts.sftp import open_sftp

        return open_sftp(uri)
    if uri.scheme in ("ftp", "ftps"):
        from tidemill.artifacts.ftp import open_ftp

        return open_ftp(uri)
    if uri.scheme in ("mlflow-artifacts", "http", "https"):
        raise InvalidParameter(f"'{uri}' lies behind a tracking server; reach it through that server.")
    raise InvalidParameter(
        f"'{uri}' has the unknown scheme '{uri.scheme}'. Artifacts can lie in a local folder, s3://, gs://, az://, "
        "abfss://, wasbs://, sftp://, ftp:// or ftps://."
    )


def _open_local(uri: ArtifactUri, roots: Sequence[str] | None) -> Storage:
    from tidemill.artifacts.local import LocalStorage  # here, since every storage imports this module

    folder = os.path.realpath(uri.local_path() or ".")
    if roots is not None and not any(_lies_in(folder, os.path.realpath(root)) for root in roots):
        raise PermissionDenied(f"The folder of '{uri}' is outside the folders that this server may open.")
    return LocalStorage(folder)


def _lies_in(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)
