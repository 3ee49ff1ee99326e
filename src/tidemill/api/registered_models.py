"""Operations on registered models: the names under which versions are published, their tags and aliases."""

from tidemill.api.operation import Operation
from tidemill.types.model_versions import ModelVersionAnswer
from tidemill.types.page import Nothing
from tidemill.types.registered_models import (
    CreateRegisteredModel,
    DeleteAlias,
    DeleteRegisteredModel,
    DeleteRegisteredModelTag,
    GetLatestVersions,
    GetRegisteredModel,
    GetVersionByAlias,
    LatestVersions,
    RegisteredModelAnswer,
    RegisteredModelPage,
    RenameRegisteredModel,
    SearchRegisteredModels,
    SetAlias,
    SetRegisteredModelTag,
    UpdateRegisteredModel,
)

_PATH = "/api/2.0/mlflow/registered-models/"

create = Operation(
    "registered_models.create", CreateRegisteredModel, RegisteredModelAnswer,
    "POST", _PATH + "create", allow="registered_model:create", writes=True, required=("name",),
    signed=True, emits=("registered_model.created", "prompt.created"),
)  # fmt: skip
get = Operation(
    "registered_models.get", GetRegisteredModel, RegisteredModelAnswer,
    "GET", _PATH + "get", allow="registered_model:read", required=("name",),
)  # fmt: skip
rename = Operation(
    "registered_models.rename", RenameRegisteredModel, RegisteredModelAnswer,
    "POST", _PATH + "rename", allow="registered_model:edit", writes=True, required=("name", "new_name"),
    signed=True, emits=("registered_model.renamed", "prompt.renamed"),
)  # fmt: skip
update = Operation(
    "registered_models.update", UpdateRegisteredModel, RegisteredModelAnswer,
    "PATCH", _PATH + "update", allow="registered_model:edit", writes=True, required=("name",),
    emits=("registered_model.updated", "prompt.updated"),
)  # fmt: skip
delete = Operation(
    "registered_models.delete", DeleteRegisteredModel, Nothing,
    "DELETE", _PATH + "delete", allow="registered_model:delete", writes=True, required=("name",),
    signed=True, emits=("registered_model.deleted", "prompt.deleted"),
)  # fmt: skip
search = Operation(
    "registered_models.search", SearchRegisteredModels, RegisteredModelPage,
    "GET", _PATH + "search", allow="registered_model:read",
)  # fmt: skip
get_latest_versions = Operation(
    "registered_models.get_latest_versions", GetLatestVersions, LatestVersions,
    "POST", _PATH + "get-latest-versions", allow="registered_model:read", required=("name",),
    also=(("GET", _PATH + "get-latest-versions"),),
)  # fmt: skip
set_tag = Operation(
    "registered_models.set_tag", SetRegisteredModelTag, Nothing,
    "POST", _PATH + "set-tag", allow="registered_model:edit", writes=True, required=("name", "key"),
    emits=("registered_model_tag.set", "prompt_tag.set"),
)  # fmt: skip
delete_tag = Operation(
    "registered_models.delete_tag", DeleteRegisteredModelTag, Nothing,
    "DELETE", _PATH + "delete-tag", allow="registered_model:edit", writes=True, required=("name", "key"),
    emits=("registered_model_tag.deleted", "prompt_tag.deleted"),
)  # fmt: skip
set_alias = Operation(
    "registered_models.set_alias", SetAlias, Nothing,
    "POST", _PATH + "alias", allow="registered_model:edit", writes=True, required=("name", "alias", "version"),
    signed=True, emits=("model_version_alias.created", "model_version_alias.moved", "prompt_alias.created", "prompt_alias.moved"),
)  # fmt: skip
delete_alias = Operation(
    "registered_models.delete_alias", DeleteAlias, Nothing,
    "DELETE", _PATH + "alias", allow="registered_model:edit", writes=True, required=("name", "alias"),
    signed=True, emits=("model_version_alias.deleted", "prompt_alias.deleted"),
)  # fmt: skip
get_by_alias = Operation(
    "registered_models.get_by_alias", GetVersionByAlias, ModelVersionAnswer,
    "GET", _PATH + "alias", allow="registered_model:read", required=("name", "alias"),
)  # fmt: skip

OPERATIONS = (
    create, get, rename, update, delete, search, get_latest_versions, set_tag, delete_tag, set_alias, delete_alias,
    get_by_alias,
)  # fmt: skip
