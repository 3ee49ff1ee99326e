"""The sending side: what lies in journals goes to the store, in order, until the store has it.

Sending the same record twice changes nothing (ids are made by the client, points and params are kept once, tags are
set again in order), so after a doubt it is sent again. What is sure to arrive never is lost on the way: a journal's
`acked` moves only after the answer.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tidemill.api import codec, columns, experiments, logged_models, runs
from tidemill.api.operation import AnyOperation, Backend
from tidemill.api.table import OPERATIONS
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
from tidemill.retry import jitter
from tidemill.types.experiments import CreateExperiment, GetExperimentByName
from tidemill.types.metrics import MetricPoint
from tidemill.types.runs import Heartbeat, IngestPoints, LogBatch, RunStatus

BY_NAME = "@"
"""`@name` stands for the id of the experiment of that name where the id could not be asked for."""
BATCH = 1000
"""Most points in one request to any server."""
INGEST = 20_000
"""About as many points in one request to a server of ours; one logging call is never cut in two."""
_REFUSALS = (
    AlreadyExists, BadRequest, InvalidParameter, InvalidState, NotFound, NotSupported, PayloadTooLarge,
)  # fmt: skip
_MOST_ATTEMPTS = 10
_COPY_S = 86_400.0
_ENDED = (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)

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

    `stop` is asked between requests; once it says yes, the rest stays for another time.
    """

    def __init__(self, target: Backend, upload: Upload, stop: Callable[[], bool] = lambda: False) -> None:
        self.target = target
        self._upload = upload
        self._stop = stop
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
            if self._stop():
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
        self._waiting: list[tuple[format.Record, format.Points]] = []
        self._waiting_points = 0

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
                self._send_points()
                return self._pass_over(number, found)
            if found.kind == format.DEFINE:
                slot, text = format.read_define(found.payload)
                self._slots[slot] = text
            elif found.end > self._state.offset:
                self._take(found)
                if self._sender._stop():
                    self._send_points()
                    return False
            end = found.end
        self._send_points()
        if end > self._state.offset:  # definitions that nothing followed
            self._ack(number, end)
        return True

    def _take(self, found: format.Record) -> None:
        if found.kind == format.POINTS:
            point = format.read_points(found.payload)
            self._waiting.append((found, point))
            self._waiting_points += len(point.keys)
            if self._waiting_points >= (INGEST if self._sender.has_ingest else BATCH):
                self._send_points()
            return
        self._send_points()
        try:
            if found.kind == format.CALL:
                self._call(*format.read_call(found.payload))
            elif found.kind == format.END:
                self._state.ended = True
                self._sender.beat(state.open_runs(self._state), 0)
            elif found.kind == format.ARTIFACT:
                self._send_file(format.read_artifact(found.payload))
        except TidemillError as error:
            self._refuse(found, error)
        self._ack(self._number, found.end)
        if found.kind == format.ARTIFACT:  # only now: until then it may have to be sent again
            (self.folder / state.FILES / format.read_artifact(found.payload).file).unlink(missing_ok=True)

    def _send_points(self) -> None:
        """Send the points that wait, a request a run; where one is refused, record by record."""
        waiting, self._waiting, self._waiting_points = self._waiting, [], 0
        if not waiting:
            return
        by_run: dict[str, list[tuple[format.Record, format.Points]]] = {}
        for pair in waiting:
            by_run.setdefault(self._slots[pair[1].run], []).append(pair)
        for run_id, pairs in by_run.items():
            try:
                self._log(run_id, [point for _, point in pairs])
            except Unavailable:
                raise
            except TidemillError as error:
                if len(pairs) == 1:
                    self._refuse(pairs[0][0], error)
                else:
                    self._one_by_one(run_id, pairs)
            if run_id not in self._state.runs:
                self._state.runs.append(run_id)
        self._ack(self._number, waiting[-1][0].end)
        self.records += len(waiting) - 1

    def _one_by_one(self, run_id: str, pairs: Sequence[tuple[format.Record, format.Points]]) -> None:
        for record, point in pairs:
            try:
                self._log(run_id, [point])
            except TidemillError as error:
                self._refuse(record, error)

    def _log(self, run_id: str, logged: Sequence[format.Points]) -> None:
        known = self._state.ids.get(run_id, run_id)
        if self._sender.has_ingest:
            try:
                self._ingest(known, logged)
            except EndpointNotFound:
                self._sender.has_ingest = False  # another server than ours
            else:
                return
        slots = self._slots
        points = [
            MetricPoint(slots[key], value, one.timestamp, one.step)
            for one in logged
            for key, value in zip(one.keys, one.values, strict=True)
        ]
        for start in range(0, len(points), BATCH):
            self._sender.target.call(runs.log_batch, LogBatch(known, points[start : start + BATCH]))

    def _ingest(self, run_id: str, logged: Sequence[format.Points]) -> None:
        """Send as columns: what Tidemill's own server takes, several times as fast as JSON."""
        made = columns.empty()
        index: dict[int, int] = {}
        for one in logged:
            for slot in one.keys:
                if slot not in index:
                    index[slot] = len(made.keys)
                    made.keys.append(self._slots[slot])
            count = len(one.keys)
            made.indexes.extend([index[slot] for slot in one.keys])
            made.values.extend(one.values)
            made.timestamps.extend((one.timestamp,) * count)
            made.steps.extend((one.step,) * count)
        self._sender.target.call(runs.ingest, IngestPoints(run_id, columns.pack(made)))

    def _call(self, name: str, body: bytes) -> None:
        op = OPERATIONS.get(name)
        if op is None:
            raise NotSupported(f"There is no operation {name} in this version.")
        arg: Any = codec.decode_request(op, self._translated(body) if self._state.ids else body)
        experiment = getattr(arg, "experiment_id", "")
        if experiment.startswith(BY_NAME):
            found = self._sender.experiment_id(experiment.removeprefix(BY_NAME))
            arg = msgspec.structs.replace(arg, experiment_id=found)
        answer = self._sender.target.call(op, arg)
        self._note(op, arg, answer)

    def _translated(self, body: bytes) -> bytes:
        """`body` with the ids that the store gave, where it makes its own: wherever they stand, in tags and lists too."""
        for ours, theirs in self._state.ids.items():
            body = body.replace(ours.encode(), theirs.encode())
        return body

    def _note(self, op: AnyOperation, arg: Any, answer: Any) -> None:
        """Remember which runs are under way, and under which id."""
        if op is runs.create:
            made = answer.run.info.run_id
            if made != arg.run_id:
                self._state.ids[arg.run_id] = made
            self._state.runs.append(arg.run_id)
        elif op is logged_models.create:
            made = answer.model.info.model_id
            if made != arg.model_id:
                self._state.ids[arg.model_id] = made
        elif op is runs.update and arg.status in _ENDED:
            ours = {theirs: own for own, theirs in self._state.ids.items()}.get(arg.run_id, arg.run_id)
            self._state.runs = [one for one in self._state.runs if one != ours]

    def _send_file(self, staged: format.Staged) -> None:
        path = self.folder / state.FILES / staged.file
        if not path.exists():
            raise NotFound(f"The file {staged.file}, to become {staged.path} of {staged.owner}, is not in the journal.")
        kind, _, owner = staged.owner.partition("/")
        self._sender._upload(f"{kind}/{self._state.ids.get(owner, owner)}", staged.path, path)

    def _refuse(self, found: format.Record, error: TidemillError) -> None:
        """Keep a record aside that the store will never take; raises `error` where it may yet."""
        if not self._sender.may_refuse(self.folder, found, self._number, error):
            raise error
        self._state.rejected += 1
        state.reject(self.folder, {**self._described(found), "error": error.message, "code": error.code})

    def _described(self, found: format.Record) -> dict[str, Any]:
        where: dict[str, Any] = {"segment": self._number, "offset": found.at}
        if found.kind == format.POINTS:
            point = format.read_points(found.payload)
            values = {self._slots[key]: value for key, value in zip(point.keys, point.values, strict=True)}
            run_id = self._slots[point.run]
            return {**where, "run_id": run_id, "metrics": values, "timestamp": point.timestamp, "step": point.step}
        if found.kind == format.CALL:
            name, body = format.read_call(found.payload)
            return {**where, "operation": name, "argument": msgspec.Raw(body)}
        return {**where, "artifact": msgspec.Raw(found.payload)}

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
