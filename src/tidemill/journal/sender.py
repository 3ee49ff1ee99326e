"""The sending side: what lies in journals goes to the store, in order, until the store has it.

Sending the same record twice changes nothing (ids are made by the client, points and params are kept once, tags are
set again in order), so after a doubt it is sent again. What is sure to arrive never is lost on the way: a journal's
`acked` moves only after the answer.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tidemill.api import experiments, runs
from tidemill.api.operation import Backend
from tidemill.errors import (
    AlreadyExists,
    BadRequest,
    EndpointNotFound,
    InvalidParameter,
    InvalidState,
    NotFound,
    NotSupported,
    PayloadTooLarge,
    PermissionDenied,
    TidemillError,
    Unavailable,
)
from tidemill.journal import format, owners, segments, state
from tidemill.journal.delivery import BATCH, INGEST, Delivery, Item, item_of
from tidemill.retry import jitter
from tidemill.types.experiments import CreateExperiment, GetExperimentByName
from tidemill.types.runs import Heartbeat

_REFUSALS = (
    AlreadyExists, BadRequest, InvalidParameter, InvalidState, NotFound, NotSupported, PayloadTooLarge,
)  # fmt: skip
_MOST_ATTEMPTS = 10
_COPY_S = 86_400.0
_WINDOW = 64
"""Most records other than points that are sent between two acknowledgements, for each job."""
_WINDOW_BYTES = 2**25
"""After so many bytes of artifacts there is one in any case."""

Upload = Callable[[str, str, Path], None]
"""Uploads a file: its owner (`runs/<id>` or `models/<id>`), its path there, where it waits. Raises as a Backend does."""


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt to send a journal. `error` is what stopped it; None where everything has arrived."""

    records: int
    error: TidemillError | None = None
    busy: bool = False


class Sender:
    """Sends journals to `target`. Remembers what it learned, so keep it as long as there is something to send.

    `stop` is asked between requests; once it says yes, the rest stays for another time. `jobs`: so many runs of one
    journal are sent at once, each in order.
    """

    def __init__(
        self, target: Backend, upload: Upload, stop: Callable[[], bool] = lambda: False, jobs: int = 1
    ) -> None:
        self.target = target
        self.upload = upload
        self.is_stopped = stop
        self.jobs = jobs
        self.keeps_ids: bool | None = None
        self.compresses = not getattr(target, "is_local", False)
        self._done: dict[Path, set[int]] = {}
        self._slots: dict[Path, tuple[tuple[int, int], dict[int, str]]] = {}
        self._attempts: dict[tuple[Path, int, int], int] = {}
        self._experiments: dict[str, str] = {}
        self._has_heartbeats = True
        self.has_ingest = True

    def send(self, folder: Path, *, wait: bool = False, progress: Callable[[int], None] = lambda _: None) -> Outcome:
        """Send what `folder` holds now. `busy`: somebody else is at it, and not `wait`.

        `progress` is called with the bytes sent. A journal that is sent and whose process is gone is removed.
        """
        try:
            lock = owners.lock(folder / state.SEND_LOCK, wait=wait)
        except FileNotFoundError:
            return Outcome(0)  # somebody else has sent and removed it
        except OSError as error:
            return Outcome(0, Unavailable(f"The journal {folder} cannot be locked: {error.strerror}."))
        if lock is None:
            return Outcome(0, busy=True)
        try:
            one = _Journal(self, folder, progress)
            try:
                one.send_all()
            except TidemillError as error:
                return Outcome(one.records, error)
            except FileNotFoundError:
                return Outcome(one.records)
            except OSError as error:
                return Outcome(one.records, Unavailable(f"The journal {folder} cannot be read: {error.strerror}."))
            if self.is_stopped():
                return Outcome(one.records, Unavailable("Sending was stopped."))
            one.remove_if_done()
            return Outcome(one.records)
        finally:
            os.close(lock)

    def experiment_id(self, name: str) -> str:
        """The id of the experiment `name`, made when missing."""
        found = self._experiments.get(name)
        if found is None:
            try:
                found = self.target.call(experiments.get_by_name, GetExperimentByName(name)).experiment.experiment_id
            except NotFound:
                with contextlib.suppress(AlreadyExists):
                    self.target.call(experiments.create, CreateExperiment(name))
                found = self.target.call(experiments.get_by_name, GetExperimentByName(name)).experiment.experiment_id
            self._experiments[name] = found
        return found

    def beat(self, run_ids: list[str], interval_s: int) -> None:
        """Tell the store that these runs are written to; 0: that their silence will mean nothing. Best effort."""
        if run_ids and self._has_heartbeats:
            try:
                for start in range(0, len(run_ids), BATCH):
                    self.target.call(runs.heartbeat, Heartbeat(run_ids[start : start + BATCH], interval_s))
            except EndpointNotFound:
                self._has_heartbeats = False  # another server than ours
            except TidemillError:
                return  # the next one may get through

    def may_refuse(self, folder: Path, record: format.Record, number: int, error: TidemillError) -> bool:
        """Whether to give a record up after `error`, or to send it again later."""
        if isinstance(error, Unavailable | PermissionDenied):
            return False
        if isinstance(error, _REFUSALS) and not (isinstance(error, NotFound) and _others_wait(folder)):
            return True
        where = (folder, number, record.at)
        self._attempts[where] = self._attempts.get(where, 0) + 1
        return self._attempts[where] >= _MOST_ATTEMPTS


