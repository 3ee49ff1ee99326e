"""The deliverer: a thread that turns events into deliveries, a pool that makes them, and what came of it written down.

It holds no state that matters: all of that is in the database, so a killed process loses nothing, and whoever holds the
lease next goes on. A delivery may then be made twice, with the same id.
"""

import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from tidemill.errors import TidemillError
from tidemill.types.deliveries import Due, Outcome, Sink
from tidemill.types.events import Event
from tidemill.types.webhooks import DeliveryState

Render = Callable[[Sink, Event], str | None]

LEASE_S = 5.0
"""A process that was not heard of for so long (and up to twice as long) has lost its sinks to another."""
_IDLE_S = 0.5
_CONFIG_S = 0.05
_MOST_NEW = 4
_MOST_AT_ONCE = 500
_MOST_LINES = 500
_MOST_IN_LINE = 50
_CLEAN_S = 3600.0
_log = logging.getLogger("tidemill.events")


class Queue(Protocol):
    """Where deliveries are kept; see `store/deliveries.py`."""

    def hold(self, owner: str, lease_ms: int, most_new: int) -> list[Sink]:
        """Take and keep leases; the sinks held now."""
        ...

    def release(self, owner: str) -> None:
        """Give them back."""
        ...

    def fan_out(self, sinks: Sequence[Sink], render: Render) -> bool:
        """Turn events into deliveries; are there more?"""
        ...

    def due(self, sink: str, busy: Sequence[str], most: int) -> list[Due]:
        """Deliveries of a sink to make now, but none of the subjects that are `busy`."""
        ...

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what came of them."""
        ...


class Handler(Protocol):
    """Sees to the sinks of one sort."""

    def render(self, sink: Sink, event: Event) -> str | None:
        """The body for an event; None where the sink does not care."""
        ...

    def deliver(self, sink: Sink, due: Due) -> Outcome:
        """Make one delivery. Never raises."""
        ...

    def workers(self, sink: Sink) -> int:
        """How many deliveries to one sink are made at a time."""
        ...

    def stop(self) -> None:
        """Break off what is under way: it fails, and is tried again by whoever comes next."""
        ...


class Deliverer:
    """Works on `queue` until it is stopped. `handlers`: who sees to `webhook/…`, `trigger/…`. `clean` is called hourly."""

    def __init__(
        self, queue: Queue, handlers: Mapping[str, Handler], *, clean: Callable[[], object] | None = None
    ) -> None:
        self._queue = queue
        self._handlers = handlers
        self._clean = clean
        self._owner = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._wake = threading.Event()
        self._stopping = False
        self._sinks: list[Sink] = []
        self._busy: dict[str, set[str]] = {}
        self._done: deque[tuple[Sink, str, list[Outcome]]] = deque()
        self._held = 0.0
        self._made = 0
        self._cleaned = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="tidemill-events", daemon=True)

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def notice(self, touched: set[int], events: int) -> None:
        """The store's listener: something was committed in this process."""
        if events:
            self._wake.set()

    def stop(self, patience_s: float = 10.0) -> None:
        """Take nothing new, wait for what is under way, and give the leases back."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(patience_s)
        for handler in self._handlers.values():
            handler.stop()
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def until_idle(self) -> int:
        """Work in the caller's thread until nothing is due any more; how many deliveries were made."""
        self._made = 0
        while True:
            more = self._round(most_new=1_000_000)
            if not more and not any(self._busy.values()) and not self._done:
                self._queue.release(self._owner)
                return self._made
            self._wake.wait(_IDLE_S)
            self._wake.clear()

    def _run(self) -> None:
        failures = 0
        while not self._stopping:
            self._wake.clear()
            try:
                more = self._round(_MOST_NEW)
                failures = 0
            except TidemillError as error:
                failures += 1
                more = False
                _log.warning("Deliveries wait: %s", error)
                time.sleep(min(0.5 * failures, 10.0))
            except Exception:
                failures += 1
                more = False
                _log.exception("Deliveries wait for a failure that nobody foresaw")
                time.sleep(min(0.5 * failures, 10.0))
            if not more:
                self._wake.wait(_IDLE_S)
        self._end()

    def _end(self) -> None:
        """Let what is under way finish, or else break it off; write down what came of it; give the leases back."""
        begun = time.monotonic()
        broken_off = False
        while any(self._busy.values()) and time.monotonic() < begun + 8.0:
            if not broken_off and time.monotonic() > begun + 1.0:
                broken_off = True
                for handler in self._handlers.values():
                    handler.stop()
            self._wake.wait(0.05)
            self._wake.clear()
            self._collect()
        try:
            self._queue.release(self._owner)
        except TidemillError as error:
            _log.warning("Leases are not given back and run out by themselves: %s", error)

    def _round(self, most_new: int) -> bool:
        """Write down results, look for events, hand out what is due; is there more to do right away?"""
        self._collect()
        now = time.monotonic()
        if now - self._held > _CONFIG_S:
            self._sinks = self._queue.hold(self._owner, round(LEASE_S * 1000), most_new)
            self._held = time.monotonic()
            self._drop_pools()
        if self._clean is not None and now - self._cleaned > _CLEAN_S:
            self._cleaned = now
            self._clean()
        more = self._queue.fan_out(self._sinks, self._render)
        return self._hand_out() or more or bool(self._done)

    def _render(self, sink: Sink, event: Event) -> str | None:
        handler = self._handlers.get(sink.name.partition("/")[0])
        return handler.render(sink, event) if handler is not None else None

    def _collect(self) -> None:
        """Write down what the pool has brought."""
        found = [self._done.popleft() for _ in range(len(self._done))]
        if not found:
            return
        try:
            self._queue.record([one for _, _, outcomes in found for one in outcomes])
        except BaseException:
            self._done.extendleft(reversed(found))
            raise
        for sink, subject, outcomes in found:
            self._busy[sink.name].discard(subject)
            self._made += len(outcomes)

    def _hand_out(self) -> bool:
        """Give what is due to the pools: a sink has its own, so that one that hangs keeps nobody else waiting."""
        full = False
        for sink in self._sinks:
            busy = self._busy.setdefault(sink.name, set())
            if not sink.active or len(busy) >= _MOST_LINES:
                continue
            dues = self._queue.due(sink.name, sorted(busy), _MOST_AT_ONCE)
            full = full or len(dues) == _MOST_AT_ONCE
            lines: dict[str, list[Due]] = {}
            for due in dues:
                lines.setdefault(due.subject, []).append(due)
            for subject, line in lines.items():
                busy.add(subject)
                self._pool_of(sink).submit(self._work, sink, subject, line[:_MOST_IN_LINE])
        return full

    def _pool_of(self, sink: Sink) -> ThreadPoolExecutor:
        pool = self._pools.get(sink.name)
        if pool is None:
            workers = self._handlers[sink.name.partition("/")[0]].workers(sink)
            pool = self._pools[sink.name] = ThreadPoolExecutor(workers, thread_name_prefix="tidemill-deliver")
        return pool

    def _drop_pools(self) -> None:
        """Those of sinks that are gone."""
        names = {sink.name for sink in self._sinks}
        for name in [name for name in self._pools if name not in names and not self._busy.get(name)]:
            self._pools.pop(name).shutdown(wait=False)
            self._busy.pop(name, None)

    def _work(self, sink: Sink, subject: str, dues: list[Due]) -> None:
        """Deliveries of one subject, in a thread: one after the other, up to the first that has to wait."""
        handler = self._handlers[sink.name.partition("/")[0]]
        outcomes: list[Outcome] = []
        try:
            for due in dues:
                if self._stopping:
                    break
                outcomes.append(handler.deliver(sink, due))
                if outcomes[-1].state is DeliveryState.PENDING:
                    break
        except Exception:
            _log.exception("a delivery to %s failed in a way nobody foresaw", sink.name)
        finally:
            self._done.append((sink, subject, outcomes))
            self._wake.set()
