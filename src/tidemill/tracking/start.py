"""Starting runs: in which experiment, inside which other run, new or resumed."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tidemill import settings
from tidemill.api import runs
from tidemill.errors import AlreadyExists, InvalidParameter, InvalidState
from tidemill.tracking import capture, context, resolve, steps
from tidemill.tracking.client import Client
from tidemill.tracking.entities import Experiment, Run, RunData
from tidemill.tracking.run import ActiveRun, active, push
from tidemill.tracking.tags import NOTE, PARENT, RUN_NAME
from tidemill.types import runs as wire
from tidemill.types.runs import GetRun, RunStatus

DEFAULT_EXPERIMENT = "0"
_chosen: tuple[str, Experiment] | None = None
"""What `set_experiment` chose: the store's address, and the experiment there."""
_clients: dict[str, Client] = {}


def client() -> Client:
    """The client of the address in force."""
    address = resolve.current_address()
    found = _clients.get(address)
    if found is None:
        found = _clients[address] = Client(address)
    return found


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Make an experiment the one of all new runs, by name (made when missing) or by id, and answer it.

    Processes started from here inherit it. Raises InvalidParameter for a deleted one, NotFound for an unknown id.
    """
    global _chosen
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidParameter("Must specify exactly one of: `experiment_id` or `experiment_name`.")
    where = client()
    found = where.get_experiment(experiment_id) if experiment_id is not None else _named(where, str(experiment_name))
    if found.lifecycle_stage != "active":
        raise InvalidParameter(
            f"Cannot set a deleted experiment '{found.name}' as the active experiment. You can restore the experiment, "
            "or choose another name."
        )
    _chosen = (where.tracking_uri, found)
    os.environ["MLFLOW_EXPERIMENT_ID"] = found.experiment_id
    return found


def experiment_named(name: str) -> Experiment:
    """The experiment of this name, made when missing."""
    return _named(client(), name)


def _named(where: Client, name: str) -> Experiment:
    found = where.get_experiment_by_name(name)
    if found is not None:
        return found
    try:
        return where.get_experiment(where.create_experiment(name))
    except AlreadyExists:  # somebody else made it meanwhile
        found = where.get_experiment_by_name(name)
        if found is None:
            raise
        return found


def experiment_in_force() -> str:
    """The experiment of new runs: chosen by `set_experiment`, else the active run's, else the environment's, else "0"."""
    outer = active()
    where = outer.client if outer is not None else client()
    if _chosen is not None:
        address, found = _chosen
        # Chosen before the address was: the experiment of that name is meant, here.
        return found.experiment_id if address == where.tracking_uri else set_experiment(found.name).experiment_id
    if outer is not None:
        return outer.info.experiment_id
    return _of_environment(where)


def _of_environment(where: Client) -> str:
    name, number = settings.experiment_name(), settings.experiment_id()
    if name is None:
        return number or DEFAULT_EXPERIMENT
    found = _named(where, name)
    if number is not None and number != found.experiment_id:
        raise InvalidParameter(
            f"MLFLOW_EXPERIMENT_ID is {number}, but MLFLOW_EXPERIMENT_NAME '{name}' is the experiment {found.experiment_id}; "
            "set only one of them."
        )
    return found.experiment_id


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
    log_console: bool | None = None,
) -> ActiveRun:
    """Start a run and make it the active one, or go on with the run `run_id` (or with that of `MLFLOW_RUN_ID`).

    In a resumed run a metric that was counting goes on with its next step where `log_metric` is given none.

    A new run lies in `experiment_id`, by default the one of `set_experiment`. With `nested=True` it may be started
    inside another; it is then that one's child (or that of `parent_run_id`). `tags` and `description` are set on it.
    `log_system_metrics` records the machine's load, `log_console` what the process prints (docs/reference/capture.md);
    None: as the settings say. Raises InvalidState where a run is active and `nested` is not set.
    """
    outer = active()
    _check_nesting(nested, parent_run_id)
    given = _given_tags(tags, description)
    resumed = run_id or settings.take_run_id()
    run = (
        _resume(resumed, experiment_id, run_name, given)
        if resumed
        else _create(experiment_id, run_name, parent_run_id, given)
    )
    inner = outer is not None or PARENT in run.data.tags
    capture.attach(run, not resumed, inner, log_system_metrics, log_console)
    return push(run)


def _check_nesting(nested: bool, parent_run_id: str | None) -> None:
    outer = active()
    if outer is None:
        return
    if not nested:
        raise InvalidState(
            f"Run with UUID {outer.info.run_id} is already active. To start a new run, first end the current run with "
            "mlflow.end_run(). To start a nested run, call start_run with nested=True"
        )
    if parent_run_id is not None and outer.info.run_id != parent_run_id:
        raise InvalidState(
            f"Current run with UUID {outer.info.run_id} does not match the specified parent_run_id {parent_run_id}. To start "
            f"a new nested run under the parent run with UUID {parent_run_id}, first end the current run with "
            "mlflow.end_run()."
        )


def _given_tags(given: Mapping[str, Any] | None, description: str | None) -> dict[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise InvalidParameter(f"'tags' must be a dict of key to value, not a {type(given).__name__}.")
    found = dict(given or {})
    if description:
        if NOTE in found:
            raise InvalidParameter(f"The description is given twice: as description and as the tag {NOTE}.")
        found[NOTE] = description
    return found


def _resume(run_id: str, experiment: str | None, run_name: str | None, given: dict[str, Any]) -> ActiveRun:
    where = client()
    found = _to_resume(where, run_id)
    info = found.info
    if info.lifecycle_stage != "active":
        raise InvalidState(f"Cannot start run with ID {run_id} because it is in the deleted state.")
    wanted = experiment or (_chosen[1].experiment_id if _chosen else None)
    if wanted is not None and info.experiment_id and str(wanted) != info.experiment_id:
        raise InvalidState(
            f"Cannot start run with ID {run_id} because it lies in experiment {info.experiment_id}, not in {wanted}. "
            "Choose its experiment with set_experiment, or none."
        )
    where.update_run(run_id, "RUNNING", run_name)
    if given:
        where.set_tags(run_id, given)
    steps.resume(run_id, found.data.metrics)
    if hasattr(where.backend, "resume"):
        return ActiveRun(_as_resumed(Run.from_wire(found), run_name, given), where)
    return ActiveRun(where.get_run(run_id), where)


def _to_resume(where: Client, run_id: str) -> wire.Run:
    """The run as its store has it; behind a journal also where the store cannot be asked."""
    behind: Callable[[str], wire.Run] | None = getattr(where.backend, "resume", None)
    if behind is not None:
        return behind(run_id)
    return where.call(runs.get, GetRun(run_id)).run


def _as_resumed(run: Run, run_name: str | None, given: dict[str, Any]) -> Run:
    """What the store will answer once the changes made by resuming have arrived."""
    info = msgspec.structs.replace(run.info, status=RunStatus.RUNNING, run_name=run_name or run.info.run_name)
    labels = run.data.tags | {key: str(value) for key, value in given.items()}
    if run_name:
        labels[RUN_NAME] = run_name
    return Run(info, RunData(run.data.metrics, run.data.params, labels), run.inputs, run.outputs)


def _create(experiment: str | None, run_name: str | None, parent: str | None, given: dict[str, Any]) -> ActiveRun:
    outer = active()
    where = outer.client if outer is not None else client()
    found = context.captured()
    if parent is not None and outer is None and where.get_run(parent).info.lifecycle_stage != "active":
        raise InvalidState(f"Cannot start run under parent run with ID {parent} because it is in the deleted state.")
    if parent is None and outer is not None:
        parent = outer.info.run_id
    if parent is not None:
        found[PARENT] = parent
    run = where.create_run(experiment or experiment_in_force(), tags={**found, **given}, run_name=run_name)
    return ActiveRun(run, where)
