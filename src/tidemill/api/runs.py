"""Operations on runs."""

from tidemill.api import columns
from tidemill.api.operation import Operation
from tidemill.types.page import Nothing
from tidemill.types.runs import (
    CreateRun,
    DeleteRun,
    DeleteTag,
    GetRun,
    GetRunGroups,
    GetRunTable,
    Heartbeat,
    IngestPoints,
    LogBatch,
    LogMetric,
    LogModel,
    LogParam,
    RestoreRun,
    RunAnswer,
    RunGroups,
    RunInfoAnswer,
    RunPage,
    RunTable,
    SearchRuns,
    SetTag,
    UpdateRun,
)

_PATH = "/api/2.0/mlflow/runs/"

create = Operation(
    "runs.create", CreateRun, RunAnswer,
    "POST", _PATH + "create", allow="experiment:edit", writes=True, replay=True, required=("experiment_id",),
    emits=("run.created",),
)  # fmt: skip
get = Operation("runs.get", GetRun, RunAnswer, "GET", _PATH + "get", allow="run:read", required=("run_id",))
update = Operation(
    "runs.update", UpdateRun, RunInfoAnswer,
    "POST", _PATH + "update", allow="run:edit", writes=True, replay=True, required=("run_id",),
    emits=("run.finished", "run.failed", "run.killed", "run.resumed", "run.scheduled"),
)  # fmt: skip
delete = Operation(
    "runs.delete", DeleteRun, Nothing,
    "POST", _PATH + "delete", allow="run:delete", writes=True, required=("run_id",), emits=("run.deleted",),
)  # fmt: skip
restore = Operation(
    "runs.restore", RestoreRun, Nothing,
    "POST", _PATH + "restore", allow="run:delete", writes=True, required=("run_id",), emits=("run.restored",),
)  # fmt: skip
search = Operation("runs.search", SearchRuns, RunPage, "POST", _PATH + "search", allow="run:read")
log_metric = Operation(
    "runs.log_metric", LogMetric, Nothing,
    "POST", _PATH + "log-metric", allow="run:edit", writes=True, replay=True,
    required=("run_id", "key", "value", "timestamp"),
)  # fmt: skip
log_param = Operation(
    "runs.log_param", LogParam, Nothing,
    "POST", _PATH + "log-parameter", allow="run:edit", writes=True, replay=True, required=("run_id", "key"),
)  # fmt: skip
set_tag = Operation(
    "runs.set_tag", SetTag, Nothing,
    "POST", _PATH + "set-tag", allow="run:edit", writes=True, replay=True, required=("run_id", "key"),
)  # fmt: skip
delete_tag = Operation(
    "runs.delete_tag", DeleteTag, Nothing,
    "POST", _PATH + "delete-tag", allow="run:edit", writes=True, required=("run_id", "key"),
)  # fmt: skip
log_batch = Operation(
    "runs.log_batch", LogBatch, Nothing,
    "POST", _PATH + "log-batch", allow="run:edit", writes=True, replay=True, required=("run_id",),
)  # fmt: skip
log_model = Operation(
    "runs.log_model", LogModel, Nothing,
    "POST", _PATH + "log-model", allow="run:edit", writes=True, replay=True, required=("run_id", "model_json"),
)  # fmt: skip

heartbeat = Operation(
    "runs.heartbeat", Heartbeat, Nothing,
    "POST", "/api/tidemill/1/runs/heartbeat", allow="run:edit", writes=True, required=("run_ids",),
    emits=("run.resumed",),
)  # fmt: skip

ingest = Operation(
    "runs.ingest", IngestPoints, Nothing,
    "POST", "/api/tidemill/1/runs/{run_id}/ingest", allow="run:edit", writes=True, required=("run_id",),
    raw_type=columns.TYPE, raw_field="columns",
)  # fmt: skip

table = Operation("runs.table", GetRunTable, RunTable, "POST", "/api/tidemill/1/runs/table", allow="run:read")
groups = Operation(
    "runs.groups", GetRunGroups, RunGroups,
    "POST", "/api/tidemill/1/runs/groups", allow="run:read", required=("group_by",),
)  # fmt: skip

OPERATIONS = (
    create, get, update, delete, restore, search, log_metric, log_param, set_tag, delete_tag, log_batch, log_model,
    heartbeat, ingest, table, groups,
)  # fmt: skip
