"""Bringing records of a journal to their store: points in few large requests, everything else one by one, in order."""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tidemill.api import codec, columns, logged_models, model_versions, registered_models, runs
from tidemill.api.operation import AnyOperation
from tidemill.api.table import OPERATIONS
from tidemill.errors import AlreadyExists, EndpointNotFound, NotFound, NotSupported, TidemillError, Unavailable
from tidemill.journal import format, state
from tidemill.types.metrics import MetricPoint
from tidemill.types.model_versions import CreateModelVersion, SearchModelVersions
from tidemill.types.runs import IngestPoints, LogBatch, RunStatus

if TYPE_CHECKING:
    from tidemill.journal.sender import Sender

BY_NAME = "@"
"""`@name` stands for the id of the experiment of that name where the id could not be asked for."""
BATCH = 1000
"""Most points in one request to any server."""
INGEST = 20_000
"""About as many points in one request to a server of ours; one logging call is never cut in two."""
_ENDED = (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)


class Item(NamedTuple):
    """A record to deliver. `run`: the run that it is about, by our id; "" where it must be sent alone, in its turn.

    `creates`: it makes that run.
    """

    record: format.Record
    run: str
    point: format.Points | None = None
    creates: bool = False


def item_of(record: format.Record, slots: dict[int, str]) -> Item:
    """What a record is about. `slots` are those of its segment."""
    if record.kind == format.POINTS:
        point = format.read_points(record.payload)
        return Item(record, slots[point.run], point)
    run, creates = "", False
    if record.kind == format.CALL:
        name, body = format.read_call(record.payload)
        op = OPERATIONS.get(name)
        if op is not None and op.noun == "runs":
            with contextlib.suppress(TidemillError):  # it will be refused when its turn comes
                run, creates = getattr(codec.decode_request(op, body), "run_id", ""), op is runs.create
    elif record.kind == format.ARTIFACT:
        kind, _, owner = format.read_artifact(record.payload).owner.partition("/")
        run = owner if kind == "runs" else ""
    return Item(record, run, creates=creates)


