"""Artifact bytes through a server's proxy, in constant memory."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tidemill.errors import InternalError, InvalidParameter, NotFound, NotSupported, Unavailable
from tidemill.transport.address import Query, quote_path
from tidemill.transport.replies import Reply, error_of
from tidemill.transport.session import Session
from tidemill.types.artifacts import FileInfo

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

T = TypeVar("T")

PROXY_PATH = "/api/2.0/mlflow-artifacts/artifacts"
_PARTS_PATH = "/api/2.0/mlflow-artifacts/mpu"
CHUNK_BYTES = 1 << 20


class _Files(msgspec.Struct):
    files: list[FileInfo] = []


class _Credential(msgspec.Struct):
    url: str


class _Created(msgspec.Struct):
    upload_id: str
    credentials: list[_Credential] = []


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

    def create_parts(self, path: str) -> str:
        """Start a file that is sent in parts; the upload's id. Raises NotSupported where the server takes none itself.

        (Others than ours have clients send parts to a bucket, each at an address that serves for a while.)
        """
        made = self._parts("create", path, {"num_parts": 1}, _Created)
        if not made.credentials or f"{_PARTS_PATH}/part/" not in made.credentials[0].url:
            self._parts("abort", path, {"upload_id": made.upload_id}, msgspec.Raw)
            raise NotSupported(f"{self._session.address.base} takes no parts itself. Send the file whole.")
        return made.upload_id

    def put_part(self, path: str, upload_id: str, number: int, data: bytes) -> str:
        """Write one part, replacing an older one of that number; its ETag."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(data))}
        query: Query = [("upload_id", upload_id), ("part_number", str(number))]
        response = self._session.stream(
            "PUT", f"{_PARTS_PATH}/part/{quote_path(path)}", query=query, body=data, headers=headers
        )
        self._finish(response)
        return response.headers.get("ETag", "")

    def complete_parts(self, path: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Put parts, given as (number, ETag), together."""
        listed = [{"part_number": number, "etag": etag} for number, etag in parts]
        self._parts("complete", path, {"upload_id": upload_id, "parts": listed}, msgspec.Raw)

    def abort_parts(self, path: str, upload_id: str) -> None:
        """Throw parts away."""
        self._parts("abort", path, {"upload_id": upload_id}, msgspec.Raw)

    def _parts(self, verb: str, path: str, fields: dict[str, Any], kind: type[T]) -> T:
        body = msgspec.json.encode({"path": path.rpartition("/")[2], **fields})
        place = f"{_PARTS_PATH}/{verb}/{quote_path(path)}"
        headers = {"Content-Type": "application/json"}
        reply = self._session.send("POST", place, body=body, headers=headers, repeatable=verb != "complete")
        if reply.status >= 300:
            raise error_of(reply, self._session.address.base)
        try:
            return msgspec.json.decode(reply.body or b"{}", type=kind)
        except msgspec.MsgspecError as error:
            raise Unavailable(f"{self._session.address.base} answered badly about parts: {error}.") from None

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
