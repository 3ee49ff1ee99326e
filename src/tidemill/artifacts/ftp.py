"""Artifacts in a folder behind FTP, or FTP with TLS (`ftps:`), through the standard library.

Each call logs in, works and leaves: FTP servers drop idle connections, and one connection does one thing at a time.
"""

import ftplib
import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from tidemill import settings
from tidemill.artifacts.storage import (
    CHUNK_SIZE,
    HIDDEN,
    Chunk,
    Listing,
    Storage,
    Writer,
    check_range,
    file_path,
    storage_path,
)
from tidemill.artifacts.uri import ArtifactUri
from tidemill.errors import InternalError, InvalidParameter, NotFound, PermissionDenied, Unavailable
from tidemill.types.artifacts import FileInfo

_PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class FtpServer:
    """Where and how to log in. `port` 0 is the usual one; `tls` is explicit FTPS, for data connections too.

    Certificates are checked against the system's (or `SSL_CERT_FILE`).
    """

    host: str
    port: int = 0
    user: str = "anonymous"
    password: str = field(default="", repr=False)
    tls: bool = False

    def connect(self) -> ftplib.FTP:
        """A new session, logged in, for binary transfers."""
        if self.tls:  # the default context would not check the server's certificate
            ftp: ftplib.FTP = ftplib.FTP_TLS(timeout=_PATIENCE_S, context=ssl.create_default_context())  # noqa: S321
        else:
            ftp = ftplib.FTP(timeout=_PATIENCE_S)  # noqa: S321
        try:
            ftp.connect(self.host, self.port)
            ftp.login(self.user, self.password)
            if isinstance(ftp, ftplib.FTP_TLS):
                ftp.prot_p()
            ftp.voidcmd("TYPE I")
        except BaseException:
            ftp.close()
            raise
        return ftp


class FtpStorage(Storage):
    """The folder `root` of an FTP server."""

    def __init__(self, server: FtpServer, root: str) -> None:
        self._server = server
        self._root = root.rstrip("/")

    def list(self, path: str = "") -> Listing:
        """See Storage."""
        clean = storage_path(path)
        with self.session(path) as ftp:
            found = _entries(ftp, self.place(clean))
        return sorted(
            (
                FileInfo(f"{clean}/{name}" if clean else name, is_dir=size is None, file_size=size)
                for name, size in found
                if not name.startswith(HIDDEN)
            ),
            key=lambda info: info.path,
        )

    def stat(self, path: str) -> FileInfo | None:
        """See Storage."""
        clean = storage_path(path)
        with self.session(path) as ftp:
            size = _size(ftp, self.place(clean)) if clean else None
            if size is not None:
                return FileInfo(clean, is_dir=False, file_size=size)
            return FileInfo(clean, is_dir=True) if _is_folder(ftp, self.place(clean)) else None

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See Storage."""
        check_range(start, length)
        place = self.place(file_path(path))
        with _ftp_errors(path):
            ftp = self._server.connect()
            try:
                size = _size(ftp, place)
                if size is None:
                    raise NotFound(f"No such artifact: '{path}'")
                end = size if length is None else min(size, start + length)
                data = ftp.transfercmd(f"RETR {place}", rest=start or None) if start < end else None
            except BaseException:
                ftp.close()
                raise
        return _FtpChunks(ftp, data, end - start, path)

    def open_writer(self, path: str, size_hint: int | None = None) -> Writer:
        """See Storage. `size_hint` is not used."""
        clean = file_path(path)
        with _ftp_errors(path):
            return _FtpWriter(self._server.connect(), self.place(clean), path)

    def delete(self, path: str) -> None:
        """See Storage."""
        place = self.place(file_path(path))
        with self.session(path) as ftp:
            if _size(ftp, place) is not None:
                _remove(ftp.delete, place)
            elif _is_folder(ftp, place):
                _remove_tree(ftp, place)

    def place(self, clean: str) -> str:
        """Where `clean` is on the server."""
        return f"{self._root}/{clean}" if clean else self._root or "/"

    @contextmanager
    def session(self, path: str) -> Iterator[ftplib.FTP]:
        """A session for work on the artifact `path`; its errors become Tidemill's."""
        with _ftp_errors(path), self._server.connect() as ftp:
            yield ftp


class _FtpChunks:
    """`left` bytes of an open transfer, then good-bye. Fewer bytes than announced are Unavailable."""

    def __init__(self, ftp: ftplib.FTP, data: socket.socket | None, left: int, path: str) -> None:
        self._ftp, self._data, self._left, self._path = ftp, data, left, path

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._data is None or self._left <= 0:
            self.close()
            raise StopIteration
        with _ftp_errors(self._path):
            chunk = self._data.recv(min(CHUNK_SIZE, self._left))
        if not chunk:
            self.close()
            raise Unavailable(f"The FTP server ended the transfer of '{self._path}' too early; try again.")
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        """End the session, in the middle of a transfer too."""
        if self._data is not None:
            self._data.close()
            self._data = None
        self._ftp.close()

    def __del__(self) -> None:
        self.close()


