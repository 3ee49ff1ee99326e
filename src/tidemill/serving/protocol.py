"""The HTTP protocol of a serving process: a client that is slow with its request's head loses the connection.

A thousand connections that send a byte a minute cost a socket each and nothing else, and not for long. Bodies have their
own time limit (`asked.py`), since only the app knows how long one may be.
"""

import asyncio

from tidemill.http.protocol import HttpProtocol

HEAD_SECONDS = 20.0


class SlowProtocol(HttpProtocol):
    """One connection, with a time limit for each request's head."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected: its first head is awaited."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._disarm()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A head begins. The timer of a new connection goes on; on a kept one it starts now."""
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._disarm()
        super().on_headers_complete()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
