"""Operations on model versions: the numbered states of a registered model."""

from tidemill.api.operation import Operation
from tidemill.types.model_versions import (
    CreateModelVersion,
    DeleteModelVersion,
    DeleteModelVersionTag,
    DownloadUri,
    GetDownloadUri,
    GetModelVersion,
    ModelVersionAnswer,
    ModelVersionPage,
    SearchModelVersions,
    SetModelVersionTag,
    TransitionStage,
    UpdateModelVersion,
)
from tidemill.types.page import Nothing

_PATH = "/api/2.0/mlflow/model-versions/"
_ONE = ("name", "version")

create = Operation(
    "model_versions.create", CreateModelVersion, ModelVersionAnswer,
    "POST", _PATH + "create", allow="registered_model:edit", writes=True, required=("name", "source"),
    signed=True, emits=("model_version.created", "prompt_version.created"),
)  # fmt: skip
get = Operation(
    "model_versions.get", GetModelVersion, ModelVersionAnswer,
    "GET", _PATH + "get", allow="registered_model:read", required=_ONE,
)  # fmt: skip
update = Operation(
    "model_versions.update", UpdateModelVersion, ModelVersionAnswer,
    "PATCH", _PATH + "update", allow="registered_model:edit", writes=True, required=_ONE,
    emits=("model_version.updated", "prompt_version.updated"),
)  # fmt: skip
delete = Operation(
    "model_versions.delete", DeleteModelVersion, Nothing,
    "DELETE", _PATH + "delete", allow="registered_model:delete", writes=True, required=_ONE,
    signed=True, emits=("model_version.deleted", "model_version_alias.deleted", "prompt_version.deleted", "prompt_alias.deleted"),
)  # fmt: skip
search = Operation(
    "model_versions.search", SearchModelVersions, ModelVersionPage,
    "GET", _PATH + "search", allow="registered_model:read",
)  # fmt: skip
get_download_uri = Operation(
    "model_versions.get_download_uri", GetDownloadUri, DownloadUri,
    "GET", _PATH + "get-download-uri", allow="registered_model:read", required=_ONE,
)  # fmt: skip
transition_stage = Operation(
    "model_versions.transition_stage", TransitionStage, ModelVersionAnswer,
    "POST", _PATH + "transition-stage", allow="registered_model:edit", writes=True, required=(*_ONE, "stage"),
    signed=True, emits=("model_version.stage_changed", "prompt_version.stage_changed"),
)  # fmt: skip
set_tag = Operation(
    "model_versions.set_tag", SetModelVersionTag, Nothing,
    "POST", _PATH + "set-tag", allow="registered_model:edit", writes=True, required=(*_ONE, "key"),
    emits=("model_version_tag.set", "prompt_version_tag.set"),
)  # fmt: skip
delete_tag = Operation(
    "model_versions.delete_tag", DeleteModelVersionTag, Nothing,
    "DELETE", _PATH + "delete-tag", allow="registered_model:edit", writes=True, required=(*_ONE, "key"),
    emits=("model_version_tag.deleted", "prompt_version_tag.deleted"),
)  # fmt: skip

OPERATIONS = (create, get, update, delete, search, get_download_uri, transition_stage, set_tag, delete_tag)
