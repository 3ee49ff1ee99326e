"""The threads in which models work, so that one that hangs takes nobody along.

A thread that does not come back in time is left to itself and another takes its place; Python cannot end a thread. After
`MOST_LOST` of them the model is refused until one comes back, since each holds memory and perhaps a processor.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from tidemill.errors import DeadlineExceeded, Unavailable

MOST_LOST = 4

Done = Callable[[Any, BaseException | None], None]
_log = logging.getLogger("tidemill.serving")


class _Job:
    __slots__ = ("done", "ended", "timer", "work")

    def __init__(self, work: Callable[[], Any], done: Done) -> None:
        self.work, self.done = work, done
        self.ended = False
        self.timer: asyncio.TimerHandle | None = None


class _Thread(threading.Thread):
    """One thread; it ends when it takes None for a job."""

    def __init__(self, pool: "ModelThreads") -> None:
        super().__init__(name=f"tidemill-model-{pool.name}", daemon=True)
        self._pool = pool

    def run(self) -> None:
        """Carry out jobs."""
        take = self._pool.jobs.get
        while True:
            job = take()
            if job is None:
                return
            result, failure = None, None
            try:
                result = job.work()
            except BaseException as error:  # a model may raise anything, SystemExit too
                failure = error
            try:
                self._pool.loop.call_soon_threadsafe(self._pool.ended, job, result, failure)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more
            del job, result, failure


class ModelThreads:
    """Up to `count` jobs at a time, each at most `seconds`. Use it from one event loop only."""

    def __init__(self, name: str, count: int, seconds: float, on_lost: Callable[[], None] | None = None) -> None:
        self.name = name
        self.loop = asyncio.get_running_loop()
        self.jobs: SimpleQueue[Any] = SimpleQueue()
        self.lost = 0
        self._seconds = seconds
        self._on_lost = on_lost
        self._closed = False
        for _ in range(count):
            _Thread(self).start()

    @property
    def healthy(self) -> bool:
        """Whether calls are taken."""
        return self.lost < MOST_LOST

    def start(self, work: Callable[[], Any], done: Done) -> None:
        """Carry out `work`; `done(result, error)` is called on the loop, in time at the latest."""
        if not self.healthy:
            error = Unavailable(f"The model {self.name} hangs: {self.lost} calls have not come back. Try again later.")
            self.loop.call_soon(done, None, error)
            return
        job = _Job(work, done)
        job.timer = self.loop.call_later(self._seconds, self._give_up, job)
        self.jobs.put(job)

    def ended(self, job: _Job, result: Any, error: BaseException | None) -> None:
        """A job has come back, on the loop; perhaps too late."""
        if job.ended:
            self.lost -= 1
            self.jobs.put(None)  # ends one thread: there is one too many now
            return
        job.ended = True
        if job.timer is not None:
            job.timer.cancel()
        job.done(result, error)

    def _give_up(self, job: _Job) -> None:
        if job.ended:
            return
        job.ended = True
        self.lost += 1
        _log.error("model %s: a call has not come back after %g s; another thread takes over", self.name, self._seconds)
        if not self._closed:
            _Thread(self).start()
        if self._on_lost is not None:
            self._on_lost()
        job.done(None, DeadlineExceeded(f"The model {self.name} did not answer within {self._seconds:g} s."))

    def close(self, count: int) -> None:
        """Let the threads end when they are done."""
        self._closed = True
        for _ in range(count):
            self.jobs.put(None)
