"""The HTTP protocol under the app: uvicorn's, with two habits of our own.

An answer's head and body leave in one write, so that they share a packet. And a request head that does not end is
refused: httptools itself would collect it without limit.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ENDLESS = "tidemill.endless"
"""A key that an app puts into the scope of a request whose answer goes on for ever: a callable that makes it end."""
_MOST_HEAD_BYTES = 64 * 1024
_JOINED = 64 * 1024
_FINAL = b"HTTP/1.1 "
_INTERIM = b"HTTP/1.1 1"


class OneWrite(asyncio.Transport):
    """A transport that holds an answer's head back until its first bytes of body come, within one round of the loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._write = transport.write
        self._soon = loop.call_soon
        self._held: bytes | None = None
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Send `data`, after what is held back."""
        held = self._held
        if held is not None:
            self._held = None
            if len(data) <= _JOINED:
                self._write(held + data)
            else:
                self._write(held)
                self._write(data)
        elif type(data) is bytes and data.startswith(_FINAL) and not data.startswith(_INTERIM):
            self._held = data
            self._soon(self._flush)
        else:
            self._write(data)

    def _flush(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._write(held)

    def close(self) -> None:
        """Send what is left, then close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close without sending what is left."""
        self._held = None
        self._transport.abort()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol."""
        self._flush()
        self._transport.set_protocol(protocol)


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    _in_head = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(OneWrite(transport, self.loop))

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD_BYTES and not self.transport.is_closing():
                self._in_head = False
                self.send_400_response("The request's headers are too long.")

    def shutdown(self) -> None:
        """The server stops: answers that never end by themselves end now, all others may finish."""
        cycle = self.cycle
        end: Any = cast(dict[str, Any], self.scope).get(ENDLESS) if cycle is not None else None
        if end is not None and not cycle.response_complete:
            end()
        super().shutdown()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """All headers of a request are there."""
        self._in_head = False
        super().on_headers_complete()
