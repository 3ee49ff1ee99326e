"""What the Python API answers: the wire's structs, wrapped as thinly as MLflow's attribute habits allow.

On the wire params, tags and the latest metrics are lists; here they are dicts. Everything else is the struct itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from tidemill.tracking.registry_entities import ModelVersion, RegisteredModel
from tidemill.types import experiments, logged_models, runs
from tidemill.types.artifacts import FileInfo
from tidemill.types.inputs import Dataset, DatasetInput, RunInputs, RunOutputs
from tidemill.types.inputs import ModelInput as LoggedModelInput
from tidemill.types.inputs import ModelOutput as LoggedModelOutput
from tidemill.types.logged_models import LoggedModelStatus
from tidemill.types.metrics import Metric
from tidemill.types.page import Tag, ViewType
from tidemill.types.registered_models import Alias as RegisteredModelAlias
from tidemill.types.runs import Param, RunInfo, RunStatus

RunTag = ExperimentTag = InputTag = LoggedModelTag = RegisteredModelTag = ModelVersionTag = Tag
LoggedModelParameter = Param

__all__ = [
    "Dataset",
    "DatasetInput",
    "Experiment",
    "ExperimentTag",
    "FileInfo",
    "InputTag",
    "LoggedModel",
    "LoggedModelInput",
    "LoggedModelOutput",
    "LoggedModelParameter",
    "LoggedModelStatus",
    "LoggedModelTag",
    "Metric",
    "ModelVersion",
    "ModelVersionTag",
    "PagedList",
    "Param",
    "RegisteredModel",
    "RegisteredModelAlias",
    "RegisteredModelTag",
    "Run",
    "RunData",
    "RunInfo",
    "RunInputs",
    "RunOperations",
    "RunOutputs",
    "RunStatus",
    "RunTag",
    "ViewType",
]

T = TypeVar("T")


class PagedList(list[T]):
    """One page of a search. `token` asks for the next one; None on the last."""

    def __init__(self, items: Iterable[T] = (), token: str | None = None) -> None:
        super().__init__(items)
        self.token = token


class RunOperations:
    """What `synchronous=False` answers. Every write is durable when its call returns, so there is nothing to wait for."""

    def wait(self) -> None:
        """Return at once."""


@dataclass(frozen=True)
class Experiment:
    """An experiment. Times are milliseconds since the epoch; `lifecycle_stage` is `active` or `deleted`."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    tags: dict[str, str]
    creation_time: int
    last_update_time: int

    @classmethod
    def from_wire(cls, found: experiments.Experiment) -> "Experiment":
        """The experiment that an answer holds."""
        return cls(
            experiment_id=found.experiment_id,
            name=found.name,
            artifact_location=found.artifact_location,
            lifecycle_stage=found.lifecycle_stage,
            tags={tag.key: tag.value for tag in found.tags},
            creation_time=found.creation_time,
            last_update_time=found.last_update_time,
        )


@dataclass(frozen=True)
class RunData:
    """The latest value of each metric, all params and all tags of a run, by key."""

    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def to_dictionary(self) -> dict[str, Any]:
        """As plain dicts."""
        return {"metrics": dict(self.metrics), "params": dict(self.params), "tags": dict(self.tags)}


@dataclass(frozen=True)
class Run:
    """A run: `info` (ids, name, status, times), `data` (metrics, params, tags), and what it read and made."""

    info: RunInfo
    data: RunData
    inputs: RunInputs = RunInputs()  # noqa: RUF009 - frozen
    outputs: RunOutputs = RunOutputs()  # noqa: RUF009 - frozen

    @classmethod
    def from_wire(cls, found: runs.Run) -> "Run":
        """The run that an answer holds."""
        return cls(
            found.info,
            RunData(
                {metric.key: metric.value for metric in found.data.metrics},
                {param.key: param.value for param in found.data.params},
                {tag.key: tag.value for tag in found.data.tags},
            ),
            found.inputs or RunInputs(),
            found.outputs or RunOutputs(),
        )

    def to_dictionary(self) -> dict[str, Any]:
        """As plain dicts, ready for JSON."""
        info: dict[str, Any] = msgspec.to_builtins(self.info)
        inputs: dict[str, Any] = msgspec.to_builtins(self.inputs)
        return {"info": info, "data": self.data.to_dictionary(), "inputs": inputs}


@dataclass(frozen=True)
class LoggedModel:
    """A logged model. Times are milliseconds since the epoch; `metrics` holds every point, not only the latest."""

    model_id: str
    experiment_id: str
    name: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: str
    source_run_id: str
    status: LoggedModelStatus
    status_message: str | None
    tags: dict[str, str]
    params: dict[str, str]
    metrics: list[Metric]

    @classmethod
    def from_wire(cls, found: logged_models.LoggedModel) -> "LoggedModel":
        """The logged model that an answer holds."""
        info = found.info
        return cls(
            model_id=info.model_id,
            experiment_id=info.experiment_id,
            name=info.name,
            artifact_location=info.artifact_uri,
            creation_timestamp=info.creation_timestamp_ms,
            last_updated_timestamp=info.last_updated_timestamp_ms,
            model_type=info.model_type,
            source_run_id=info.source_run_id,
            status=info.status,
            status_message=info.status_message,
            tags={tag.key: tag.value for tag in info.tags},
            params={param.key: param.value for param in found.data.params},
            metrics=found.data.metrics,
        )

    @property
    def model_uri(self) -> str:
        """The model's address, `models:/<id>`."""
        return f"models:/{self.model_id}"