class _Journal:
    """One journal being sent, with its send lock held."""

    def __init__(self, sender: Sender, folder: Path, progress: Callable[[int], None]) -> None:
        self.folder = folder
        self.records = 0
        self._sender = sender
        self._progress = progress
        self._state = state.load(folder)
        self._number = 0
        remembered = sender._slots.get(folder)
        self._slots: dict[int, str] = {}
        self._from = (self._state.segment, 0)
        if remembered is not None and remembered[0] == self._state.position:
            self._from, self._slots = remembered
        self._window: list[Item] = []
        self._points = self._others = self._bytes = 0

    def send_all(self) -> None:
        """Send every record that is there."""
        for number in segments.numbers(self.folder):
            if number < self._state.segment:
                segments.path_of(self.folder, number).unlink(missing_ok=True)
                continue
            self._number = number
            if number > self._state.segment:
                self._ack(number, 0)
            if number != self._from[0]:
                self._from, self._slots = (number, 0), {}
            if not self._send_segment(number):
                break
        self._sender._slots[self.folder] = (self._state.position, self._slots)

    def _send_segment(self, number: int) -> bool:
        """Send one segment; False where its end cannot be reached now."""
        start = self._from[1]
        if start and not segments.has_more(self.folder, number, start):
            return True
        end = self._state.offset
        for found in segments.read(self.folder, number, start):
            if isinstance(found, format.Damage):
                self._send_window()
                return self._pass_over(number, found)
            if found.kind == format.DEFINE:
                slot, text = format.read_define(found.payload)
                self._slots[slot] = text
            elif found.end > self._state.offset:
                self._take(item_of(found, self._slots))
            end = found.end
        self._send_window()
        if end > self._state.offset:  # definitions that nothing followed
            self._ack(number, end)
        return True

    def _take(self, item: Item) -> None:
        """Put a record into the window, and send that when it is full. What is about no run is sent alone."""
        if item.point is not None:
            self._window.append(item)
            self._points += len(item.point.keys)
            if self._points >= INGEST and self._points >= INGEST * self._jobs():
                self._send_window()
            return
        # Until one run was created it is not known whether the store keeps our ids: others may name this one.
        alone = not item.run or (item.creates and self._sender.jobs > 1 and self._sender.keeps_ids is None)
        if alone:
            self._send_window()
        self._window.append(item)
        self._others += 1
        if item.record.kind == format.ARTIFACT:
            self._bytes += format.read_artifact(item.record.payload).size
        if alone or self._others >= _WINDOW * self._jobs() or self._bytes >= _WINDOW_BYTES:
            self._send_window()

    def _jobs(self) -> int:
        """How many runs to send at once: one where the store makes ids of its own, which the next record may need."""
        return 1 if self._sender.keeps_ids is False or self._state.ids else self._sender.jobs

    def _send_window(self) -> None:
        """Send what is in the window: each run's records in order, several runs at once."""
        window, self._window = self._window, []
        self._points = self._others = self._bytes = 0
        if not window:
            return
        done = self._sender._done.setdefault(self.folder, set())
        delivery = Delivery(self._sender, self.folder, self._number, self._slots, self._state, done)
        by_run: dict[str, list[Item]] = {}
        for item in window:
            by_run.setdefault(item.run, []).append(item)
        if self._jobs() > 1 and len(by_run) > 1:
            with ThreadPoolExecutor(self._jobs(), thread_name_prefix="tidemill-sync") as pool:
                sent = [pool.submit(delivery.deliver, items) for items in by_run.values()]
            for one in sent:
                one.result()
        else:
            for items in by_run.values():
                delivery.deliver(items)
        self._ack(self._number, window[-1].record.end)
        self.records += len(window) - 1
        for item in window:
            if item.record.kind == format.ARTIFACT:  # only now: until then it may have to be sent again
                file = format.read_artifact(item.record.payload).file
                (self.folder / state.FILES / file).unlink(missing_ok=True)

    def _pass_over(self, number: int, damage: format.Damage) -> bool:
        """Whether to go on behind the damage. What is being written this moment looks damaged, but is not."""
        last = number == segments.numbers(self.folder)[-1]
        if last and (owners.is_owned(self.folder) or self._may_go_on()):
            return False
        path = segments.path_of(self.folder, number)
        if not damage.torn:
            state.reject(
                self.folder, {"segment": number, "offset": damage.at, "error": damage.reason, "code": "DAMAGED"}
            )
            shutil.copyfile(path, path.with_suffix(".damaged"))
        self._ack(number + 1, 0)
        return True

    def _may_go_on(self) -> bool:
        """Whether this looks like the copy of a journal that is still being written elsewhere: more of it may come."""
        if self._state.ended or owners.is_of_this_host(self.folder):
            return False
        return time.time() - owners.last_change(self.folder) < _COPY_S

    def _ack(self, number: int, offset: int) -> None:
        """Everything before has arrived."""
        self._sender._done.pop(self.folder, None)
        before, self._state.segment, self._state.offset = self._state.position, number, offset
        state.save(self.folder, self._state)
        self.records += 1
        self._progress(offset - before[1] if before[0] == number else offset)

    def remove_if_done(self) -> None:
        """Remove a journal that is sent and belongs to nobody; what was refused stays."""
        if owners.is_owned(self.folder) or self._may_go_on() or not state.is_sent(self.folder, self._state):
            return
        self._sender._slots.pop(self.folder, None)
        if (self.folder / state.REJECTED).exists():
            for number in segments.numbers(self.folder):
                segments.path_of(self.folder, number).unlink(missing_ok=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def _others_wait(folder: Path) -> bool:
    """Whether another journal beside this one is not sent yet: the run that is missing may be created in there."""
    return any(one != folder and not state.is_sent(one) for one in state.journals(folder.parent))


def pauses(first_s: float = 0.5, most_s: float = 30.0) -> Iterator[float]:
    """Seconds to wait after each failure in a row: growing, and varied so that many senders do not come back together."""
    pause = first_s
    while True:
        yield pause * jitter()
        pause = min(most_s, pause * 2)


def deadline(seconds: float) -> Callable[[], bool]:
    """Says yes once so many seconds have passed."""
    at = time.monotonic() + seconds
    return lambda: time.monotonic() > at
