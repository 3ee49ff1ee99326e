"""Artifact bytes through a server's proxy, in constant memory."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from tidemill.errors import InternalError, InvalidParameter, NotFound, Unavailable
from tidemill.transport.address import quote_path
from tidemill.transport.replies import Reply, error_of
from tidemill.transport.session import Session
from tidemill.types.artifacts import FileInfo

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

PROXY_PATH = "/api/2.0/mlflow-artifacts/artifacts"
CHUNK_BYTES = 1 << 20


class _Files(msgspec.Struct):
    files: list[FileInfo] = []


class ProxyFiles:
    """The files that a server keeps, by their paths below its root. Safe to use from many threads.

    Raises Unavailable for what may succeed when tried again, and whatever error the server answers.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self, path: str = "") -> "list[FileInfo]":
        """The files and folders directly in folder `path`, sorted; their paths include it. Missing folder: none."""
        query = [("path", path)] if path else None
        reply = self._session.send("GET", PROXY_PATH, query=query, repeatable=True)
        if reply.status >= 300:
            raise error_of(reply, self._session.address.base)
        try:
            found = msgspec.json.decode(reply.body or b"{}", type=_Files).files
        except msgspec.DecodeError as error:
            raise InternalError(f"{self._session.address.base} answered a list of files badly: {error}.") from None
        start = f"{path}/" if path else ""
        return [FileInfo(start + one.path, one.is_dir, one.file_size) for one in found]

    def get_file(self, path: str, start: int = 0) -> Iterator[bytes]:
        """The bytes of a file from offset `start`, in chunks. Raises NotFound at the first chunk."""
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        response = self._session.stream("GET", self._place(path), headers=headers)
        try:
            if response.status == 416:
                return
            self._check(response)
            # A server that knows no ranges sends the whole file.
            skip = start if response.status != 206 else 0
            for chunk in self._chunks(response, path):
                if skip >= len(chunk):
                    skip -= len(chunk)
                    continue
                yield chunk[skip:] if skip else chunk
                skip = 0
        finally:
            response.close()

    def put_file(self, path: str, chunks: Iterable[bytes], length: int | None = None) -> None:
        """Write a file, replacing an older one. `length` in bytes where it is known; else it is sent in HTTP chunks."""
        headers = {"Content-Type": "application/octet-stream"}
        if length is not None:
            headers["Content-Length"] = str(length)
            chunks = _exactly(chunks, length, path)
        response = self._session.stream("PUT", self._place(path), body=chunks, headers=headers)
        self._finish(response)

    def delete(self, path: str) -> None:
        """Remove a file or folder; one that is not there is fine."""
        try:
            self._finish(self._session.stream("DELETE", self._place(path)))
        except NotFound:
            return

    def _place(self, path: str) -> str:
        return f"{PROXY_PATH}/{quote_path(path)}"

    def _chunks(self, response: "BaseHTTPResponse", path: str) -> Iterator[bytes]:
        from urllib3.exceptions import HTTPError

        try:
            yield from response.stream(CHUNK_BYTES)
        except (HTTPError, OSError) as error:
            raise Unavailable(f"The connection broke while '{path}' was being read: {error}.") from None

    def _finish(self, response: "BaseHTTPResponse") -> None:
        self._check(response)
        response.drain_conn()
        response.release_conn()

    def _check(self, response: "BaseHTTPResponse") -> None:
        if response.status >= 300:
            reply = Reply(response.status, dict(response.headers), response.read(CHUNK_BYTES))
            response.close()
            raise error_of(reply, self._session.address.base)


def _exactly(chunks: Iterable[bytes], length: int, path: str) -> Iterator[bytes]:
    """`chunks`, refused where they are not `length` bytes: the server would wait for the rest, or miss it."""
    sent = 0
    for chunk in chunks:
        sent += len(chunk)
        if sent > length:
            break
        yield chunk
    if sent != length:
        raise InvalidParameter(
            f"'{path}' changed while it was being sent: it was to have {length} bytes. Send it again."
        )