class Delivery:
    """Delivers records of segment `number` of the journal in `folder`. Several threads may, each for other runs.

    `done` holds the offsets of the records that have arrived since the journal's last acknowledgement.
    """

    def __init__(
        self, sender: "Sender", folder: Path, number: int, slots: dict[int, str], known: state.State, done: set[int]
    ) -> None:
        self._sender = sender
        self._folder = folder
        self._number = number
        self._slots = slots
        self._state = known
        self._done = done
        self._lock = threading.Lock()

    def deliver(self, items: Sequence[Item]) -> None:
        """Send records of one run in order. Raises what keeps one from arriving that is not to be given up."""
        waiting: list[Item] = []
        count = 0
        for item in items:
            if item.record.at in self._done:
                continue
            if item.point is None:
                self._points(waiting)
                waiting, count = [], 0
                self._other(item)
            else:
                waiting.append(item)
                count += len(item.point.keys)
                if count < (INGEST if self._sender.has_ingest else BATCH):
                    continue
                self._points(waiting)
                waiting, count = [], 0
            if self._sender.is_stopped():
                raise Unavailable("Sending was stopped.")
        self._points(waiting)

    def _points(self, items: list[Item]) -> None:
        """Send points of one run together; where they are refused, record by record."""
        if not items:
            return
        run_id = items[0].run
        try:
            self._log(run_id, [item.point for item in items if item.point])
        except Unavailable:
            raise
        except TidemillError as error:
            if len(items) == 1:
                self._refuse(items[0], error)
            else:
                for item in items:
                    self._points([item])
        self._done.update(item.record.at for item in items)
        with self._lock:
            if run_id not in self._state.runs:
                self._state.runs.append(run_id)

    def _other(self, item: Item) -> None:
        record = item.record
        try:
            if record.kind == format.CALL:
                self._call(*format.read_call(record.payload))
            elif record.kind == format.ARTIFACT:
                self._send_file(format.read_artifact(record.payload))
            elif record.kind == format.END:
                self._state.ended = True
                self._sender.beat(state.open_runs(self._state), 0)
        except TidemillError as error:
            self._refuse(item, error)
        self._done.add(record.at)

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
        self._sender.target.call(
            runs.ingest, IngestPoints(run_id, columns.pack(made, compress=self._sender.compresses))
        )

    def _call(self, name: str, body: bytes) -> None:
        op = OPERATIONS.get(name)
        if op is None:
            raise NotSupported(f"There is no operation {name} in this version.")
        arg: Any = codec.decode_request(op, self._translated(body) if self._state.ids else body)
        experiment = getattr(arg, "experiment_id", "")
        if experiment.startswith(BY_NAME):
            found = self._sender.experiment_id(experiment.removeprefix(BY_NAME))
            arg = msgspec.structs.replace(arg, experiment_id=found)
        if op is registered_models.create:
            with contextlib.suppress(AlreadyExists):
                self._sender.target.call(op, arg)
            return
        if op is model_versions.create and self._is_version(arg):
            return
        answer = self._sender.target.call(op, arg)
        with self._lock:
            self._note(op, arg, answer)

    def _is_version(self, arg: CreateModelVersion) -> bool:
        """Whether this version was made before, and only the answer was lost: the store numbers them, so it cannot say."""
        quote = '"' if "'" in arg.name else "'"
        page = self._sender.target.call(
            model_versions.search, SearchModelVersions(f"name = {quote}{arg.name}{quote}", max_results=1000)
        )
        wanted = (arg.source, arg.run_id or None, arg.model_id or None)
        return any((one.source, one.run_id or None, one.model_id or None) == wanted for one in page.model_versions)

    def _translated(self, body: bytes) -> bytes:
        """`body` with the ids that the store gave, where it makes its own: wherever they stand, in tags and lists too."""
        for ours, theirs in self._state.ids.items():
            body = body.replace(ours.encode(), theirs.encode())
        return body

    def _note(self, op: AnyOperation, arg: Any, answer: Any) -> None:
        """Remember which runs are under way, and under which id."""
        if op is runs.create:
            made = answer.run.info.run_id
            self._sender.keeps_ids = made == arg.run_id
            if made != arg.run_id:
                self._state.ids[arg.run_id] = made
            if arg.run_id not in self._state.runs:
                self._state.runs.append(arg.run_id)
        elif op is logged_models.create:
            made = answer.model.info.model_id
            if made != arg.model_id:
                self._state.ids[arg.model_id] = made
        elif op is runs.update and arg.status in _ENDED:
            ours = {theirs: own for own, theirs in self._state.ids.items()}.get(arg.run_id, arg.run_id)
            self._state.runs = [one for one in self._state.runs if one != ours]

    def _send_file(self, staged: format.Staged) -> None:
        path = self._folder / state.FILES / staged.file
        if not path.exists():
            raise NotFound(f"The file {staged.file}, to become {staged.path} of {staged.owner}, is not in the journal.")
        kind, _, owner = staged.owner.partition("/")
        self._sender.upload(f"{kind}/{self._state.ids.get(owner, owner)}", staged.path, path)

    def _refuse(self, item: Item, error: TidemillError) -> None:
        """Keep a record aside that the store will never take; raises `error` where it may yet."""
        if not self._sender.may_refuse(self._folder, item.record, self._number, error):
            raise error
        with self._lock:
            self._state.rejected += 1
            state.reject(self._folder, {**self._described(item), "error": error.message, "code": error.code})

    def _described(self, item: Item) -> dict[str, Any]:
        where: dict[str, Any] = {"segment": self._number, "offset": item.record.at}
        if item.point is not None:
            point = item.point
            values = {self._slots[key]: value for key, value in zip(point.keys, point.values, strict=True)}
            return {
                **where, "run_id": item.run, "metrics": values, "timestamp": point.timestamp, "step": point.step,
            }  # fmt: skip
        if item.record.kind == format.CALL:
            name, body = format.read_call(item.record.payload)
            return {**where, "operation": name, "argument": _shown(body)}
        return {**where, "artifact": _shown(item.record.payload)}


def _shown(data: bytes) -> Any:
    """JSON as it is; anything else as text."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return data.decode(errors="replace")
