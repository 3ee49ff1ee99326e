"""Operations on artifacts whose answers are JSON. The bytes themselves travel by `server/files.py`."""

from tidemill.api.operation import Operation
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
