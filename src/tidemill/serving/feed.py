"""The tracking server's event feed, as an alarm: something about these models has changed, look now.

Server-sent events (`GET /api/tidemill/1/events/feed`), resumed by the last id. What the events say is not relied on: the
registry is asked in any case, so a feed that is late, doubled or missing costs time and never a wrong version.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

from tidemill.errors import TidemillError
from tidemill.retry import jitter
from tidemill.transport.http import HttpBackend

PATH = "/api/tidemill/1/events/feed"
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_log = logging.getLogger("tidemill.serving")


class Feed:
    """Calls `alarm` when something happens to one of `models`, in a thread of its own."""

    def __init__(self, backend: HttpBackend, models: frozenset[str], alarm: Callable[[], None]) -> None:
        self._session = backend.session
        self._query = [("subject", f"registered_model/{name}") for name in sorted(models)]
        self._alarm = alarm
        self._last = b""
        self._stopping = False
        threading.Thread(target=self._run, name="tidemill-feed", daemon=True).start()

    def stop(self) -> None:
        """Do not connect again. The thread ends with its connection."""
        self._stopping = True

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping:
            try:
                pause = self._listen(pause)
            except TidemillError as error:
                _log.debug("the event feed is gone: %s", error)
            threading.Event().wait(pause * jitter())
            pause = min(_LONGEST_PAUSE, pause * 2)

    def _listen(self, pause: float) -> float:
        """Read one connection to its end; how long to wait before the next."""
        headers = {"Accept": "text/event-stream"}
        if self._last:
            headers["Last-Event-ID"] = self._last.decode()
        response = self._session.stream("GET", PATH, query=self._query, headers=headers)
        with contextlib.closing(response):
            if response.status != 200:
                return _LONGEST_PAUSE  # a server without a feed: polling does
            # What changed before the connection stood was missed.
            self._alarm()
            for line in _lines(response):
                if line.startswith(b"id:"):
                    self._last = line[3:].strip()
                elif line.startswith(b"data:"):
                    self._alarm()
                if self._stopping:
                    break
        return _FIRST_PAUSE


def _lines(response: object) -> Iterator[bytes]:
    """The lines of a stream as they come; ends when it ends or breaks."""
    rest = b""
    read = response.read1  # type: ignore[attr-defined]
    while True:
        try:
            piece = read(65536)
        except Exception as error:  # urllib3's, socket's and http.client's alike mean: connect again
            _log.debug("the event feed broke: %r", error)
            return
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
        if len(rest) > 1 << 20:
            return
