"""Operations on metric histories."""

from tidemill.api.operation import Operation
from tidemill.types.metrics import (
    BulkMetricHistory,
    Curves,
    GetCurves,
    GetMetricHistory,
    GetMetricHistoryBulk,
    GetMetricHistoryInterval,
    MetricHistory,
)

_PATH = "/api/2.0/mlflow/metrics/"

get_history = Operation(
    "metrics.get_history", GetMetricHistory, MetricHistory,
    "GET", _PATH + "get-history", allow="run:read", required=("run_id", "metric_key"),
)  # fmt: skip
get_history_bulk = Operation(
    "metrics.get_history_bulk", GetMetricHistoryBulk, BulkMetricHistory,
    "GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", allow="run:read",
)  # fmt: skip
get_history_interval = Operation(
    "metrics.get_history_interval", GetMetricHistoryInterval, MetricHistory,
    "GET", _PATH + "get-history-bulk-interval", allow="run:read", required=("run_ids", "metric_key"),
)  # fmt: skip

curves = Operation(
    "metrics.curves", GetCurves, Curves,
    "POST", "/api/tidemill/1/metrics/curves", allow="run:read", required=("run_ids", "metric_keys"),
)  # fmt: skip

OPERATIONS = (get_history, get_history_bulk, get_history_interval, curves)
