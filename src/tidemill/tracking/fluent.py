"""The functions of `import tidemill`: the client's methods, on the active run.

What a function does stands with the method of the same name of `Client`; here is only what an active run adds.
Functions that log start a run where none is active.
"""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from tidemill.errors import InvalidParameter
from tidemill.tracking import resolve, run, start, steps, tables
from tidemill.tracking.client import Client
from tidemill.tracking.entities import (
    DatasetInput,
    Experiment,
    InputTag,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    PagedList,
    Run,
    RunOperations,
    ViewType,
)
from tidemill.tracking.paging import pages
from tidemill.tracking.run import ActiveRun
from tidemill.tracking.start import start_run as start_run
from tidemill.tracking.tags import DATA_CONTEXT
from tidemill.types.inputs import Dataset

P = ParamSpec("P")
T = TypeVar("T")


def _here(run_id: str | None = None) -> tuple[Client, str]:
    """The client and run that a call means: the active run (started now if there is none), or `run_id`."""
    if run_id is None:
        active = run.active() or start_run()
        return active.client, active.info.run_id
    clients = [one.client for one in run.stack() if one.info.run_id == run_id]
    return (clients[0] if clients else start.client()), run_id


def _on_client(method: Callable[Concatenate[Client, P], T]) -> Callable[P, T]:
    """`method` of the client of the address in force, as a function."""

    def function(*args: P.args, **kwargs: P.kwargs) -> T:
        return method(start.client(), *args, **kwargs)

    return _signed(function, method, 1)


def _on_run(method: Callable[Concatenate[Client, str, P], T]) -> Callable[P, T]:
    """`method` of the client for the active run, as a function."""

    def function(*args: P.args, **kwargs: P.kwargs) -> T:
        client, run_id = _here()
        return method(client, run_id, *args, **kwargs)

    return _signed(function, method, 2)


def _signed(function: Callable[P, T], method: Callable[..., T], bound: int) -> Callable[P, T]:
    """`function` with the name, text and remaining arguments of `method`."""
    known = inspect.signature(method)
    function.__name__ = function.__qualname__ = method.__name__
    function.__doc__ = method.__doc__
    function.__annotations__ = method.__annotations__
    vars(function)["__signature__"] = known.replace(parameters=list(known.parameters.values())[bound:])
    return function


def set_tracking_uri(uri: "str | os.PathLike[str] | None") -> None:
    """Log to `uri` from now on, here and in processes started from here; None: where the environment says.

    A folder, `sqlite:///file.db`, `postgresql://user@host/name` or the `http(s)://` address of a server. Relative paths
    are taken relative to the working folder now. A run that is active stays where it was started.
    """
    resolve.choose(uri)


def get_tracking_uri() -> str:
    """Where runs are logged: given by `set_tracking_uri`, `TIDEMILL_URI` or `MLFLOW_TRACKING_URI`, else `./.tidemill`."""
    return resolve.current_address()


def is_tracking_uri_set() -> bool:
    """Whether somebody chose where to log."""
    return resolve.is_chosen()


create_experiment = _on_client(Client.create_experiment)
get_experiment = _on_client(Client.get_experiment)
get_experiment_by_name = _on_client(Client.get_experiment_by_name)
delete_experiment = _on_client(Client.delete_experiment)
get_run = _on_client(Client.get_run)
get_parent_run = _on_client(Client.get_parent_run)
delete_run = _on_client(Client.delete_run)
get_logged_model = _on_client(Client.get_logged_model)
finalize_logged_model = _on_client(Client.finalize_logged_model)
delete_logged_model = _on_client(Client.delete_logged_model)
set_logged_model_tags = _on_client(Client.set_logged_model_tags)
delete_logged_model_tag = _on_client(Client.delete_logged_model_tag)
log_model_params = _on_client(Client.log_model_params)

log_param = _on_run(Client.log_param)
set_tag = _on_run(Client.set_tag)
set_tags = _on_run(Client.set_tags)
delete_tag = _on_run(Client.delete_tag)
log_figure = _on_run(Client.log_figure)
log_image = _on_run(Client.log_image)


