"""Files of runs by the proxy: odd names, empty and large ones, replaced, listed, downloaded, deleted."""

import hashlib
import os
import tempfile
from pathlib import Path

import mlflow
from mlflow.artifacts import download_artifacts, list_artifacts
from mlflow.exceptions import MlflowException

mlflow.set_experiment(f"artifacts {mlflow.__version__}")
client = mlflow.MlflowClient()
NAMES = [
    "plain.txt", "with space.txt", "100%.txt", "100% sure.txt", "plus+plus.txt", "ünïcødé 日本.txt", "🚂.bin", "quote'.txt",
    "semi;colon.txt", "comma,.txt", "at@sign.txt", "and&.txt", "eq=.txt", "(round) [square].txt", "tilde~.txt", "no-ending",
    ".hidden", "x" * 200 + ".txt", "MLmodel", "empty.txt",
]  # fmt: skip

with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
    root = Path(folder)
    for name in NAMES:
        (root / name).write_bytes(b"" if name == "empty.txt" else name.encode())
    mlflow.log_artifacts(folder, "names")
    for name in NAMES:
        mlflow.log_artifact(str(root / name), "one by one/ü%+")

for inside in ("names", "one by one/ü%+"):
    listed = {item.path: item.file_size for item in client.list_artifacts(run.info.run_id, inside)}
    assert set(listed) == {f"{inside}/{name}" for name in NAMES}, set(listed) ^ {f"{inside}/{name}" for name in NAMES}
    assert all(listed[f"{inside}/{name}"] == len(name.encode()) for name in NAMES if name != "empty.txt")
    with tempfile.TemporaryDirectory() as folder:
        where = Path(download_artifacts(run_id=run.info.run_id, artifact_path=inside, dst_path=folder))
        assert {path.name for path in where.iterdir()} == set(NAMES)
        for name in NAMES:
            assert (where / name).read_bytes() == (b"" if name == "empty.txt" else name.encode()), name
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            got = client.download_artifacts(run.info.run_id, f"{inside}/{name}", folder)
            assert Path(got).name == name

# The client sends what looks like an escape as it stands: the name is another then, but finds the file again.
with tempfile.TemporaryDirectory() as folder:
    for name in ("per%cent.txt", "50%ab.txt", "a%20b.txt", "dog%step%17%time.png"):
        (Path(folder) / name).write_text(name)
        client.log_artifact(run.info.run_id, str(Path(folder) / name), "escapes")
        got = download_artifacts(run_id=run.info.run_id, artifact_path=f"escapes/{name}")
        assert Path(got).read_text() == name
    assert len(client.list_artifacts(run.info.run_id, "escapes")) == 4
    where = Path(download_artifacts(run_id=run.info.run_id, artifact_path="escapes", dst_path=folder))
    assert len({path.read_text() for path in where.iterdir()}) == 4

# A large file, replaced by another.
with tempfile.TemporaryDirectory() as folder:
    large = Path(folder) / "large.bin"
    for _ in range(2):
        large.write_bytes(os.urandom(1 << 20) * 30)
        client.log_artifact(run.info.run_id, str(large))
    digest = hashlib.sha256(large.read_bytes()).hexdigest()
    (Path(folder) / "down").mkdir()
    got = Path(download_artifacts(artifact_uri=f"runs:/{run.info.run_id}/large.bin", dst_path=f"{folder}/down"))
    assert got.stat().st_size == 30 << 20
    assert hashlib.sha256(got.read_bytes()).hexdigest() == digest
assert {item.path: item.file_size for item in list_artifacts(run_id=run.info.run_id)}["large.bin"] == 30 << 20

assert client.list_artifacts(run.info.run_id, "nothing here") == []
try:
    download_artifacts(run_id=run.info.run_id, artifact_path="nothing.txt")
except (MlflowException, OSError) as error:
    refused = str(error)
assert "nothing.txt" in refused, refused

# The proxy's address as an artifact URI of its own.
uri = mlflow.get_run(run.info.run_id).info.artifact_uri
assert uri.startswith("mlflow-artifacts:/")
address = os.environ["MLFLOW_TRACKING_URI"]
absolute = address + "/api/2.0/mlflow-artifacts/artifacts" + uri.removeprefix("mlflow-artifacts:")
assert mlflow.artifacts.load_text(absolute + "/names/plain.txt") == "plain.txt"
other = "mlflow-artifacts://" + address.removeprefix("http://") + uri.removeprefix("mlflow-artifacts:")
assert mlflow.artifacts.load_text(other + "/names/plain.txt") == "plain.txt"

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # noqa: E402

repository = get_artifact_repository(uri)
repository.delete_artifacts("large.bin")
repository.delete_artifacts("names")
assert {item.path for item in client.list_artifacts(run.info.run_id)} == {"one by one", "escapes"}
print("artifacts: all good")
