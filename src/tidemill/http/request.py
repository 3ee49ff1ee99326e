"""One request as the server's parts hand it around."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from tidemill.api.codec import fields_of_query
from tidemill.errors import InvalidParameter
from tidemill.http.answers import Header, Receive, Scope, Send

_MOST_QUERY_FIELDS = 2000


@dataclass(slots=True)
class Request:
    """An ASGI request, and those of its headers that the server itself looks at; None where absent."""

    scope: Scope
    receive: Receive
    send: Send
    host: bytes | None = None
    hosts: int = 0
    origin: bytes | None = None
    content_type: bytes | None = None
    content_encoding: bytes | None = None
    content_length: bytes | None = None
    chunked: bool = False

    def read_headers(self, headers: Iterable[Header]) -> None:
        """Pick those headers out of all of them, in one pass."""
        for name, value in headers:
            if name == b"host":
                self.host = value
                self.hosts += 1
            elif name == b"content-type":
                self.content_type = value
            elif name == b"content-length":
                self.content_length = value
            elif name == b"origin":
                self.origin = value
            elif name == b"content-encoding":
                self.content_encoding = value
            elif name == b"transfer-encoding":
                self.chunked = True

    @property
    def verb(self) -> str:
        """The HTTP method, in capitals."""
        verb: str = self.scope["method"]
        return verb

    @property
    def has_body(self) -> bool:
        """Whether bytes may follow the head."""
        return self.chunked or (self.content_length is not None and self.content_length != b"0")

    @property
    def declared_size(self) -> int:
        """The body's size in bytes as the client declares it; 0 where it does not."""
        length = self.content_length
        return int(length) if length is not None and length.isdigit() else 0

    @property
    def path(self) -> str:
        """The decoded path, with one leading slash."""
        return collapse(self.scope["path"])

    @property
    def raw_path(self) -> str:
        """The path as it was sent, still percent-encoded; where the ASGI server does not tell, it is rebuilt."""
        raw: Any = self.scope.get("raw_path")
        if raw is None:
            return collapse(quote(self.scope["path"], safe="/:@!$&'()*+,;=~"))
        return collapse(bytes(raw).partition(b"?")[0].decode("latin-1"))


def collapse(path: str) -> str:
    """`path` with one leading slash instead of several."""
    return "/" + path.lstrip("/") if path.startswith("//") else path


def query_fields(query: bytes) -> dict[str, Any]:
    """The fields of a query string. Raises InvalidParameter where it is not UTF-8 or endless."""
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_QUERY_FIELDS)
    except UnicodeError:
        raise InvalidParameter("The query string is not percent-encoded UTF-8.") from None
    except ValueError:
        raise InvalidParameter(f"The query string holds more than {_MOST_QUERY_FIELDS} fields.") from None
    return fields_of_query(pairs)
