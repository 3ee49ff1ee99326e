"""Runs: one training, its params, metrics, tags, inputs and outputs."""

import enum

from tidemill.types.inputs import RunInputs, RunOutputs
from tidemill.types.metrics import Metric, MetricPoint
from tidemill.types.page import Entity, Int64, Request, Tag, ViewType


class RunStatus(enum.StrEnum):
    """How a run stands. Order and names are the wire's (1 to 5)."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class Param(Request, frozen=True, omit_defaults=False):
    """A parameter: a key and a text, perhaps empty, that never changes once logged."""

    key: str
    value: str = ""


class RunInfo(Entity, frozen=True, kw_only=True):
    """Everything about a run but its data. Times are ms since the epoch; `run_uuid` repeats `run_id`."""

    run_id: str
    run_uuid: str
    run_name: str
    experiment_id: str
    user_id: str
    status: RunStatus
    start_time: int
    end_time: int | None = None
    artifact_uri: str
    lifecycle_stage: str


class RunData(Entity, frozen=True):
    """The latest point of each metric, all params, all tags."""

    metrics: list[Metric] = []
    params: list[Param] = []
    tags: list[Tag] = []


class Run(Entity, frozen=True):
    """A run as the wire shows it. `inputs` and `outputs` are None only where they were not asked for."""

    info: RunInfo
    data: RunData
    inputs: RunInputs | None = None
    outputs: RunOutputs | None = None


class CreateRun(Request, frozen=True):
    """Start a run. `run_id` may be chosen by the caller (32 hex digits), so that clients can work offline."""

    experiment_id: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: Int64 = 0
    tags: list[Tag] = []
    run_id: str = ""


class RunAnswer(Entity, frozen=True):
    """One run."""

    run: Run


class GetRun(Request, frozen=True):
    """Read one run, deleted or not."""

    run_id: str = ""
    run_uuid: str = ""


class UpdateRun(Request, frozen=True):
    """Change status, end time or name of an active run; what is absent stays."""

    run_id: str = ""
    run_uuid: str = ""
    status: RunStatus | None = None
    end_time: Int64 | None = None
    run_name: str = ""


class RunInfoAnswer(Entity, frozen=True):
    """The run's info after the change."""

    run_info: RunInfo


class DeleteRun(Request, frozen=True):
    """Mark a run deleted; deleting a deleted run is fine."""

    run_id: str = ""


class RestoreRun(Request, frozen=True):
    """Mark a run active; restoring an active run is fine."""

    run_id: str = ""


class SearchRuns(Request, frozen=True):
    """Find runs of some experiments.

    `select` is Tidemill's own: the parts to answer, any of `info`, `metrics`, `params`, `tags`, `inputs`, `outputs`,
    `metrics.<key>`, `params.<key>`, `tags.<key>`. Empty: everything. `info` is always there.
    """

    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: ViewType = ViewType.ACTIVE_ONLY
    max_results: Int64 = 1000
    order_by: list[str] = []
    page_token: str = ""
    select: list[str] = []


class RunPage(Entity, frozen=True):
    """One page of runs; `next_page_token` exactly when there are more."""

    runs: list[Run] = []
    next_page_token: str | None = None


class LogMetric(Request, frozen=True):
    """Log one point. Value is a double (NaN and ±Infinity as texts on the wire), timestamp ms since the epoch."""

    run_id: str = ""
    run_uuid: str = ""
    key: str = ""
    value: float | None = None
    timestamp: Int64 | None = None
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class LogParam(Request, frozen=True):
    """Log one param. The same value again is fine, another value is refused."""

    run_id: str = ""
    run_uuid: str = ""
    key: str = ""
    value: str = ""


class SetTag(Request, frozen=True):
    """Set one tag of a run, replacing an older value."""

    run_id: str = ""
    run_uuid: str = ""
    key: str = ""
    value: str = ""


class DeleteTag(Request, frozen=True):
    """Delete one tag of a run."""

    run_id: str = ""
    key: str = ""


class LogBatch(Request, frozen=True):
    """Log up to 1000 metrics, 100 params and 100 tags at once (1000 in all); all or nothing."""

    run_id: str = ""
    metrics: list[MetricPoint] = []
    params: list[Param] = []
    tags: list[Tag] = []


class LogModel(Request, frozen=True):
    """Record that a model was logged (legacy): appends to the tag `mlflow.log-model.history`."""

    run_id: str = ""
    model_json: str = ""


class IngestPoints(Request, frozen=True):
    """Log up to 100,000 points of one run at once, as columns of bytes; all or nothing. The same twice is kept once.

    The bytes are those of docs/reference/runs.md: a body of the type `application/vnd.tidemill.columns`, or Base64 in JSON.
    """

    run_id: str = ""
    columns: bytes = b""


class Heartbeat(Request, frozen=True):
    """Say that the processes that write these runs are alive, and will say so again within `interval` seconds.

    0: nothing more is to be expected, and nothing to be concluded from silence.
    """

    run_ids: list[str] = []
    interval: Int64 = 30


class OrderKey(Request, frozen=True):
    """One key to order a table by: a column as in `GetRunTable.columns`, or `attributes.<name>`."""

    column: str
    descending: bool = False


class GetRunTable(Request, frozen=True):
    """Read a part of a table: the runs that match, in an order, and of each only the columns named.

    A column is `metrics.<key>` (the newest value), `metrics_min.<key>`, `metrics_max.<key>`, `params.<key>` or
    `tags.<key>`; everything after the first dot is the key as it was logged. `offset` is the 0-based row to start at.
    """

    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: ViewType = ViewType.ACTIVE_ONLY
    order_by: list[OrderKey] = []
    columns: list[str] = []
    offset: Int64 = 0
    max_results: Int64 = 200


class RunTable(Entity, frozen=True, kw_only=True, omit_defaults=False):
    """`total` runs match; each list has one entry a row. What a run does not have is null; NaN is the text `NaN`.

    Times are ms since the epoch. `parents` are the runs' `mlflow.parentRunId`, `children` how many runs name it so.
    `columns` are in the order asked for.
    """

    total: int
    run_ids: list[str]
    run_names: list[str]
    experiment_ids: list[str]
    user_ids: list[str]
    statuses: list[RunStatus]
    lifecycle_stages: list[str]
    start_times: list[int]
    end_times: list[int | None]
    parents: list[str | None]
    children: list[int]
    columns: list[list[str | float | None]]


class GetRunGroups(Request, frozen=True):
    """Put runs that agree in the columns `group_by` together, and count and average the others' `columns`.

    Columns are those of `GetRunTable`. At most `max_results` groups are answered, those with the most runs.
    """

    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: ViewType = ViewType.ACTIVE_ONLY
    group_by: list[str] = []
    columns: list[str] = []
    max_results: Int64 = 500


class Spread(Entity, frozen=True, omit_defaults=False):
    """How the numbers of a column are spread over some runs; `count` of them have one. `std` is the sample's."""

    count: int
    mean: float
    std: float
    low: float
    high: float


class RunGroup(Entity, frozen=True, omit_defaults=False):
    """Runs that agree: the common `values` (null: they lack it), how many `runs`, and a spread (or null) a column."""

    values: list[str | float | None]
    runs: int
    columns: list[Spread | None]


class RunGroups(Entity, frozen=True, omit_defaults=False):
    """`total` groups there are; `groups` are those with the most runs, largest first."""

    total: int
    groups: list[RunGroup]
