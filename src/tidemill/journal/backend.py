"""A Backend that answers writes from the journal, at once and without a network, and everything else from the store."""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast
from weakref import WeakSet

from tidemill.api import codec, experiments, logged_models, model_versions, registered_models, runs
from tidemill.api.operation import AnyOperation, Backend, Operation
from tidemill.clock import now_ms
from tidemill.errors import AlreadyExists, InvalidParameter, NotFound, TidemillError, Unavailable
from tidemill.journal import copies, format, known, past, sender, state
from tidemill.journal.delivery import BY_NAME
from tidemill.journal.waiting import Waiting, megabytes
from tidemill.journal.writer import LOST_TAG, Writer, say
from tidemill.types.experiments import CreatedExperiment, Experiment, ExperimentAnswer
from tidemill.types.logged_models import (
    CreateLoggedModel,
    FinalizeLoggedModel,
    GetLoggedModel,
    LoggedModelAnswer,
)
from tidemill.types.model_versions import CreateModelVersion, ModelVersionAnswer
from tidemill.types.page import NOTHING, Nothing
from tidemill.types.registered_models import CreateRegisteredModel
from tidemill.types.runs import CreateRun, GetRun, Run, RunAnswer, RunData, RunInfoAnswer, SetTag, UpdateRun

In = TypeVar("In")
Out = TypeVar("Out")

_DOWN_S = 30.0
"""For so long after it could not be reached, a store is not asked for what can be had without it."""
_RESUME_S = 5.0
"""For so long what waits is sent before a run is gone on with."""
_REMEMBERED = 1000
_everyone: "WeakSet[JournalBackend]" = WeakSet()


