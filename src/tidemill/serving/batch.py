"""Requests that wait together go to the model together.

There is no fixed wait. While a call is under way, what arrives queues up; the next call takes as much of it as fits. So an
idle server answers at once, and the batches grow with the load. Calls are kept below half the latency target: what a row
costs is learned from the calls, and with it how many fit. Under more load than that allows, calls grow with the backlog.

When a batch ends, its callers come back within moments of one another. The next call waits for them for as long as they
keep coming, at most a fraction of the time that a call takes: one call more for a single early bird costs everybody more.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from tidemill.errors import DeadlineExceeded, Unavailable
from tidemill.serving.forms import Payload
from tidemill.serving.results import Result, joined, result_of
from tidemill.serving.threads import ModelThreads

Predict = Callable[[Any, dict[str, Any] | None], Any]
Observe = Callable[[int, int, float, float], None]
"""Called for each call of a model: requests, rows, seconds that the first of them waited, seconds of the call."""

_FIRST_ROWS = 256
_LINGER = 0.25
_SMOOTH = 0.2
_log = logging.getLogger("tidemill.serving")


class Mismatch(Exception):
    """The model answered another number of rows than it was asked."""


class _Waiting:
    __slots__ = ("at", "future", "payload")

    def __init__(self, payload: Payload, future: "asyncio.Future[Result]", at: float) -> None:
        self.payload, self.future, self.at = payload, future, at


class Cost:
    """What a call costs by its rows: a line through the recent calls (fixed seconds, and seconds for each row)."""

    def __init__(self) -> None:
        self._rows = self._seconds = self._variance = self._covariance = 0.0
        self._known = False

    def add(self, rows: int, seconds: float) -> bool:
        """Learn from a call; whether enough differs among the calls to know what a row costs."""
        if not self._known:
            self._known, self._rows, self._seconds = True, float(rows), seconds
            return False
        seconds = min(seconds, 4 * self._seconds)
        far, late = rows - self._rows, seconds - self._seconds
        self._rows += _SMOOTH * far
        self._seconds += _SMOOTH * late
        self._variance = (1 - _SMOOTH) * (self._variance + _SMOOTH * far * far)
        self._covariance = (1 - _SMOOTH) * (self._covariance + _SMOOTH * far * late)
        return self._variance > 0 and self._covariance > 0

    def rows_within(self, seconds: float) -> int:
        """How many rows fit; where the fixed part alone is longer, as many as double it: fewer would gain little."""
        slope = self._covariance / self._variance
        fixed = max(0.0, self._seconds - slope * self._rows)
        return int(min(1e9, (max(seconds, 2 * fixed) - fixed) / slope))


class Batcher:
    """Calls `predict` in `threads`. `together`: rows do not depend on the others in a call, so requests may share one.

    `target` and `most_wait` are seconds: how long an answer should take at most, and how long a queue may become before
    requests are refused. `most_rows` bounds a call whatever the times say. Use it from one event loop only.
    """

    def __init__(
        self,
        predict: Predict,
        threads: ModelThreads,
        *,
        together: bool = True,
        target: float = 0.02,
        most_rows: int = 4096,
        most_wait: float = 5.0,
        most_waiting: int = 2048,
        lanes: int = 1,
        observe: Observe | None = None,
    ) -> None:
        self.together = together
        self.rows_limit = min(_FIRST_ROWS, most_rows)
        self.waiting: deque[_Waiting] = deque()
        self.call_seconds = 0.0
        self._predict, self._threads = predict, threads
        self._target, self._most_rows = target, most_rows
        self._most_wait, self._most_waiting = most_wait, most_waiting
        self._free = self._lanes = lanes
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._scheduled = False
        self._last_count = 0
        self._seen = 0
        self._cost = Cost()

    async def ask(self, payload: Payload) -> Result:
        """The answer to one payload. Raises what the model raises, DeadlineExceeded and Unavailable."""
        if self.together and payload.form.joins and payload.rows > self._most_rows:
            return await self._in_parts(payload)
        return await self._put(payload)

    async def _in_parts(self, payload: Payload) -> Result:
        size = max(1, min(self.rows_limit, self._most_rows))
        cuts = range(0, payload.rows, size)
        parts = [payload.cut(start, min(start + size, payload.rows)) for start in cuts]
        return joined([await self._put(part) for part in parts])

    def _put(self, payload: Payload) -> "asyncio.Future[Result]":
        self.refuse_if_full(payload.rows)
        future: asyncio.Future[Result] = self._loop.create_future()
        self.waiting.append(_Waiting(payload, future, time.perf_counter()))
        if self._free and not self._scheduled:
            # At the end of this round of the loop, with everything else that it brings.
            self._scheduled = True
            self._loop.call_soon(self._dispatch)
        return future

    def refuse_if_full(self, rows: int = 1) -> None:
        """Raise Unavailable where a request of so many rows would wait too long."""
        count = len(self.waiting)
        if count < 16:
            return
        calls = max(1.0, count * rows / self._most_now()) if self.together else count
        expected = self.call_seconds * calls / self._lanes
        if count >= self._most_waiting or expected > self._most_wait:
            raise Unavailable(f"{count} requests are waiting for this model already. Try again in a moment.")

    def _dispatch(self) -> None:
        """Start calls while there are threads and requests."""
        self._scheduled = False
        while self._free and self.waiting:
            if self._linger():
                return
            batch = self._take()
            if not batch:
                continue
            self._free -= 1
            started = time.perf_counter()
            self._threads.start(partial(self._carry_out, batch), partial(self._finished, batch, started))

    def _most_now(self) -> int:
        """The most rows of the next call. Where the oldest request has waited longer than the target, the target is lost
        already: larger calls are what gets everybody answered soonest.
        """
        late = (time.perf_counter() - self.waiting[0].at) / self._target
        return min(self._most_rows, int(self.rows_limit * (1 + late)))

    def _linger(self) -> bool:
        """Whether to wait for more: the last call had more requests than wait now, and they keep coming."""
        count = len(self.waiting)
        if not self.together or count >= self._last_count or count == self._seen:
            self._seen = 0
            return False
        if time.perf_counter() - self.waiting[0].at > self.call_seconds * _LINGER:
            return False
        self._seen = count
        self._scheduled = True
        self._loop.call_later(min(0.0005, self.call_seconds * _LINGER), self._dispatch)
        return True

    def _take(self) -> list[_Waiting]:
        """The next batch: the oldest request, and those after it that may go with it."""
        waiting = self.waiting
        most = self._most_now()
        first = waiting.popleft()
        if first.future.done():
            return []
        if not self.together or not first.payload.form.joins:
            return [first]
        batch, rows = [first], first.payload.rows
        form, key = first.payload.form, first.payload.params_key
        left: list[_Waiting] = []
        while waiting and rows < most:
            one = waiting.popleft()
            payload = one.payload
            if one.future.done():
                continue
            if payload.form is form and payload.params_key == key and rows + payload.rows <= self._most_rows:
                batch.append(one)
                rows += payload.rows
            else:
                left.append(one)
        waiting.extendleft(reversed(left))
        return batch

    def _carry_out(self, batch: list[_Waiting]) -> list[Any]:
        """In a thread: one call, and what each request gets of it: a Result or the error."""
        if len(batch) == 1:
            return [self._one(batch[0].payload)]
        payload = batch[0].payload
        rows = sum(one.payload.rows for one in batch)
        try:
            data = payload.form.join([one.payload.value for one in batch])
            result = result_of(self._predict(data, payload.params))
            if result.rows != rows:
                raise Mismatch(f"{rows} rows were asked, {result.rows} answered")
        except Exception as error:
            # Each for itself: a request that the model cannot stand must not spoil those that came with it.
            if isinstance(error, Mismatch):
                self.together = False
                _log.warning("a model answers batches differently (%s); its requests are kept apart", error)
            return [self._one(one.payload) for one in batch]
        found, start = [], 0
        for one in batch:
            stop = start + one.payload.rows
            found.append(result.cut(start, stop))
            start = stop
        return found

    def _one(self, payload: Payload) -> Any:
        try:
            return result_of(self._predict(payload.form.join([payload.value]), payload.params))
        except Exception as error:
            return error

    def _finished(self, batch: list[_Waiting], started: float, found: Any, error: BaseException | None) -> None:
        now = time.perf_counter()
        self._free += 1
        if error is not None:
            found = [error] * len(batch)
        rows = 0
        for one, outcome in zip(batch, found, strict=True):
            rows += one.payload.rows
            if one.future.done():
                continue
            if isinstance(outcome, Result):
                one.future.set_result(outcome)
            else:
                one.future.set_exception(outcome)
        self._learn(len(batch), rows, now - started)
        if self._observe is not None:
            self._observe(len(batch), rows, started - batch[0].at, now - started)
        if isinstance(error, DeadlineExceeded):
            self._drop_late(now)
        if self.waiting and not self._scheduled:
            self._scheduled = True
            # In a later round: the callers of this batch may be back by then.
            self._loop.call_soon(self._dispatch)

    def _learn(self, count: int, rows: int, seconds: float) -> None:
        self._last_count = count
        # One call that was held up says little about the next one.
        usual = min(seconds, 4 * self.call_seconds) if self.call_seconds else seconds
        self.call_seconds += _SMOOTH * (usual - self.call_seconds) if self.call_seconds else seconds
        wanted = self._cost.rows_within(self._target / 2) if self._cost.add(rows, seconds) else self._most_rows
        if wanted < self.rows_limit:
            self.rows_limit = max(1, wanted)
        elif rows >= self.rows_limit:
            self.rows_limit = min(self._most_rows, wanted, self.rows_limit * 5 // 4 + 1)

    def _drop_late(self, now: float) -> None:
        """After a call that hung: what has waited too long as well is not worth a call."""
        while self.waiting and now - self.waiting[0].at > self._most_wait:
            one = self.waiting.popleft()
            if not one.future.done():
                one.future.set_exception(Unavailable("The model was busy for too long. Try again in a moment."))
