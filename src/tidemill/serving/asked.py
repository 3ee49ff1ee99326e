"""One request as the serving app's parts hand it around: those of its headers that count, its id, its body."""

import asyncio
import itertools
import secrets
import time
from typing import Any

from tidemill.errors import BadRequest, DeadlineExceeded
from tidemill.http.answers import Header, Receive, Scope, Send
from tidemill.http.body import inflate, read_body, too_large

_PREFIX = secrets.token_hex(8)
_numbers = itertools.count(1)
_ID_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/+=")
_LONGEST_ID = 128


class Asked:
    """A request. `started` is of `time.perf_counter`. Headers are None where absent."""

    __slots__ = (
        "accept", "authorization", "content_type", "encoding", "header_length", "host", "id", "key", "length",
        "origin", "receive", "scope", "send", "started", "traceparent",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.started = time.perf_counter()
        self.accept: bytes | None = None
        self.authorization: bytes | None = None
        self.content_type: bytes | None = None
        self.encoding: bytes | None = None
        self.header_length: bytes | None = None
        self.host: bytes | None = None
        self.id = b""
        self.key: bytes | None = None
        self.length: bytes | None = None
        self.origin: bytes | None = None
        self.traceparent: bytes | None = None
        for name, value in scope["headers"]:
            field = _FIELDS.get(name)
            if field is not None:
                setattr(self, field, value)
        if not self.id or len(self.id) > _LONGEST_ID or not _ID_BYTES.issuperset(self.id):
            self.id = f"{_PREFIX}-{next(_numbers):x}".encode()

    @property
    def media_type(self) -> bytes:
        """The content type without its parameters, in lower case; JSON where there is none."""
        value = self.content_type
        if value is None or value == b"application/json":
            return b"application/json"
        return value.partition(b";")[0].strip().lower()

    async def body(self, limit: int, seconds: float) -> bytes:
        """The whole body, inflated. Raises PayloadTooLarge, DeadlineExceeded where it comes too slowly, Disconnected."""
        length = self.length
        if length is not None and length.isdigit() and int(length) > limit:
            raise too_large(limit)
        body = await _in_time(read_body(self.receive, limit), seconds)
        if self.encoding is not None:
            body = inflate(body, self.encoding.decode("latin-1"), limit)
        return body


_FIELDS = {
    b"accept": "accept",
    b"authorization": "authorization",
    b"content-type": "content_type",
    b"content-encoding": "encoding",
    b"inference-header-content-length": "header_length",
    b"host": "host",
    b"x-request-id": "id",
    b"x-tidemill-key": "key",
    b"content-length": "length",
    b"origin": "origin",
    b"traceparent": "traceparent",
}


async def _in_time(reading: Any, seconds: float) -> bytes:
    try:
        async with asyncio.timeout(seconds):
            body: bytes = await reading
            return body
    except TimeoutError:
        raise DeadlineExceeded(f"The request's body did not arrive within {seconds:g} s.") from None


def id_header(request: Asked) -> Header:
    """The header that tells the request's id."""
    return b"x-request-id", request.id


def check_charset(request: Asked) -> None:
    """Raises BadRequest for a content type in another encoding than UTF-8."""
    value = request.content_type
    if value is None or b";" not in value:
        return
    for part in value.split(b";")[1:]:
        name, _, given = part.strip().partition(b"=")
        if name.lower() == b"charset" and given.strip(b'" ').lower() != b"utf-8":
            raise BadRequest("The scoring server only supports UTF-8")