class JournalBackend:
    """Writes that the operation table marks `replay` return once they are in the journal; a sender brings them to the store.

    `connect(patience_s)` opens the store, `upload` brings it a file. `start_sender` is called now and then while
    something is logged and makes sure that a sender runs. `check` refuses arguments that no store takes. `offline`:
    send nothing. Reads first bring everything that this process has logged to the store, for at most `read_wait_s`
    seconds, so that they see it.
    """

    def __init__(
        self,
        connect: Callable[[float | None], Backend],
        writer: Writer,
        *,
        upload: sender.Upload,
        start_sender: Callable[[], None],
        check: Callable[[AnyOperation, Any], None],
        offline: bool = False,
        read_wait_s: float = 60.0,
        exit_wait_s: float = 30.0,
    ) -> None:
        self.writer = writer
        self.log_points = writer.log_points
        self.offline = offline
        self._connect = connect
        self._upload = upload
        self._check = check
        self._start_sender = start_sender
        self._read_wait_s = read_wait_s
        self._exit_wait_s = exit_wait_s
        self._quick: Backend | None = None
        self._patient: Backend | None = None
        self._down = float("-inf")
        self._flushed: tuple[Path | None, tuple[int, int]] = (None, (0, 0))
        self.known = known.Known()
        self._params: dict[str, dict[str, str]] = {}
        self._staged = 0
        self._lock = threading.Lock()
        if not offline:
            writer.look = start_sender
        _everyone.add(self)

    def __repr__(self) -> str:
        return f"JournalBackend({self.writer.target!r})"

    @property
    def target(self) -> Backend:
        """The store itself, without the journal."""
        if self._patient is None:
            self._patient = self._connect(None)
        return self._patient

    def call(self, op: Operation[In, Out], arg: In) -> Out:
        """Carry out `op`, or note it for later. Raises Unavailable where an answer is needed that cannot be had."""
        answer: Any
        if op is runs.create:
            answer = self._create_run(cast(CreateRun, arg))
        elif op is runs.update:
            self._note(runs.update, arg)
            answer = RunInfoAnswer(self.known.updated(cast(UpdateRun, arg)))
        elif op is logged_models.create:
            answer = self._create_model(cast(CreateLoggedModel, arg))
        elif op is logged_models.finalize:
            answer = self._finalize_model(cast(FinalizeLoggedModel, arg))
        elif op is logged_models.get:
            answer = self._model(cast(GetLoggedModel, arg))
        elif op.replay and op.output is Nothing:
            self._note(op, arg)
            self.known.note(arg)
            answer = NOTHING
        elif op in (experiments.get_by_name, experiments.get, experiments.create):
            answer = self._experiment(op, arg)
        else:
            if op.noun not in ("experiments", "server"):
                self.flush()
            elif self.offline:
                raise _offline(op.name)
            answer = self.target.call(op, arg)
            self.known.note(arg)
            if op is runs.get:
                self.known.remember(answer.run.info)
        return cast(Out, answer)

    def stage(self, owner: str, path: str, source: "str | os.PathLike[str] | bytes") -> bool:
        """Keep a copy of a file, or bytes, until it is uploaded as `path` of `owner` (`runs/<id>` or `models/<id>`).

        False where there is no room for it. Raises NotFound where there is no such file.
        """
        size = len(source) if isinstance(source, bytes) else copies.size_of(source)
        with self._lock:
            self._staged += 1
            name = f"{self._staged:06d}"
        try:
            if not self.writer.fits(size):
                return False
            target = self.writer.files() / name
            if isinstance(source, bytes):
                target.write_bytes(source)
            else:
                copies.copy(source, target)
        except OSError:
            return False
        return self.writer.append(format.artifact(format.Staged(owner, path, name, size)), owner.partition("/")[2])

    def resume(self, run_id: str) -> Run:
        """A run to go on with, as far as it can be known now: from its store, and from what still waits on this disk.

        Where the store cannot be reached, or must not, what is known here has to do. Raises NotFound, unless it was
        the store that could not be asked.
        """
        found = None
        if self._is_reachable():
            with contextlib.suppress(Unavailable):
                self.flush(_RESUME_S)  # what does not get through in that time is read below
            try:
                found = self._at_once().call(runs.get, GetRun(run_id)).run
            except Unavailable as error:
                self._went_down(error)
            except NotFound:
                if not past.has_run(self.writer.root, self.writer.target, run_id):
                    raise
        if found is None:
            found = past.created(self.writer.root, self.writer.target, Run(self.known.run(run_id), RunData()))
        self.known.remember(found.info)
        self.writer.prepare()
        return past.with_last_points(self.writer.root, self.writer.target, found)

    def register(self, model: CreateRegisteredModel, version: CreateModelVersion) -> ModelVersionAnswer | None:
        """Make a version of a registered model, and that where it is missing; None: noted, to be made with the rest.

        The version's files are brought to the store first; where they cannot be in time, it is made when they are there.
        """
        waiting: list[tuple[AnyOperation, Any]] = [(registered_models.create, model), (model_versions.create, version)]
        if self._is_reachable():
            try:
                with contextlib.suppress(AlreadyExists):
                    self._at_once().call(registered_models.create, model)
                del waiting[0]
                self.flush()
                return self._at_once().call(model_versions.create, version)
            except Unavailable as error:
                self._went_down(error)
        for op, arg in waiting:
            self._note(op, arg)
        return None

    def flush(self, wait_s: float | None = None) -> None:
        """Bring everything that this process has logged to the store. Raises what prevents it."""
        if self.offline:
            raise _offline("an answer")
        self._send_others()
        here = (self.writer.folder, self.writer.position())
        if here == self._flushed or here[0] is None:
            return
        error = self._send(here[0], self._read_wait_s if wait_s is None else wait_s)
        if error is not None:
            raise Unavailable(
                f"What was logged before could not be sent, so there is no up-to-date answer ({error.message}) "
                f"It is safe in {here[0]} and will be sent later."
            ) from error
        self._flushed = here

    def close(self) -> None:
        """Send what is left, for at most the time given for the exit, then let go. May be used again."""
        lost = dict(self.writer.lost)
        folder = self.writer.close()
        if lost:
            say(f"{sum(lost.values())} logged values found no room in the journal and are lost.")
            self.writer.lost.clear()
        if folder is not None and not self.offline:
            error = self._send(folder, self._exit_wait_s, at_exit=True)
            if error is not None:
                left = megabytes(folder)
                say(
                    f"{left} of what was logged wait in {folder} ({error.message}) To send them: tidemill sync {folder.parent}"
                )
            else:
                self._note_lost(lost)
        elif folder is not None:
            say(
                f"offline: {megabytes(folder)} wait in {folder}. To send them: tidemill sync {folder.parent} --to ADDRESS"
            )
        if folder is not None:
            refused = len(state.rejected(folder))
            if refused:
                say(f"the store refused {refused} records; {folder / state.REJECTED} has them and says why.")
        for one in (self._quick, self._patient):
            if one is not None:
                one.close()
        self._quick = self._patient = None

    def _note_lost(self, lost: dict[str, int]) -> None:
        """Let each run say how much of it is missing; the journal may not have had room for that either."""
        for run_id, count in lost.items():
            with contextlib.suppress(TidemillError):
                self._at_once().call(runs.set_tag, SetTag(run_id, key=LOST_TAG, value=str(count)))

    def after_fork_in_child(self) -> None:
        """The parent's journal is the parent's to send."""
        self._lock = threading.Lock()
        self._flushed = (None, (0, 0))
        self.writer.after_fork_in_child()

    def _send_others(self) -> None:
        """What other processes here have logged, such as children that have ended: as far as that goes at once."""
        one = None
        for folder in state.journals(self.writer.root):
            others = folder != self.writer.folder and state.read_target(folder) == self.writer.target
            if others and not state.is_sent(folder):
                one = one or sender.Sender(self._at_once(), self._upload, stop=sender.deadline(self._read_wait_s))
                one.send(folder, wait=True)

    def _send(self, folder: Path, wait_s: float, at_exit: bool = False) -> TidemillError | None:
        """Send `folder`, trying again for `wait_s` seconds; what prevented it, or None."""
        over = sender.deadline(wait_s)
        one = sender.Sender(self._at_once(), self._upload, stop=over)
        with Waiting(folder, shown=at_exit) as progress:
            for pause in sender.pauses(0.1, 2.0):
                outcome = one.send(folder, progress=progress)
                if outcome.error is None and not outcome.busy:
                    return None
                if over():
                    return outcome.error or Unavailable("Another process is still sending it.")
                time.sleep(0.01 if outcome.busy else pause)
        raise AssertionError

    def _at_once(self) -> Backend:
        if self._quick is None:
            self._quick = self._connect(2.0)
        return self._quick

    def _note(self, op: AnyOperation, arg: Any) -> None:
        """Put one operation into the journal, once it is sure that its argument can be sent."""
        try:
            body = codec.encode(arg)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidParameter(f"An argument of {op.name} cannot be sent: {error}.") from None
        codec.decode_request(op, body)
        self._check(op, arg)
        self._check_params(op, arg)
        self.writer.append(format.call(op.name, body), getattr(arg, "run_id", "") or getattr(arg, "source_run_id", ""))

    def _check_params(self, op: AnyOperation, arg: Any) -> None:
        """Refuse at once what the store would refuse later: another value for a param that was logged here."""
        if op is runs.log_param:
            given = {arg.key: arg.value}
        elif op is runs.log_batch and arg.params:
            given = {param.key: param.value for param in arg.params}
        else:
            return
        known = self._params.setdefault(arg.run_id, {})
        for key, value in given.items():
            if known.setdefault(key, value) != value:
                raise InvalidParameter(
                    f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                    f"value='{known[key]}' for run ID='{arg.run_id}'. Attempted logging new value '{value}'."
                )
        while len(self._params) > _REMEMBERED:
            del self._params[next(iter(self._params))]

    def _create(self, op: AnyOperation, arg: Any) -> Any:
        """Make a run or a logged model: at the store where that can be reached, else in the journal."""
        if self._is_reachable() and not arg.experiment_id.startswith(BY_NAME):
            try:
                answer = self._at_once().call(op, arg)
            except Unavailable as error:
                self._went_down(error)
            else:
                self._start_sender()
                self.writer.prepare()
                return answer
        self._note(op, arg)
        return None

    def _create_run(self, given: CreateRun) -> RunAnswer:
        arg = known.with_id(given)
        answer: RunAnswer | None = self._create(runs.create, arg)
        if answer is None:
            return RunAnswer(self.known.created(arg))
        self.known.remember(answer.run.info)
        return answer

    def _create_model(self, given: CreateLoggedModel) -> LoggedModelAnswer:
        arg = known.model_with_id(given)
        answer: LoggedModelAnswer | None = self._create(logged_models.create, arg)
        if answer is None:
            return LoggedModelAnswer(self.known.created_model(arg))
        self.known.remember_model(answer.model)
        return answer

    def _finalize_model(self, arg: FinalizeLoggedModel) -> LoggedModelAnswer:
        """Noted behind the model's files, so that it is ready when they have arrived."""
        self._note(logged_models.finalize, arg)
        assert arg.status is not None
        return LoggedModelAnswer(self.known.finalized(arg.model_id, arg.status))

    def _model(self, arg: GetLoggedModel) -> LoggedModelAnswer:
        """A logged model as its store has it, or as it was made here where the store cannot be asked."""
        made = self.known.model(arg.model_id)
        if made is not None and not self._is_reachable():
            return LoggedModelAnswer(made)
        try:
            self.flush()
            answer = self.target.call(logged_models.get, arg)
            self.known.remember_model(answer.model)
            return answer
        except Unavailable as error:
            if made is None:
                raise
            self._went_down(error)
            return LoggedModelAnswer(made)

    def _experiment(self, op: AnyOperation, arg: Any) -> Any:
        """Experiments can be had offline too: by name, with a stand-in for the id."""
        name = getattr(arg, "experiment_name", "") or getattr(arg, "name", "")
        given = getattr(arg, "experiment_id", "")
        if given.startswith(BY_NAME):
            name = given.removeprefix(BY_NAME)
        elif self._is_reachable() or not name:
            if self.offline:
                return ExperimentAnswer(_stand_in(given, given))
            try:
                return (self._at_once() if name else self.target).call(op, arg)
            except Unavailable as error:
                if not name:
                    raise
                self._went_down(error)
        if op is experiments.create:
            return CreatedExperiment(BY_NAME + name)
        return ExperimentAnswer(_stand_in(BY_NAME + name, name))

    def _is_reachable(self) -> bool:
        """Whether to ask the store for something that can be had without it."""
        return not self.offline and time.monotonic() - self._down > _DOWN_S

    def _went_down(self, error: Unavailable) -> None:
        if self._down == float("-inf"):
            say(f"{error.message} What is logged is kept in {self.writer.root} and sent later.")
        self._down = time.monotonic()


def _stand_in(experiment_id: str, name: str) -> Experiment:
    now = now_ms()
    return Experiment(experiment_id, name, "", "active", now, now)


def _offline(what: str) -> Unavailable:
    return Unavailable(
        f"TIDEMILL_OFFLINE is set, so the store cannot be asked for {what}. Logging works; read after 'tidemill sync'."
    )


def _after_fork_in_child() -> None:
    for one in list(_everyone):
        one.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
