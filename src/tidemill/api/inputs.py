"""Operations on the inputs and outputs of runs."""

from tidemill.api.operation import Operation
from tidemill.types.inputs import DatasetSummaries, LogInputs, LogOutputs, SearchDatasets
from tidemill.types.page import Nothing

log = Operation(
    "inputs.log", LogInputs, Nothing,
    "POST", "/api/2.0/mlflow/runs/log-inputs", allow="run:edit", writes=True, replay=True, required=("run_id",),
)  # fmt: skip
log_outputs = Operation(
    "inputs.log_outputs", LogOutputs, Nothing,
    "POST", "/api/2.0/mlflow/runs/outputs", allow="run:edit", writes=True, replay=True, required=("run_id", "models"),
)  # fmt: skip
search_datasets = Operation(
    "inputs.search_datasets", SearchDatasets, DatasetSummaries,
    "POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", allow="run:read",
)  # fmt: skip

OPERATIONS = (log, log_outputs, search_datasets)
