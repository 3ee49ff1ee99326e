"""Operations on a model's past and surroundings: history of aliases and stages, lineage, comparison of versions."""

from tidemill.api.operation import Operation
from tidemill.types.model_records import (
    CompareVersions,
    GetLineage,
    GetModelHistory,
    Lineage,
    ModelHistory,
    VersionComparison,
)

_MODELS = "/api/tidemill/1/registered-models/"
_VERSIONS = "/api/tidemill/1/model-versions/"

history = Operation(
    "model_records.history", GetModelHistory, ModelHistory,
    "GET", _MODELS + "history", allow="registered_model:read", required=("name",),
)  # fmt: skip
lineage = Operation(
    "model_records.lineage", GetLineage, Lineage,
    "GET", _VERSIONS + "lineage", allow="registered_model:read", required=("name", "version"),
)  # fmt: skip
compare = Operation(
    "model_records.compare", CompareVersions, VersionComparison,
    "GET", _VERSIONS + "compare", allow="registered_model:read", required=("name", "version", "other_version"),
)  # fmt: skip

OPERATIONS = (history, lineage, compare)
