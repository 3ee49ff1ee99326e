"""Logged models: what a run made, with its own params, tags, metrics and files."""

import enum

from tidemill.types.artifacts import FileInfo
from tidemill.types.metrics import Metric
from tidemill.types.page import Entity, Int64, Request, Tag
from tidemill.types.runs import Param


class LoggedModelStatus(enum.StrEnum):
    """How a logged model stands. Order and names are the wire's (0 to 3)."""

    LOGGED_MODEL_STATUS_UNSPECIFIED = "LOGGED_MODEL_STATUS_UNSPECIFIED"
    LOGGED_MODEL_PENDING = "LOGGED_MODEL_PENDING"
    LOGGED_MODEL_READY = "LOGGED_MODEL_READY"
    LOGGED_MODEL_UPLOAD_FAILED = "LOGGED_MODEL_UPLOAD_FAILED"


class LoggedModelInfo(Entity, frozen=True, kw_only=True):
    """Everything about a logged model but its data. Times are ms since the epoch."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: LoggedModelStatus
    model_type: str
    source_run_id: str
    status_message: str | None = None
    tags: list[Tag] = []


class LoggedModelData(Entity, frozen=True):
    """Params, and every metric point that was logged for the model."""

    params: list[Param] = []
    metrics: list[Metric] = []


class LoggedModel(Entity, frozen=True):
    """A logged model as the wire shows it."""

    info: LoggedModelInfo
    data: LoggedModelData


class CreateLoggedModel(Request, frozen=True):
    """Create a logged model in state PENDING. An empty name is replaced by a generated one."""

    experiment_id: str = ""
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[Param] = []
    tags: list[Tag] = []
    model_id: str = ""


class LoggedModelAnswer(Entity, frozen=True):
    """One logged model."""

    model: LoggedModel


class GetLoggedModel(Request, frozen=True):
    """Read one logged model; deleted ones only with `allow_deleted`."""

    model_id: str = ""
    allow_deleted: bool = False


class FinalizeLoggedModel(Request, frozen=True):
    """Set the status of a logged model."""

    model_id: str = ""
    status: LoggedModelStatus | None = None


class DeleteLoggedModel(Request, frozen=True):
    """Mark a logged model deleted."""

    model_id: str = ""


class SetLoggedModelTags(Request, frozen=True):
    """Set tags, replacing older values."""

    model_id: str = ""
    tags: list[Tag] = []


class DeleteLoggedModelTag(Request, frozen=True):
    """Delete one tag."""

    model_id: str = ""
    tag_key: str = ""


class LogLoggedModelParams(Request, frozen=True):
    """Add params; a key that exists is refused."""

    model_id: str = ""
    params: list[Param] = []


class DatasetFilter(Request, frozen=True):
    """Restricts metric conditions to points on one data set; no digest: any."""

    dataset_name: str = ""
    dataset_digest: str = ""


class LoggedModelOrder(Request, frozen=True):
    """One ordering key: an attribute or `metrics.<key>`, the latter optionally of one data set."""

    field_name: str = ""
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class SearchLoggedModels(Request, frozen=True):
    """Find logged models of some experiments."""

    experiment_ids: list[str] = []
    filter: str = ""
    datasets: list[DatasetFilter] = []
    max_results: Int64 = 50
    order_by: list[LoggedModelOrder] = []
    page_token: str = ""


class LoggedModelPage(Entity, frozen=True):
    """One page of logged models; `next_page_token` exactly when there are more."""

    models: list[LoggedModel] = []
    next_page_token: str | None = None


class ListLoggedModelArtifacts(Request, frozen=True):
    """List one folder of a logged model's artifacts."""

    model_id: str = ""
    artifact_directory_path: str = ""
    page_token: str = ""


class LoggedModelArtifacts(Entity, frozen=True):
    """The files of one folder, relative to `root_uri`."""

    root_uri: str
    files: list[FileInfo] = []
    next_page_token: str | None = None