def set_experiment_tag(key: str, value: Any) -> None:
    """`Client.set_experiment_tag` on the experiment of new runs."""
    start.client().set_experiment_tag(start.experiment_in_force(), key, value)


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """`set_experiment_tag` for each of a dict."""
    for key, value in tags.items():
        set_experiment_tag(key, value)


def delete_experiment_tag(key: str) -> None:
    """`Client.delete_experiment_tag` on the experiment of new runs."""
    start.client().delete_experiment_tag(start.experiment_in_force(), key)


def search_experiments(
    view_type: ViewType | str | int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """`Client.search_experiments`, all pages; at most `max_results` experiments, None: all."""
    client = start.client()
    return pages(max_results, lambda size, at: client.search_experiments(view_type, size, filter_string, order_by, at))


def active_run() -> ActiveRun | None:
    """The innermost run that is active in this thread, or None. Its data is that of when it was started."""
    return run.active()


def last_active_run() -> Run | None:
    """The active run, or else the one started last in this thread, as it is now; None where there was none."""
    last = run.last()
    return None if last is None else last.client.get_run(last.info.run_id)


def end_run(status: str = "FINISHED") -> None:
    """End the active run with this status; nothing happens where none is active."""
    run.end(status)


def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: ViewType | str | int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: str | None = None,
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> Any:
    """Find runs: in these experiments, by ids or names, in all of them, or (none named) in the one of new runs.

    `filter_string` and `order_by` as in docs/reference/search.md. `output_format`: `pandas` or `polars` (a data frame),
    `records` (a list of dicts) or `list` (a list of Run); None takes the first of pandas, polars and records that is
    installed. Columns are `run_id, experiment_id, status, artifact_uri, start_time, end_time` (times as UTC datetimes)
    and one for each `metrics.<key>`, `params.<key>` and `tags.<key>`.
    """
    client = start.client()
    if experiment_ids and experiment_names:
        raise InvalidParameter("Only one of experiment_ids and experiment_names can be used; pass one of them.")
    if experiment_names is not None:
        named = [client.get_experiment_by_name(name) for name in experiment_names]
        experiment_ids = [found.experiment_id for found in named if found is not None]
    elif search_all_experiments and not experiment_ids:
        experiment_ids = [found.experiment_id for found in search_experiments(ViewType.ALL)]
    elif experiment_ids is None:
        experiment_ids = [start.experiment_in_force()]
    chosen = experiment_ids

    def page(size: int, at: str | None) -> PagedList[Run]:
        return client.search_runs(chosen, filter_string, run_view_type, size, order_by, at)

    return tables.search_result(pages(max_results, page), output_format)


def log_metric(
    key: str,
    value: Any,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """`Client.log_metric` on the active run (or on `run_id`); `dataset` is what the value was measured on.

    In a run that `start_run` resumed, a metric that was counting goes on with its next step where none is given.
    """
    client, run_id = _here(run_id)
    if steps.resumed:
        step = steps.following(run_id, (key,), step)
    if dataset is None:
        return client.log_metric(run_id, key, value, timestamp, step, synchronous, model_id=model_id)
    name, digest = dataset.name, dataset.digest
    return client.log_metric(run_id, key, value, timestamp, step, synchronous, name, digest, model_id)


def log_metrics(
    metrics: Mapping[str, Any],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """`Client.log_metrics` on the active run (or on `run_id`); `dataset` is what the values were measured on.

    In a run that `start_run` resumed the step goes on as in `log_metric`, after the last step of any of these metrics.
    """
    client, run_id = _here(run_id)
    if steps.resumed:
        step = steps.following(run_id, metrics, step)
    name, digest = (dataset.name, dataset.digest) if dataset is not None else (None, None)
    return client.log_metrics(run_id, metrics, timestamp, step, synchronous, name, digest, model_id)


def log_params(
    params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> RunOperations | None:
    """`Client.log_params` on the active run (or on `run_id`)."""
    client, run_id = _here(run_id)
    return client.log_params(run_id, params, synchronous)


def log_artifact(
    local_path: "str | os.PathLike[str]", artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """`Client.log_artifact` on the active run (or on `run_id`)."""
    client, run_id = _here(run_id)
    client.log_artifact(run_id, local_path, artifact_path)


def log_artifacts(
    local_dir: "str | os.PathLike[str]", artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """`Client.log_artifacts` on the active run (or on `run_id`)."""
    client, run_id = _here(run_id)
    client.log_artifacts(run_id, local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """`Client.log_text` on the active run (or on `run_id`)."""
    client, run_id = _here(run_id)
    client.log_text(run_id, text, artifact_file)


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """`Client.log_dict` on the active run (or on `run_id`)."""
    client, run_id = _here(run_id)
    client.log_dict(run_id, dictionary, artifact_file)


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """`Client.log_table` on the active run (or on `run_id`)."""
    client, run_id = _here(run_id)
    client.log_table(run_id, data, artifact_file)


def load_table(
    artifact_file: str, run_ids: Sequence[str] | None = None, extra_columns: Sequence[str] | None = None
) -> Any:
    """`Client.load_table` in the experiment of new runs."""
    return start.client().load_table(start.experiment_in_force(), artifact_file, run_ids, extra_columns)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """The address of the active run's artifacts, or of one of them. Nothing need be there."""
    client, run_id = _here()
    return client.artifact_uri(run_id, artifact_path or "")


def log_input(
    dataset: Any,
    context: str | None = None,
    tags: Mapping[str, str] | None = None,
    model: LoggedModelInput | None = None,
) -> None:
    """Note that the active run uses a data set (from `tidemill.data`), for what (`context`, such as "training")."""
    log_inputs([dataset], [context], [tags], None if model is None else [model])


def log_inputs(
    datasets: Sequence[Any] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, str] | None] | None = None,
    models: Sequence[LoggedModelInput] | None = None,
) -> None:
    """`log_input` for several data sets at once, each with its context and tags, and for logged models."""
    given = list(datasets or ())
    purposes, tags = contexts or [None] * len(given), tags_list or [None] * len(given)
    if not len(given) == len(purposes) == len(tags):
        raise InvalidParameter("datasets, contexts and tags_list must have the same length.")
    links = []
    for dataset, purpose, more in zip(given, purposes, tags, strict=True):
        found = [InputTag(key, str(value)) for key, value in (more or {}).items()]
        context = [InputTag(DATA_CONTEXT, purpose)] if purpose else []
        links.append(DatasetInput(tags=context + found, dataset=described(dataset)))
    client, run_id = _here()
    client.log_inputs(run_id, links, models)


def described(dataset: Any) -> Dataset:
    """What is kept of a data set that was made with `tidemill.data`. Raises InvalidParameter for anything else."""
    if isinstance(dataset, Dataset):
        return dataset
    if not (hasattr(dataset, "to_dict") and hasattr(dataset, "digest")):
        raise InvalidParameter(
            f"A data set to log is made with tidemill.data, such as from_pandas(frame); this is a {type(dataset).__name__}."
        )
    fields = dataset.to_dict()
    return Dataset(**{name: fields[name] for name in Dataset.__struct_fields__ if fields.get(name) is not None})


def log_outputs(models: Sequence[LoggedModelOutput] | None = None) -> None:
    """`Client.log_outputs` on the active run."""
    client, run_id = _here()
    client.log_outputs(run_id, models or ())


def initialize_logged_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """`Client.create_logged_model` in the experiment of new runs, made by the active run (if there is one)."""
    active = run.active()
    client = active.client if active is not None else start.client()
    source = source_run_id or (active.info.run_id if active is not None else None)
    inside = experiment_id or start.experiment_in_force()
    return client.create_logged_model(inside, name, source, tags, params, model_type)


def search_logged_models(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str | None = None,
    datasets: Sequence[Mapping[str, str]] | None = None,
    max_results: int | None = None,
    order_by: Sequence[Mapping[str, Any]] | None = None,
    output_format: str | None = None,
) -> Any:
    """`Client.search_logged_models`, all pages, by default in the experiment of new runs; formats as in `search_runs`."""
    client = start.client()
    inside = experiment_ids or [start.experiment_in_force()]
    found = pages(
        max_results, lambda size, at: client.search_logged_models(inside, filter_string, datasets, size, order_by, at)
    )
    return tables.logged_models_result(found, output_format)
