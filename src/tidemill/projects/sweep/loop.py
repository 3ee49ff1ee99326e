"""Running a sweep: trials as child runs, some at a time, each once; and going on where a killed sweep stopped.

The store is the only memory: a trial exists once its run does, and is done once its run has ended by itself. After
`kill -9` the trials in hand are found by their runs: on a cluster they are followed on, here they are started again.
"""

import contextlib
import dataclasses
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tidemill import settings
from tidemill.errors import InvalidState, NotFound, TidemillError
from tidemill.projects import ending, launch
from tidemill.projects.job import Ending
from tidemill.projects.launch import Request
from tidemill.projects.loopback import INHERITED, reachable
from tidemill.projects.sweep import plan as plans
from tidemill.projects.sweep import trials as memory
from tidemill.projects.sweep.plan import Plan
from tidemill.projects.sweep.pruning import Median
from tidemill.projects.sweep.search import search
from tidemill.projects.sweep.trials import NUMBER, PRUNED, Trial
from tidemill.tracking import tags
from tidemill.tracking.client import Client
from tidemill.types.runs import RunStatus

_LOOK_S = 1.0
_STEP_S = 0.1
Changed = Callable[[list[Trial]], None]
"""Called with all trials after one has changed."""


class Sweep:
    """One sweep while it runs. `run_id` is the run above the trials."""

    def __init__(self, plan: Plan, client: Client, run_id: str, changed: Changed) -> None:
        self.plan = plan
        self.client = client
        self.run_id = run_id
        self.experiment_id = client.get_run(run_id).info.experiment_id
        self.stop = threading.Event()
        self.trials: dict[int, Trial] = {}
        self._changed = changed
        self._lock = threading.Lock()
        self._search = search(plan.search, plan.space, plan.seed, plan.goal)
        self._pruner = Median(plan.goal) if plan.prune == "median" else None
        self._again: list[Trial] = []
        self._tickets: dict[int, str] = {}
        self._stops: dict[int, threading.Event] = {}
        self._next = 0
        self._errors: list[BaseException] = []

    def run(self, prepared: Request) -> None:
        """Run until every trial is done, or `stop` is set. Raises what keeps trials from being started."""
        self._recall()
        workers = [
            threading.Thread(target=self._work, args=(prepared,), name=f"tidemill-sweep-{place}")
            for place in range(self.plan.parallel)
        ]
        for worker in workers:
            worker.start()
        looked = time.monotonic()
        while alive := [worker for worker in workers if worker.is_alive()]:
            if self.stop.is_set() or self._errors:
                for one in list(self._stops.values()):
                    one.set()
            elif self._pruner is not None and time.monotonic() - looked > _LOOK_S:
                self._prune(self._pruner)
                looked = time.monotonic()
            alive[0].join(_STEP_S)
        if self._errors:
            raise self._errors[0]

    def best(self) -> Trial | None:
        """The finished trial with the best score."""
        scored = [one for one in self.trials.values() if one.status == "FINISHED" and one.score is not None]
        choose = min if self.plan.goal == "minimize" else max
        return choose(scored, key=lambda one: one.score or 0.0) if scored else None

    def _recall(self) -> None:
        names = {axis.name for axis in self.plan.space}
        for trial in memory.known(self.client, self.run_id, self.experiment_id, names, self.plan.metric):
            self.trials[trial.number] = trial
            self._next = max(self._next, trial.number + 1)
            if trial.is_done:
                self._learn(trial)
                continue
            ticket = memory.goes_on(self.client, trial, self.plan.executor)
            if ticket is not None:
                self._tickets[trial.number] = ticket
            else:
                memory.give_up(self.client, trial)
            self._again.append(trial)
        # A number that was given out but whose run was never made.
        self._again += [
            one for number in range(self._next) if number not in self.trials and (one := self._asked(number))
        ]
        self._changed(list(self.trials.values()))

    def _asked(self, number: int) -> Trial | None:
        values = self._search.ask(number)
        return None if values is None else Trial(number, values)

    def _take(self) -> Trial | None:
        with self._lock:
            if self.stop.is_set() or self._errors:
                return None
            if self._again:
                return self._again.pop(0)
            if self.plan.trials and self._next >= self.plan.trials:
                return None
            trial = self._asked(self._next)
            if trial is not None:
                self.trials[trial.number] = trial
                self._next += 1
            return trial

    def _work(self, request: Request) -> None:
        while (trial := self._take()) is not None:
            stop = self._stops[trial.number] = threading.Event()
            try:
                self._one(request, trial, stop)
            except NotFound as error:
                if trial.number in self._tickets:  # the cluster has forgotten it
                    del self._tickets[trial.number]
                    memory.give_up(self.client, trial)
                    self._again.append(trial)
                    continue
                self._errors.append(error)
            except BaseException as error:
                self._errors.append(error)
            finally:
                self._stops.pop(trial.number, None)

    def _one(self, request: Request, trial: Trial, stop: threading.Event) -> None:
        ticket = self._tickets.get(trial.number)
        trial.status, trial.score, trial.pruned = "RUNNING", None, False
        if ticket is not None:
            self._changed(list(self.trials.values()))
            launch.adopt(self.client, trial.run_id, request, ticket, stop)
            del self._tickets[trial.number]
        else:
            own = dataclasses.replace(
                request,
                values={**request.values, **trial.values},
                experiment_id=self.experiment_id,
                parent_run_id=self.run_id,
                run_name=f"trial-{trial.number}",
                tags={NUMBER: str(trial.number)},
            )

            def started(run_id: str) -> None:
                trial.run_id = run_id
                self._changed(list(self.trials.values()))

            with launch.prepare(own, lambda _: None) as prepared:
                launch.launch(prepared, self.client, lambda data, is_error: None, stop, started)
        self._ended(trial)

    def _ended(self, trial: Trial) -> None:
        run = self.client.get_run(trial.run_id)
        trial.status = str(run.info.status)
        trial.score = memory.score_of(run, self.plan.metric)
        trial.pruned = run.data.tags.get(PRUNED) == "true"
        with self._lock:
            if trial.is_done:
                self._learn(trial)
        self._changed(list(self.trials.values()))

    def _learn(self, trial: Trial) -> None:
        score = trial.score if trial.status == "FINISHED" else None
        self._search.tell(trial.number, trial.values, score, trial.pruned)
        if self._pruner is not None and trial.status == "FINISHED":
            history = self.client.get_metric_history(trial.run_id, self.plan.metric)
            self._pruner.ended((one.step, one.value) for one in history)

    def _prune(self, pruner: Median) -> None:
        for number, stop in list(self._stops.items()):
            trial = self.trials[number]
            if not trial.run_id or stop.is_set():
                continue
            with contextlib.suppress(TidemillError):
                history = self.client.get_metric_history(trial.run_id, self.plan.metric)
                for one in history:
                    if pruner.is_hopeless(number, one.step, one.value):
                        self.client.set_tag(trial.run_id, PRUNED, "true")
                        stop.set()
                        break