class _FtpWriter(Writer):
    """Sends a hidden file beside the real one and renames it over it on commit. Owns the session."""

    def __init__(self, ftp: ftplib.FTP, place: str, path: str) -> None:
        self._ftp, self._place, self._path = ftp, place, path
        folder = place.rpartition("/")[0]
        self._stage = f"{folder}/{HIDDEN}stage-{secrets.token_hex(8)}"
        self._data: Any = None
        try:
            if _is_folder(ftp, place):
                raise InvalidParameter(f"'{path}' is a folder, not a file; choose another path.")
            _make_folders(ftp, folder)
            self._data = ftp.transfercmd(f"STOR {self._stage}")
        except BaseException:
            self._open = False
            ftp.close()
            raise

    def _write(self, chunk: Chunk) -> None:
        with _ftp_errors(self._path):
            self._data.sendall(chunk)

    def _commit(self) -> None:
        with _ftp_errors(self._path):
            self._end_transfer()
            arrived = _size(self._ftp, self._stage)
            if arrived != self.size:
                raise Unavailable(f"The FTP server took {arrived} of {self.size} bytes of '{self._path}'; try again.")
            try:
                self._ftp.rename(self._stage, self._place)
            except ftplib.error_perm:  # this server does not rename over a file
                self._ftp.delete(self._place)
                self._ftp.rename(self._stage, self._place)
        self._leave()

    def _abort(self) -> None:
        with suppress(*_FAILURES):
            self._end_transfer()
        with suppress(*_FAILURES):
            self._ftp.delete(self._stage)
        self._leave()

    def _end_transfer(self) -> None:
        data, self._data = self._data, None
        if data is None:
            return
        if hasattr(data, "unwrap"):
            with suppress(OSError):  # some servers just hang up
                data.unwrap()
        data.close()
        self._ftp.voidresp()

    def _leave(self) -> None:
        with suppress(*_FAILURES):
            self._ftp.quit()
        self._ftp.close()

    def __del__(self) -> None:
        self.abort()


def open_ftp(uri: ArtifactUri) -> FtpStorage:
    """The storage at `ftp://user@host:port/folder` (`ftps:` for TLS); see `open_storage`."""
    where = urlsplit(f"//{uri.authority or ''}")
    if not where.hostname:
        raise InvalidParameter(f"'{uri.scheme}:{uri.path}' names no host; write {uri.scheme}://user@host/folder.")
    user, password = settings.ftp_login()
    server = FtpServer(
        where.hostname,
        where.port or 0,
        unquote(where.username) if where.username else user or "anonymous",
        unquote(where.password) if where.password else password or "",
        tls=uri.scheme == "ftps",
    )
    return FtpStorage(server, uri.path)


_FAILURES = (ftplib.Error, OSError, EOFError)


def _size(ftp: ftplib.FTP, place: str) -> int | None:
    try:
        return ftp.size(place)
    except ftplib.error_perm:
        return None


def _is_folder(ftp: ftplib.FTP, place: str) -> bool:
    try:
        ftp.cwd(place)
    except ftplib.error_perm:
        return False
    return True


def _entries(ftp: ftplib.FTP, place: str) -> list[tuple[str, int | None]]:
    """Name and size (None for a folder) of all in the folder `place`; nothing where it is none."""
    try:
        facts = list(ftp.mlsd(place, ["type", "size"]))
        return [
            (name, None if fact.get("type") == "dir" else int(fact.get("size", 0)))
            for name, fact in facts
            if fact.get("type") in ("file", "dir")
        ]
    except ftplib.error_perm as error:
        if not str(error).startswith("50"):  # "not understood": a server from before RFC 3659
            return []
    if not _is_folder(ftp, place):
        return []
    try:
        names = [name.rpartition("/")[2] for name in ftp.nlst()]
    except ftplib.error_perm:  # some answer so for an empty folder
        return []
    ftp.voidcmd("TYPE I")  # ftplib lists as text, and sizes are those of binary transfers
    sizes = [(name, _size(ftp, f"{place}/{name}")) for name in names if name not in (".", "..")]
    return [(name, size) for name, size in sizes if size is not None or _is_folder(ftp, f"{place}/{name}")]


def _make_folders(ftp: ftplib.FTP, place: str) -> None:
    if not place or _is_folder(ftp, place):
        return
    _make_folders(ftp, place.rpartition("/")[0])
    try:
        ftp.mkd(place)
    except ftplib.error_perm as error:
        if not _is_folder(ftp, place):  # else somebody else made it meanwhile
            if _size(ftp, place) is not None:
                raise InvalidParameter(
                    f"'{place}' is a file, so nothing can lie below it; choose another path."
                ) from error
            raise


def _remove_tree(ftp: ftplib.FTP, place: str) -> None:
    for name, size in _entries(ftp, place):
        if size is None:
            _remove_tree(ftp, f"{place}/{name}")
        else:
            _remove(ftp.delete, f"{place}/{name}")
    ftp.cwd("/")  # many servers do not remove the folder that one stands in
    _remove(ftp.rmd, place)


def _remove(how: Any, place: str) -> None:
    try:
        how(place)
    except ftplib.error_perm as error:
        if not str(error).startswith("550"):
            raise


@contextmanager
def _ftp_errors(path: str) -> Iterator[None]:
    """Turn ftplib's errors into Tidemill's, for work on the artifact `path`."""
    try:
        yield
    except ftplib.error_perm as error:
        if str(error).startswith("530"):
            raise PermissionDenied(f"The FTP server could not be logged in to: {error}") from error
        if str(error).startswith(("550", "553")):
            raise PermissionDenied(f"The FTP server does not allow this with '{path}': {error}") from error
        raise InternalError(f"The FTP server failed at '{path}': {error}") from error
    except ssl.SSLCertVerificationError as error:
        raise PermissionDenied(f"The FTP server's certificate is not trusted: {error.verify_message}") from error
    except ValueError as error:  # line breaks in a name
        raise InvalidParameter("Invalid path") from error
    except _FAILURES as error:
        raise Unavailable(f"The FTP server cannot be reached: {error}") from error
