"""Short ways to make and read things through any backend, for tests and examples."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tidemill.api import experiments, logged_models, metrics, model_versions, registered_models, runs
from tidemill.api.operation import Backend, Operation
from tidemill.types.experiments import CreateExperiment, Experiment, GetExperiment
from tidemill.types.logged_models import CreateLoggedModel, GetLoggedModel, LoggedModel
from tidemill.types.metrics import GetMetricHistory, MetricPoint
from tidemill.types.model_versions import CreateModelVersion, GetModelVersion, ModelVersion
from tidemill.types.page import Tag
from tidemill.types.registered_models import CreateRegisteredModel, GetRegisteredModel, RegisteredModel
from tidemill.types.runs import CreateRun, GetRun, LogBatch, Param, Run


def unique(prefix: str = "thing") -> str:
    """A name that nothing else has."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def as_tags(tags: Mapping[str, str]) -> list[Tag]:
    """A mapping as the wire's list of tags."""
    return [Tag(key, value) for key, value in tags.items()]


def as_params(params: Mapping[str, str]) -> list[Param]:
    """A mapping as the wire's list of params."""
    return [Param(key, value) for key, value in params.items()]


def new_experiment(backend: Backend, name: str | None = None, *, artifact_location: str = "") -> str:
    """Create an experiment, by default with a name of its own; answers its id."""
    arg = CreateExperiment(name=unique("experiment") if name is None else name, artifact_location=artifact_location)
    return backend.call(experiments.create, arg).experiment_id


def get_experiment(backend: Backend, experiment_id: str) -> Experiment:
    """The experiment with this id."""
    return backend.call(experiments.get, GetExperiment(experiment_id)).experiment


def new_run(
    backend: Backend,
    experiment_id: str | None = None,
    *,
    start_time: int = 0,
    name: str = "",
    tags: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    values: Mapping[str, float] | None = None,
) -> str:
    """Create a run, by default in a new experiment, with `tags`, `params` and one point of each metric in `values`.

    `start_time` in ms since the epoch. Answers the run's id.
    """
    experiment_id = new_experiment(backend) if experiment_id is None else experiment_id
    arg = CreateRun(experiment_id=experiment_id, start_time=start_time, run_name=name, tags=as_tags(tags or {}))
    run_id = backend.call(runs.create, arg).run.info.run_id
    if params or values:
        points = [MetricPoint(key, value, 0) for key, value in (values or {}).items()]
        backend.call(runs.log_batch, LogBatch(run_id=run_id, metrics=points, params=as_params(params or {})))
    return run_id


def get_run(backend: Backend, run_id: str) -> Run:
    """The run with this id."""
    return backend.call(runs.get, GetRun(run_id)).run


def tags_of(thing: Run | Experiment | LoggedModel) -> dict[str, str]:
    """Tags by key, without the name that every run carries as a tag."""
    tags = (
        thing.data.tags if isinstance(thing, Run) else thing.tags if isinstance(thing, Experiment) else thing.info.tags
    )
    return {tag.key: tag.value for tag in tags if tag.key != "mlflow.runName"}


def params_of(thing: Run | LoggedModel) -> dict[str, str]:
    """Params by key."""
    return {param.key: param.value for param in thing.data.params}


def latest_of(run: Run) -> dict[str, tuple[float, int, int]]:
    """The latest point of each metric, by key: value, timestamp (ms), step."""
    return {metric.key: (metric.value, metric.timestamp, metric.step) for metric in run.data.metrics}


def points(key: str, *values: tuple[float, int, int]) -> list[MetricPoint]:
    """Points of one metric, each given as value, timestamp (ms), step."""
    return [MetricPoint(key, value, timestamp, step) for value, timestamp, step in values]


def history_of(backend: Backend, run_id: str, key: str) -> list[tuple[float, int, int]]:
    """All points of one metric, in the order of the history: value, timestamp (ms), step."""
    found = backend.call(metrics.get_history, GetMetricHistory(run_id=run_id, metric_key=key)).metrics
    return [(metric.value, metric.timestamp, metric.step) for metric in found]


def new_model(
    backend: Backend,
    experiment_id: str | None = None,
    *,
    name: str = "",
    tags: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
) -> str:
    """Create a logged model, by default in a new experiment; answers its id."""
    arg = CreateLoggedModel(
        experiment_id=new_experiment(backend) if experiment_id is None else experiment_id,
        name=name,
        tags=as_tags(tags or {}),
        params=as_params(params or {}),
    )
    return backend.call(logged_models.create, arg).model.info.model_id


def get_model(backend: Backend, model_id: str) -> LoggedModel:
    """The logged model with this id."""
    return backend.call(logged_models.get, GetLoggedModel(model_id)).model


def pages(backend: Backend, op: Operation[Any, Any], arg: Any, field: str) -> Iterator[Sequence[Any]]:
    """The pages of a search or history, one after the other; `field` names the list in each answer."""
    from msgspec.structs import replace

    token: str | None = ""
    seen = set()
    while token is not None:
        if token in seen:
            raise AssertionError("a page leads back to one before it")
        seen.add(token)
        answer = backend.call(op, replace(arg, page_token=token))
        yield getattr(answer, field)
        token = answer.next_page_token


def new_registered_model(backend: Backend, name: str | None = None, *, tags: Mapping[str, str] | None = None) -> str:
    """Create a registered model, by default with a name of its own; answers its name."""
    arg = CreateRegisteredModel(unique("model") if name is None else name, as_tags(tags or {}))
    return backend.call(registered_models.create, arg).registered_model.name


def get_registered_model(backend: Backend, name: str) -> RegisteredModel:
    """The registered model of that name."""
    return backend.call(registered_models.get, GetRegisteredModel(name)).registered_model


def new_version(
    backend: Backend,
    name: str,
    source: str = "s3://bucket/model",
    *,
    run_id: str | None = None,
    model_id: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Add a version to a registered model; answers its number, as a text."""
    arg = CreateModelVersion(name, source, run_id, as_tags(tags or {}), model_id=model_id)
    return backend.call(model_versions.create, arg).model_version.version


def get_version(backend: Backend, name: str, version: str) -> ModelVersion:
    """One model version."""
    return backend.call(model_versions.get, GetModelVersion(name, version)).model_version
