"""Artifacts in a folder behind SSH (SFTP), through asyncssh.

asyncssh is asynchronous: one thread with an event loop holds one connection, over which all calls of a storage travel
side by side. Host keys are always checked.
"""

import asyncio
import secrets
import stat
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from tidemill import settings
from tidemill.artifacts.storage import HIDDEN, Chunk, Listing, Storage, Writer, check_range, file_path, storage_path
from tidemill.artifacts.uri import ArtifactUri
from tidemill.errors import InternalError, InvalidParameter, MissingDependency, NotFound, PermissionDenied, Unavailable
from tidemill.types.artifacts import FileInfo

_READ_SIZE = 4 << 20  # asyncssh cuts it into requests that travel at once
_PATIENCE_S = 30

T = TypeVar("T")


class SftpStorage(Storage):
    """The folder `root` of an SSH server. `options` go to `asyncssh.connect`. Connects when first used."""

    def __init__(self, root: str, **options: Any) -> None:
        self._root = root.rstrip("/")
        self._options = options
        self._connection: Any = None
        self._sftp: Any = None
        self._loop = asyncio.new_event_loop()
        self._connecting = asyncio.Lock()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tidemill-sftp", daemon=True)
        self._thread.start()

    def list(self, path: str = "") -> Listing:
        """See Storage."""
        clean = storage_path(path)
        return self.call(self._list(clean), path)

    async def _list(self, clean: str) -> Listing:
        sftp, found = await self.client(), []
        try:
            entries = [entry async for entry in sftp.scandir(self.place(clean))]
        except _missing():
            return []
        for entry in entries:
            name = entry.filename
            if name in (".", "..") or name.startswith(HIDDEN):
                continue
            inside = f"{clean}/{name}" if clean else name
            attrs = entry.attrs
            if attrs.permissions is None or stat.S_ISLNK(attrs.permissions):
                with suppress(*_missing()):
                    attrs = await sftp.stat(self.place(inside))
            info = _info(inside, attrs)
            if info is not None:
                found.append(info)
        return sorted(found, key=lambda info: info.path)

    def stat(self, path: str) -> FileInfo | None:
        """See Storage."""
        clean = storage_path(path)
        return self.call(self._stat(clean), path)

    async def _stat(self, clean: str) -> FileInfo | None:
        sftp = await self.client()
        try:
            return _info(clean, await sftp.stat(self.place(clean)))
        except _missing():
            return None

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See Storage."""
        check_range(start, length)
        opened = self.call(self._open(file_path(path)), path)
        return self._chunks(opened, path, start, length)

    async def _open(self, clean: str) -> Any:
        sftp = await self.client()
        there = _info(clean, await sftp.stat(self.place(clean)))
        if there is None or there.is_dir:
            raise NotFound(f"No such artifact: '{clean}'")
        return await sftp.open(self.place(clean), "rb")

    def _chunks(self, opened: Any, path: str, start: int, length: int | None) -> Iterator[bytes]:
        end = None if length is None else start + length
        try:
            while end is None or start < end:
                size = _READ_SIZE if end is None else min(_READ_SIZE, end - start)
                chunk = self.call(opened.read(size, start), path)
                if not chunk:
                    return
                start += len(chunk)
                yield chunk
        finally:
            self.tidy(opened.close())

    def open_writer(self, path: str, size_hint: int | None = None) -> Writer:
        """See Storage. `size_hint` is not used."""
        return _SftpWriter(self, file_path(path))

    def delete(self, path: str) -> None:
        """See Storage. Links are removed, never followed."""
        self.call(self._delete(file_path(path)), path)

    async def _delete(self, clean: str) -> None:
        sftp = await self.client()
        with suppress(*_missing()):
            there = await sftp.lstat(self.place(clean))
            if stat.S_ISDIR(there.permissions or 0):
                await sftp.rmtree(self.place(clean))
            else:
                await sftp.remove(self.place(clean))

    def close(self) -> None:
        """Close the connection and end the thread."""
        if self._loop.is_running():
            self.tidy(self._disconnect())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()

    async def client(self) -> Any:
        """The SFTP client; connects where there is no connection, or a lost one."""
        asyncssh = _asyncssh()
        async with self._connecting:
            if self._sftp is None or self._connection.is_closed():
                self._connection = await asyncssh.connect(**self._options)
                self._sftp = await self._connection.start_sftp_client(path_errors="backslashreplace")
            return self._sftp

    def place(self, clean: str) -> str:
        """Where `clean` is on the server."""
        return f"{self._root}/{clean}" if clean else self._root or "/"

    def call(self, work: Coroutine[Any, Any, T], path: str) -> T:
        """Do `work` in the loop's thread and wait for it; its errors become Tidemill's."""
        with _ssh_errors(path):
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def tidy(self, work: Coroutine[Any, Any, object]) -> None:
        """Do `work` that ends something, whatever comes of it."""
        if not self._loop.is_running():
            work.close()
            return
        with suppress(Exception):  # tidying up: the error that matters was raised before, or there is none
            asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)


class _SftpWriter(Writer):
    """Writes a hidden file beside the real one and moves it over it on commit."""

    def __init__(self, storage: SftpStorage, clean: str) -> None:
        self._storage = storage
        self._target = storage.place(clean)
        folder = self._target.rpartition("/")[0]
        self._stage = f"{folder}/{HIDDEN}stage-{secrets.token_hex(8)}"
        self._path = clean
        try:
            self._file = storage.call(self._start(folder or "/"), clean)
        except BaseException:
            self._open = False
            raise

    async def _start(self, folder: str) -> Any:
        sftp = await self._storage.client()
        if await sftp.isdir(self._target):
            raise InvalidParameter(f"'{self._path}' is a folder, not a file; choose another path.")
        try:
            await sftp.makedirs(folder, exist_ok=True)
        except _asyncssh().SFTPError as error:
            if not await sftp.isdir(folder) and await self._is_below_file():
                raise InvalidParameter(
                    f"'{self._path}' leads through a file as if it were a folder; choose another path."
                ) from error
            raise
        return await sftp.open(self._stage, "xb")

    async def _is_below_file(self) -> bool:
        sftp = await self._storage.client()
        parents = self._path.split("/")[:-1]
        places = [self._storage.place("/".join(parents[: depth + 1])) for depth in range(len(parents))]
        return any([await sftp.isfile(place) for place in places])

    def _write(self, chunk: Chunk) -> None:
        self._storage.call(self._file.write(bytes(chunk), self.size), self._path)

    def _commit(self) -> None:
        self._storage.call(self._finish(), self._path)

    async def _finish(self) -> None:
        asyncssh = _asyncssh()
        with suppress(asyncssh.SFTPOpUnsupported):
            await self._file.fsync()
        await self._file.close()
        sftp = await self._storage.client()
        try:
            await sftp.posix_rename(self._stage, self._target)
        except asyncssh.SFTPOpUnsupported:
            with suppress(*_missing()):
                await sftp.remove(self._target)
            await sftp.rename(self._stage, self._target)

    def _abort(self) -> None:
        self._storage.tidy(self._forget())

    async def _forget(self) -> None:
        with suppress(Exception):
            await self._file.close()
        sftp = await self._storage.client()
        await sftp.remove(self._stage)


def open_sftp(uri: ArtifactUri) -> SftpStorage:
    """The storage at `sftp://user@host:port/folder`; see `open_storage`."""
    _asyncssh()
    where = urlsplit(f"//{uri.authority or ''}")
    if not where.hostname:
        raise InvalidParameter(f"'{uri.scheme}:{uri.path}' names no host; write sftp://user@host/folder.")
    user, password, key, known_hosts = settings.sftp_login()
    options: dict[str, Any] = {
        "host": where.hostname,
        "port": where.port or (),
        "username": unquote(where.username) if where.username else user or (),
        "password": unquote(where.password) if where.password else password,
        "keepalive_interval": _PATIENCE_S,
        "login_timeout": _PATIENCE_S,
        "connect_timeout": _PATIENCE_S,
    }
    if key:
        options["client_keys"] = [key]
    if known_hosts:
        options["known_hosts"] = known_hosts
    return SftpStorage(uri.path, **options)


def _asyncssh() -> Any:
    try:
        import asyncssh
    except ImportError:
        raise MissingDependency("asyncssh", "sftp", "Storing artifacts behind SFTP") from None
    return asyncssh


def _missing() -> tuple[type[Exception], ...]:
    asyncssh = _asyncssh()
    return asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory


def _info(path: str, attrs: Any) -> FileInfo | None:
    mode = attrs.permissions or 0
    if stat.S_ISDIR(mode):
        return FileInfo(path, is_dir=True)
    return FileInfo(path, is_dir=False, file_size=attrs.size) if stat.S_ISREG(mode) else None


@contextmanager
def _ssh_errors(path: str) -> Iterator[None]:
    """Turn asyncssh's errors into Tidemill's, for work on the artifact `path`."""
    asyncssh = _asyncssh()
    try:
        yield
    except _missing() as error:
        raise NotFound(f"No such artifact: '{path}'") from error
    except (asyncssh.SFTPPermissionDenied, asyncssh.SFTPWriteProtect) as error:
        raise PermissionDenied(f"The SFTP server does not allow access to '{path}': {error}") from error
    except (asyncssh.PermissionDenied, asyncssh.HostKeyNotVerifiable, asyncssh.KeyImportError) as error:
        raise PermissionDenied(f"The SFTP server could not be logged in to: {error}") from error
    except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.DisconnectError, OSError) as error:
        raise Unavailable(f"The SFTP server cannot be reached: {error}") from error
    except asyncssh.SFTPError as error:
        raise InternalError(f"The SFTP server failed at '{path}': {error}") from error