def start(plan: Plan, client: Client, experiment: Request, changed: Changed) -> Sweep:
    """A new sweep: its run, and its plan among the run's files."""
    plan.checked()
    search(plan.search, plan.space, plan.seed, plan.goal)
    found = launch.experiment_of(experiment, client)
    marks = {tags.SOURCE_TYPE: "PROJECT", tags.SOURCE_NAME: plan.address, tags.PROJECT_ENTRY_POINT: plan.entry_point}
    run = client.create_run(found, tags={**marks, "tidemill.sweep": plan.search}, run_name=experiment.run_name)
    plans.write(plan, client.files_of(run.info.run_id))
    return Sweep(plan, client, run.info.run_id, changed)


def again(client: Client, run_id: str, changed: Changed) -> Sweep:
    """A sweep that was cut off, to go on with. Raises NotFound for a run that is none."""
    return Sweep(plans.read(client.files_of(run_id), run_id), client, run_id, changed)


def carry_out(sweep: Sweep, say: Callable[[str], None]) -> None:
    """Run a sweep to its end and leave its run as it deserves. Raises InvalidState where another process is at it."""
    client, request = sweep.client, sweep.plan.request()
    with _alone(sweep.run_id), reachable(client.tracking_uri) as url:
        client.update_run(sweep.run_id, "RUNNING")
        done = Ending(RunStatus.FAILED, None, "The sweep could not go on.")
        try:
            # Code and environment once, for all trials.
            with launch.prepare(request, say) as prepared, _inherited(url, client.tracking_uri):
                code = dataclasses.replace(prepared.code, is_lent=True)
                sweep.run(dataclasses.replace(request, code=code))
            done = Ending(RunStatus.KILLED if sweep.stop.is_set() else RunStatus.FINISHED, None, "It was interrupted.")
        finally:
            best = sweep.best()
            if best is not None and best.score is not None:
                client.log_metric(sweep.run_id, sweep.plan.metric, best.score)
                client.set_tag(sweep.run_id, "tidemill.sweep.best", best.run_id)
            ending.finish(client, sweep.run_id, done)


@contextmanager
def _inherited(url: str, address: str) -> Iterator[None]:
    """Trials find the server that this process has, instead of starting one each."""
    before = os.environ.get(INHERITED)
    if url != address:
        os.environ[INHERITED] = f"{url} {address}"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(INHERITED, None)
        else:
            os.environ[INHERITED] = before


@contextmanager
def _alone(run_id: str) -> Iterator[None]:
    folder = os.path.join(settings.cache_folder(), "sweeps")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, f"{run_id}.lock")
    with open(path, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidState(f"The sweep {run_id} is being run by another process on this machine.") from None
        yield
        with contextlib.suppress(OSError):
            os.unlink(path)
