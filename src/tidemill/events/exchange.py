"""One HTTP/1.1 exchange on a socket, with an end that holds: no answer is waited for longer, or read further, than said."""

import socket
import time
from dataclasses import dataclass, field
from typing import Any

import httptools

from tidemill.errors import Unavailable

_CHUNK = 65_536
_MOST_HEAD = 65_536


@dataclass
class Reply:
    """An answer: status, headers by lower-case name, and the first bytes of the body. `truncated`: there was more."""

    status: int
    headers: dict[str, str]
    body: bytes
    truncated: bool = False


@dataclass
class _Parsed:
    """Collects what httptools tells."""

    most_body: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    truncated: bool = False
    done: bool = False
    in_body: bool = False
    keep: bool = False
    parser: Any = None

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.in_body = True
        # Asked later, it would speak of the next answer.
        self.keep = self.parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        room = self.most_body - len(self.body)
        self.body += data[: max(room, 0)]
        self.truncated = self.truncated or len(data) > room

    def on_message_complete(self) -> None:
        self.done = True


class Broken(Unavailable):
    """The connection failed or took too long. `unused`: before any byte of an answer came, on a connection used before."""

    unused = False


def request_bytes(verb: str, target: str, host: str, headers: dict[str, str], body: bytes) -> bytes:
    """The request as it goes out. Header values hold no line ends (the caller has checked)."""
    lines = [f"{verb} {target} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def exchange(connection: socket.socket, request: bytes, deadline: float, most_body: int) -> tuple[Reply, bool]:
    """Send `request` and read its answer until `deadline` (on the monotonic clock); may the connection be used again?

    Raises Broken. An interim answer (1xx) is skipped. A body longer than `most_body` bytes is cut there.
    """
    begun = False
    try:
        connection.settimeout(_left(deadline))
        connection.sendall(request)
        data = b""
        while True:
            parsed = _Parsed(most_body)
            parser = parsed.parser = httptools.HttpResponseParser(parsed)
            size = 0
            while not parsed.done and not parsed.truncated:
                if not data:
                    connection.settimeout(_left(deadline))
                    data = connection.recv(_CHUNK)
                    if not data:
                        break
                begun = True
                size += len(data)
                if not parsed.in_body and size > _MOST_HEAD:
                    raise Broken("The answer's headers are too long.")
                parser.feed_data(data)
                data = b""
            ended = parsed.done or parsed.truncated or (parsed.in_body and "content-length" not in parsed.headers)
            if not ended:
                raise _closed(begun)
            status = parser.get_status_code()
            parsed.parser = None  # or the two would hold each other until the collector comes
            if 100 <= status < 200 and status != 101:
                continue
            again = parsed.done and not parsed.truncated and parsed.keep
            return Reply(status, parsed.headers, bytes(parsed.body), parsed.truncated), again
    except TimeoutError:
        raise Broken("There was no answer in time.") from None
    except OSError as error:
        broken = Broken(f"The connection broke: {error.strerror or error}.")
        broken.unused = not begun
        raise broken from None
    except httptools.HttpParserError as error:
        raise Broken(f"The answer is no HTTP: {error}.") from None


def _closed(begun: bool) -> Broken:
    broken = Broken("The connection was closed before the answer was complete.")
    broken.unused = not begun
    return broken


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
