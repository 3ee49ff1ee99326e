"""The lane for small writes: requests that arrive together share one transaction of the store.

Everything the event loop's current round brings is queued; one drain at the end of the round commits it all, on the
loop itself, because a hand-over to a thread and back costs more than the write. Only where another process or thread
holds the write lock does the waiting move to a thread.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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

    def housekeeping_due(self) -> bool:
        """Whether `housekeep` has something to do."""
        ...

    def housekeep(self) -> None:
        """Tidy up after many writes."""
        ...


class WriteLane:
    """Carries small writes of one event loop to a backend. Use it from that loop only."""

    def __init__(self, backend: QueueingBackend) -> None:
        self._backend = backend
        # Of its own, so that waiting for the lock never queues behind long searches.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="tidemill-lane")
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._scheduled = False
        self._tidying = False

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
        if not finished:
            self._in_thread(partial(self._backend.drain, True), self._drain)
            return
        self._scheduled = False
        if not self._tidying and self._backend.housekeeping_due():
            self._tidying = True
            self._in_thread(self._backend.housekeep, self._tidied)

    def _tidied(self) -> None:
        self._tidying = False

    def _in_thread(self, work: Callable[[], object], then: Callable[[], None]) -> None:
        def ended(waiting: "asyncio.Future[object]") -> None:
            if not waiting.cancelled() and (error := waiting.exception()) is not None:
                _log.error("work behind the write lane failed", exc_info=error)
            # In a later round: what came while the thread was busy shares the next transaction.
            self._loop.call_soon(then)

        self._loop.run_in_executor(self._threads, work).add_done_callback(ended)

    def close(self) -> None:
        """Wait for the lane's threads. Blocks; everything put must have been answered."""
        self._threads.shutdown(wait=True)


def _settle(future: "asyncio.Future[Any]", answer: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)
