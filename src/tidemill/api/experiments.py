"""Operations on experiments."""

from tidemill.api.operation import Operation
from tidemill.types.experiments import (
    ColumnValues,
    CreatedExperiment,
    CreateExperiment,
    DeleteExperiment,
    DeleteExperimentTag,
    ExperimentAnswer,
    ExperimentKeys,
    ExperimentPage,
    GetExperiment,
    GetExperimentByName,
    ListKeys,
    ListValues,
    RestoreExperiment,
    SearchExperiments,
    SetExperimentTag,
    UpdateExperiment,
)
from tidemill.types.page import Nothing

_PATH = "/api/2.0/mlflow/experiments/"

create = Operation(
    "experiments.create", CreateExperiment, CreatedExperiment,
    "POST", _PATH + "create", allow="experiment:create", writes=True, required=("name",),
    emits=("experiment.created",),
)  # fmt: skip
get = Operation(
    "experiments.get", GetExperiment, ExperimentAnswer,
    "GET", _PATH + "get", allow="experiment:read", required=("experiment_id",),
)  # fmt: skip
get_by_name = Operation(
    "experiments.get_by_name", GetExperimentByName, ExperimentAnswer,
    "GET", _PATH + "get-by-name", allow="experiment:read", required=("experiment_name",),
)  # fmt: skip
search = Operation(
    "experiments.search", SearchExperiments, ExperimentPage,
    "POST", _PATH + "search", allow="experiment:read", also=(("GET", _PATH + "search"),),
)  # fmt: skip
update = Operation(
    "experiments.update", UpdateExperiment, Nothing,
    "POST", _PATH + "update", allow="experiment:edit", writes=True, required=("experiment_id", "new_name"),
    emits=("experiment.renamed",),
)  # fmt: skip
delete = Operation(
    "experiments.delete", DeleteExperiment, Nothing,
    "POST", _PATH + "delete", allow="experiment:manage", writes=True, required=("experiment_id",),
    emits=("experiment.deleted",),
)  # fmt: skip
restore = Operation(
    "experiments.restore", RestoreExperiment, Nothing,
    "POST", _PATH + "restore", allow="experiment:manage", writes=True, required=("experiment_id",),
    emits=("experiment.restored",),
)  # fmt: skip
set_tag = Operation(
    "experiments.set_tag", SetExperimentTag, Nothing,
    "POST", _PATH + "set-experiment-tag", allow="experiment:edit", writes=True, required=("experiment_id", "key"),
)  # fmt: skip
delete_tag = Operation(
    "experiments.delete_tag", DeleteExperimentTag, Nothing,
    "POST", _PATH + "delete-experiment-tag", allow="experiment:edit", writes=True, required=("experiment_id", "key"),
)  # fmt: skip

keys = Operation(
    "experiments.keys", ListKeys, ExperimentKeys,
    "POST", "/api/tidemill/1/experiments/keys", allow="experiment:read",
)  # fmt: skip
values = Operation(
    "experiments.values", ListValues, ColumnValues,
    "POST", "/api/tidemill/1/experiments/values", allow="experiment:read", required=("column",),
)  # fmt: skip

OPERATIONS = (create, get, get_by_name, search, update, delete, restore, set_tag, delete_tag, keys, values)
