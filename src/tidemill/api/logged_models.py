"""Operations on logged models."""

from tidemill.api.operation import Operation
from tidemill.types.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    GetLoggedModel,
    ListLoggedModelArtifacts,
    LoggedModelAnswer,
    LoggedModelArtifacts,
    LoggedModelPage,
    LogLoggedModelParams,
    SearchLoggedModels,
    SetLoggedModelTags,
)
from tidemill.types.page import Nothing

_PATH = "/api/2.0/mlflow/logged-models"
_ONE = _PATH + "/{model_id}"

create = Operation(
    "logged_models.create", CreateLoggedModel, LoggedModelAnswer,
    "POST", _PATH, allow="experiment:edit", writes=True, replay=True, required=("experiment_id",),
    emits=("logged_model.created",),
)  # fmt: skip
get = Operation(
    "logged_models.get", GetLoggedModel, LoggedModelAnswer,
    "GET", _ONE, allow="model:read", required=("model_id",),
)  # fmt: skip
finalize = Operation(
    "logged_models.finalize", FinalizeLoggedModel, LoggedModelAnswer,
    "PATCH", _ONE, allow="model:edit", writes=True, replay=True, required=("model_id", "status"),
    emits=("logged_model.finalized",),
)  # fmt: skip
delete = Operation(
    "logged_models.delete", DeleteLoggedModel, Nothing,
    "DELETE", _ONE, allow="model:delete", writes=True, required=("model_id",),
    emits=("logged_model.deleted",),
)  # fmt: skip
search = Operation(
    "logged_models.search", SearchLoggedModels, LoggedModelPage,
    "POST", _PATH + "/search", allow="model:read", required=("experiment_ids",),
)  # fmt: skip
set_tags = Operation(
    "logged_models.set_tags", SetLoggedModelTags, Nothing,
    "PATCH", _ONE + "/tags", allow="model:edit", writes=True, replay=True, required=("model_id",),
)  # fmt: skip
delete_tag = Operation(
    "logged_models.delete_tag", DeleteLoggedModelTag, Nothing,
    "DELETE", _ONE + "/tags/{tag_key}", allow="model:edit", writes=True, required=("model_id", "tag_key"),
)  # fmt: skip
log_params = Operation(
    "logged_models.log_params", LogLoggedModelParams, Nothing,
    "POST", _ONE + "/params", allow="model:edit", writes=True, replay=True, required=("model_id",),
)  # fmt: skip
list_artifacts = Operation(
    "logged_models.list_artifacts", ListLoggedModelArtifacts, LoggedModelArtifacts,
    "GET", _ONE + "/artifacts/directories", allow="model:read", required=("model_id",),
)  # fmt: skip

OPERATIONS = (create, get, finalize, delete, search, set_tags, delete_tag, log_params, list_artifacts)
