"""The live feed: events as they happen, to any number of clients, by server-sent events.

One thread of the process reads the database, while there is a client, and hands each event, encoded once, to the queues of
all clients who want it. A client that does not keep up is cut off: it comes back with the id of the last event that it
has seen, and is given what it missed from the database.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

from tidemill.api import events
from tidemill.errors import InvalidParameter, TidemillError, Unavailable
from tidemill.http.answers import SECURITY, Send
from tidemill.http.protocol import ENDLESS
from tidemill.http.request import Request, query_fields
from tidemill.server.routes import RouteTable
from tidemill.types.deliveries import matches

_BEAT_S = 15.0
_POLL_S = 0.5
_NOTICES_S = 1.0
_MOST_WAITING = 1000
_MOST_BYTES = 8 * 2**20
_MOST_CLIENTS = 1000
_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"connection", b"close"),
)
_log = logging.getLogger("tidemill.server")


class Entry(Protocol):
    """An event to pass on; see `store/feed.py`."""

    id: int
    kind: str
    subject: str
    body: bytes


class Reader(Protocol):
    """Where events come from; see `store/feed.py`."""

    watching: bool

    def newest(self) -> int:
        """The id of the newest event."""
        ...

    def oldest(self) -> int:
        """The id of the oldest that is kept."""
        ...

    def after(self, cursor: int) -> Sequence[Entry]:
        """The next events."""
        ...

    def changed_runs(self) -> Sequence[Entry]:
        """Notices of the runs that have changed since the last call."""
        ...

    def forget(self) -> None:
        """Nobody watches any more."""
        ...


class _Client:
    """One connection: what it wants, and what waits for it."""

    def __init__(self, kinds: tuple[str, ...], subjects: frozenset[str]) -> None:
        self._kinds = kinds
        self._subjects = subjects
        self.loop = asyncio.get_running_loop()
        self.waiting: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(_MOST_WAITING)
        self._bytes = 0
        self._ended = False

    def wants(self, entry: Entry) -> bool:
        return (not self._kinds or matches(self._kinds, entry.kind)) and (
            not self._subjects or entry.subject in self._subjects
        )

    def put(self, batch: list[tuple[Entry, bytes]]) -> None:
        """Queue what it wants; called in its loop. One that is too slow is told to come again."""
        for entry, text in batch:
            if self._ended:
                return
            if not self.wants(entry):
                continue
            if not entry.id and self.waiting.qsize() > _MOST_WAITING // 2:
                continue  # a notice: there will be others
            self._bytes = len(text) if self.waiting.empty() else self._bytes + len(text)
            if self.waiting.full() or self._bytes > _MOST_BYTES:
                self.end()
                return
            self.waiting.put_nowait((entry.id, text))

    def end(self) -> None:
        """Let go of it; called in its loop."""
        self._ended = True
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


class Feed:
    """Serves the live feed of one process."""

    def __init__(self, reader: Reader, wake: threading.Event) -> None:
        self._reader = reader
        self._wake = wake
        self._clients: set[_Client] = set()
        self._lock = threading.Lock()
        self._position = 0
        self._thread: threading.Thread | None = None
        self._stopping = False

    def add_to(self, routes: RouteTable, prefix: str) -> None:
        """Serve it at its place."""
        for verb, path in events.feed.routes:
            routes.add_page(prefix + path, self.page, (verb,))

    async def page(self, request: Request, params: dict[str, str]) -> None:
        """Answer one client for as long as it stays. See docs/reference/events.md."""
        kinds, subjects, cursor = _asked(request)
        if len(self._clients) >= _MOST_CLIENTS:
            raise Unavailable(f"{_MOST_CLIENTS} clients follow the feed of this process already. Try again later.")
        client = _Client(kinds, subjects)
        position = await asyncio.to_thread(self._enter, client)
        leaving = asyncio.ensure_future(_left(request))
        try:
            request.scope[ENDLESS] = client.end
            await request.send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *SECURITY]})
            await _write(request.send, b"retry: 2000\n\n")
            seen = position if cursor is None else await self._catch_up(request.send, client, cursor)
            await self._follow(request.send, client, seen, leaving)
            await request.send({"type": "http.response.body", "body": b""})
        finally:
            leaving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await leaving
            with self._lock:
                self._clients.discard(client)

    async def _catch_up(self, send: Send, client: _Client, cursor: int) -> int:
        """Send what happened after `cursor`, from the database; answers the id up to which that goes."""
        oldest = await asyncio.to_thread(self._reader.oldest)
        if cursor and cursor < oldest - 1:
            await _write(send, b'data: {"kind":"feed.gap","data":{"oldest":%d}}\n\n' % oldest)
        while True:
            entries = await asyncio.to_thread(self._reader.after, cursor)
            if not entries:
                return cursor
            cursor = entries[-1].id
            wanted = b"".join(_text(entry) for entry in entries if client.wants(entry))
            if wanted:
                await _write(send, wanted)

    async def _follow(self, send: Send, client: _Client, seen: int, leaving: "asyncio.Future[None]") -> None:
        """Pass on what comes in, until the client leaves or is too slow."""
        coming: asyncio.Future[Any] | None = None
        try:
            while not leaving.done():
                coming = coming or asyncio.ensure_future(client.waiting.get())
                await asyncio.wait((coming, leaving), timeout=_BEAT_S, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    await _write(send, b": beat\n\n")
                    continue
                texts = []
                item = coming.result()
                coming = None
                while item is not None:
                    if not item[0] or item[0] > seen:  # what was read from the database came in here as well
                        texts.append(item[1])
                        seen = max(seen, item[0])
                    if client.waiting.empty():
                        break
                    item = client.waiting.get_nowait()
                if texts:
                    await _write(send, b"".join(texts))
                if item is None:
                    return
        finally:
            if coming is not None:
                coming.cancel()

    def _enter(self, client: _Client) -> int:
        """Add a client, and begin to read for the first; answers the id of the last event that it will not be given."""
        with self._lock:
            if not self._clients:
                self._reader.watching = True
                self._position = self._reader.newest()
            self._clients.add(client)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="tidemill-feed", daemon=True)
                self._thread.start()
            return self._position

    def _run(self) -> None:
        noticed = 0.0
        while True:
            self._wake.wait(_POLL_S)
            self._wake.clear()
            with self._lock:
                if self._stopping or not self._clients:
                    self._reader.forget()
                    self._thread = None
                    return
            try:
                more = self._pass_on(self._reader.after(self._position))
                now = time.monotonic()
                if now - noticed >= _NOTICES_S:
                    noticed = now
                    self._pass_on(self._reader.changed_runs())
                if more:
                    self._wake.set()
            except TidemillError as error:
                _log.warning("The live feed waits: %s", error)
                time.sleep(_POLL_S)

    def _pass_on(self, entries: Sequence[Entry]) -> bool:
        if not entries:
            return False
        batch = [(entry, _text(entry)) for entry in entries]
        with self._lock:
            self._position = max(self._position, entries[-1].id)
            clients = list(self._clients)
        for client in clients:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                client.loop.call_soon_threadsafe(client.put, batch)
        return True

    def close(self) -> None:
        """End the thread and let all clients go. Blocks for a moment."""
        with self._lock:
            self._stopping = True
            clients, thread = list(self._clients), self._thread
        self._wake.set()
        for client in clients:
            with contextlib.suppress(RuntimeError):
                client.loop.call_soon_threadsafe(client.end)
        if thread is not None:
            thread.join(5)


def _asked(request: Request) -> tuple[tuple[str, ...], frozenset[str], int | None]:
    """Kinds, subjects and the id to go on after; None for: from now on."""
    fields = query_fields(request.scope["query_string"])

    def listed(name: str) -> list[str]:
        value = fields.get(name, [])
        return [value] if isinstance(value, str) else list(value)

    after = next((value for name, value in request.scope["headers"] if name == b"last-event-id"), b"").decode("latin-1")
    after = after or (listed("after") or [""])[0]
    if after and not (after.isascii() and after.isdigit() and len(after) < 19):
        raise InvalidParameter(f"'{after[:100]}' is no event id. Send the id of the last event seen, a number.")
    return tuple(listed("kinds")), frozenset(listed("subject")), int(after) if after else None


def _text(entry: Entry) -> bytes:
    # JSON holds no line ends.
    return b"id: %d\ndata: %b\n\n" % (entry.id, entry.body) if entry.id else b"data: %b\n\n" % entry.body


async def _write(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _left(request: Request) -> None:
    """Returns when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
