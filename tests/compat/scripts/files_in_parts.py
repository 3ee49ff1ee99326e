"""Large files in parts, up and down, as MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD and _DOWNLOAD ask for."""

import os
import tempfile
from pathlib import Path

import mlflow

assert os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] == "true"
part = int(os.environ["MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE"])
least = int(os.environ["MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"])

mlflow.set_experiment(f"multipart {mlflow.__version__}")
sizes = {"one part.bin": least, "exact.bin": 2 * part, "with a rest ü%.bin": 2 * part + 12345, "small.bin": 1000}
with tempfile.TemporaryDirectory() as folder:
    root = Path(folder)
    for name, size in sizes.items():
        (root / name).write_bytes(os.urandom(size))
    with mlflow.start_run() as run:
        for name in sizes:
            mlflow.log_artifact(str(root / name), "deep/er")
        mlflow.log_artifacts(folder)
    listed = {item.path: item.file_size for item in mlflow.artifacts.list_artifacts(run_id=run.info.run_id)}
    assert {name: listed[name] for name in sizes} == sizes, listed
    for inside in ("", "deep/er/"):
        for name in sizes:
            (root / "down").mkdir(exist_ok=True)
            got = mlflow.artifacts.download_artifacts(
                run_id=run.info.run_id, artifact_path=inside + name, dst_path=str(root / "down")
            )
            assert Path(got).read_bytes() == (root / name).read_bytes(), name
print("multipart: all good")
