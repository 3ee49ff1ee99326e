"""The lane for small writes: requests that arrive together share one transaction of the store.

Everything the event loop's current round brings is queued; one drain at the end of the round commits it all, on the
loop itself, because a hand-over to a thread and back costs more than the write. Only where another process or thread
holds the write lock does the waiting move to a thread.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from threading import get_ident
from typing import Any, Protocol

from tidemill.api.operation import AnyOperation

Done = Callable[[Any, BaseException | None], None]

_log = logging.getLogger("tidemill.server")


class QueueingBackend(Protocol):
    """A backend that can commit several writes at once; see `store/backend.py`."""

    def enqueue(self, op: AnyOperation, arg: Any, done: Done) -> bool:
        """Queue a write; False where it cannot be."""
        ...

    def drain(self, wait: bool) -> bool:
        """Commit what is queued; False, without `wait`, where the write lock is taken."""
        ...


class WriteLane:
    """Carries small writes of one event loop to a backend. Use it from that loop only."""

    def __init__(self, backend: QueueingBackend, pool: Executor) -> None:
        self._backend = backend
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._scheduled = False

    def put(self, op: AnyOperation, arg: Any) -> "asyncio.Future[Any] | None":
        """Queue one write; the future brings its answer once it is durable. None: this one cannot be queued."""
        future: asyncio.Future[Any] = self._loop.create_future()

        def done(answer: Any, error: BaseException | None) -> None:
            if get_ident() == self._thread:
                _settle(future, answer, error)
            else:
                self._loop.call_soon_threadsafe(_settle, future, answer, error)

        if not self._backend.enqueue(op, arg, done):
            return None
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._drain)
        return future

    def _drain(self) -> None:
        try:
            finished = self._backend.drain(False)
        except Exception:
            _log.exception("committing queued writes failed")
            finished = True
        if finished:
            self._scheduled = False
        else:
            waiting = self._loop.run_in_executor(self._pool, self._backend.drain, True)
            waiting.add_done_callback(self._waited)

    def _waited(self, waiting: "asyncio.Future[bool]") -> None:
        if not waiting.cancelled() and (error := waiting.exception()) is not None:
            _log.error("committing queued writes failed", exc_info=error)
        # What was queued while the thread was busy still wants its turn.
        self._loop.call_soon(self._drain)


def _settle(future: "asyncio.Future[Any]", answer: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)
