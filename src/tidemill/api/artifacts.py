"""Operations on artifacts whose answers are JSON. The bytes themselves travel by `server/files.py`."""

from tidemill.api.operation import Operation, Transfer
from tidemill.types.artifacts import ArtifactList, ListArtifacts, PresignedUpload, PresignUpload

list_files = Operation(
    "artifacts.list_files", ListArtifacts, ArtifactList,
    "GET", "/api/2.0/mlflow/artifacts/list", allow="run:read", required=("run_id",),
)  # fmt: skip
presign_upload = Operation(
    "artifacts.presign_upload", PresignUpload, PresignedUpload,
    "POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", allow="run:edit", required=("run_id", "path"),
)  # fmt: skip

OPERATIONS = (list_files, presign_upload)

_PROXY = "/api/2.0/mlflow-artifacts/"
_MODEL_FILES = "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files"

TRANSFERS = (
    Transfer(
        "upload", "PUT", _PROXY + "artifacts/{path:path}", "artifact:edit", "Write a file of the proxied storage."
    ),
    Transfer(
        "download", "GET", _PROXY + "artifacts/{path:path}", "artifact:read", "Read a file; ranges are understood."
    ),
    Transfer("delete", "DELETE", _PROXY + "artifacts/{path:path}", "artifact:delete", "Delete a file or a folder."),
    Transfer("list_folder", "GET", _PROXY + "artifacts", "artifact:read", "List one folder of the proxied storage."),
    Transfer("create_parts", "POST", _PROXY + "mpu/create/{path:path}", "artifact:edit", "Start an upload in parts."),
    Transfer(
        "upload_part", "PUT", _PROXY + "mpu/part/{path:path}", "artifact:edit", "Write one part of such an upload."
    ),
    Transfer("complete_parts", "POST", _PROXY + "mpu/complete/{path:path}", "artifact:edit", "Put the parts together."),
    Transfer("abort_parts", "POST", _PROXY + "mpu/abort/{path:path}", "artifact:edit", "Throw the parts away."),
    Transfer(
        "presign", "GET", _PROXY + "presigned/{path:path}", "artifact:read", "An address straight at the storage."
    ),
    Transfer("run_file", "GET", "/get-artifact", "run:read", "Read a file of a run."),
    Transfer(
        "version_file",
        "GET",
        "/model-versions/get-artifact",
        "registered_model:read",
        "Read a file of a model version.",
    ),
    Transfer("model_file", "GET", _MODEL_FILES, "model:read", "Read a file of a logged model."),
    Transfer(
        "upload_run_file", "POST", "/ajax-api/2.0/mlflow/upload-artifact", "run:edit", "Write a small file of a run."
    ),
)
"""The routes on which files travel as they are."""
