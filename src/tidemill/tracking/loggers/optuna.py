"""A callback for Optuna studies: `study.optimize(objective, callbacks=[TidemillCallback()])`; trials are child runs."""

import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any

from tidemill.clock import now_ms
from tidemill.errors import MissingDependency
from tidemill.tracking import run, start
from tidemill.tracking.caution import caution
from tidemill.tracking.entities import Metric
from tidemill.tracking.loggers.writer import RunWriter
from tidemill.tracking.run import ActiveRun
from tidemill.tracking.tags import PARENT
from tidemill.types.page import Tag
from tidemill.types.runs import Param

try:
    from optuna import Study, TrialPruned
    from optuna.trial import FrozenTrial
except ImportError:
    raise MissingDependency("optuna", "optuna", "TidemillCallback for Optuna") from None

_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED"}


class TidemillCallback:
    """Writes each trial as a child run with its params, values, intermediate values and attributes, and the best so far
    to the parent.

    `run_id`, `run_name`, `experiment_name` and `tags` say which run is the parent: by default the one that is active where
    the callback is made, or a new one, which ends with `close` or with the process. `metric_name`: what the objective's
    value is called (several values: a list). Works with `n_jobs`. With `objective = callback.in_child_run(objective)`
    the trial's run is the active one while the objective runs, so that what it logs goes there.
    """

    def __init__(
        self,
        metric_name: "str | list[str]" = "value",
        experiment_name: str | None = None,
        run_name: str | None = None,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        self._names = [metric_name] if isinstance(metric_name, str) else list(metric_name)
        self._writer = RunWriter(run_id=run_id, run_name=run_name, experiment_name=experiment_name, tags=tags)
        self._writer.open()  # here: active runs belong to a thread, and trials may run in others
        self._children: dict[int, ActiveRun] = {}
        self._lock = threading.Lock()
        self._known_study = False
        self._said = False

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Write a trial that has ended."""
        try:
            if self._writer.run_id is not None:
                self._note_study(study)
                self._write_trial(study, trial)
                self._note_best(study, trial)
        except Exception as failure:  # a study is worth more than its log
            if not self._said:
                self._said = True
                caution(f"trials of the study {study.study_name} could not be logged: {failure}")

    def in_child_run(self, objective: Callable[..., Any]) -> Callable[..., Any]:
        """The objective, with its trial's run as the active one."""

        @functools.wraps(objective)
        def inside(trial: Any) -> Any:
            parent = self._writer.run_id
            if parent is None:
                return objective(trial)
            child = self._start_child(parent, trial.number)
            failed = False
            try:
                return objective(trial)
            except TrialPruned:
                raise
            except BaseException:
                failed = True
                raise
            finally:
                if child is not None:
                    self._leave(child, trial.number, failed)

        return inside

    def close(self, status: str = "FINISHED") -> None:
        """End the parent run if it is this callback's own."""
        self._writer.close(status)

    def _start_child(self, parent: str, number: int) -> ActiveRun | None:
        outer = run.active()
        try:
            inside = self._writer.client.get_run(parent).info.experiment_id
            return start.start_run(
                experiment_id=inside,
                run_name=f"trial {number}",
                nested=True,
                parent_run_id=parent if outer is None or outer.info.run_id == parent else None,
                log_system_metrics=False,
                log_console=False,
            )
        except Exception as failure:
            caution(f"the trial {number} has no run of its own: {failure}")
            return None

    def _leave(self, child: ActiveRun, number: int, failed: bool) -> None:
        try:
            run.leave(child)
            with self._lock:
                self._children[number] = child
            if failed:  # Optuna calls back only for errors that the study is told to catch
                child.client.set_terminated(child.info.run_id, "FAILED")
        except Exception as failure:
            caution(f"the run of trial {number} could not be left: {failure}")

    def _note_study(self, study: Study) -> None:
        with self._lock:
            if self._known_study:
                return
            self._known_study = True
        self._writer.tags({"optuna.study": study.study_name})
        self._writer.params(
            {
                "optuna/directions": ", ".join(one.name for one in study.directions),
                "optuna/sampler": type(study.sampler).__name__,
                "optuna/pruner": type(study.pruner).__name__,
            }
        )

    def _write_trial(self, study: Study, trial: FrozenTrial) -> None:
        client, parent = self._writer.client, self._writer.open()
        assert parent is not None
        began, ended = _ms(trial.datetime_start), _ms(trial.datetime_complete)
        with self._lock:
            child = self._children.pop(trial.number, None)
        if child is None:
            tags = {PARENT: parent.info.run_id, "mlflow.user": parent.info.user_id}
            name = f"trial {trial.number}"
            child_id = client.create_run(parent.info.experiment_id, began, tags, name).info.run_id
        else:
            child_id = child.info.run_id
        values = trial.values or []
        names = self._names if len(self._names) == len(values) else [f"value_{n}" for n in range(len(values))]
        points = [Metric(name, value, ended, 0) for name, value in zip(names, values, strict=True)]
        points += [
            Metric("intermediate_value", value, ended, step) for step, value in trial.intermediate_values.items()
        ]
        texts = {f"user_attr.{key}": value for key, value in trial.user_attrs.items()}
        texts |= {"optuna.state": trial.state.name, "optuna.trial": trial.number, "optuna.study": study.study_name}
        client.log_batch(
            child_id,
            points,
            [Param(key, str(value)) for key, value in trial.params.items()],
            [Tag(key, str(value)) for key, value in texts.items()],
        )
        client.set_terminated(child_id, _STATUS.get(trial.state.name, "FINISHED"), ended)

    def _note_best(self, study: Study, trial: FrozenTrial) -> None:
        if len(study.directions) > 1 or trial.state.name != "COMPLETE":
            return
        best = study.best_trial
        self._writer.metrics({f"best_{self._names[0]}": best.value}, trial.number)
        if best.number == trial.number:
            self._writer.tags({"optuna.best_trial": best.number, "optuna.best_params": best.params})


def _ms(moment: Any) -> int:
    return now_ms() if moment is None else int(moment.timestamp() * 1000)
