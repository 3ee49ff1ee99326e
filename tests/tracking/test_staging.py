"""Artifacts on their way to a server: what was logged is what arrives, whatever happens to the file afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tidemill
from tidemill.errors import InvalidParameter


def test_a_file_that_is_written_again_does_not_change_what_was_logged(server: str, tmp_path: Path) -> None:
    tidemill.set_tracking_uri(server)
    checkpoint = tmp_path / "checkpoint.bin"
    with tidemill.start_run() as run:
        for epoch in range(3):
            with checkpoint.open("wb") as file:
                file.write(b"epoch %d" % epoch)
            tidemill.log_artifact(checkpoint, f"epoch{epoch}")
        checkpoint.unlink()
        tidemill.log_text("first", "note.txt")
        tidemill.log_text("second", "note.txt")
    client = tidemill.Client()
    for epoch in range(3):
        path = client.download_artifacts(run.info.run_id, f"epoch{epoch}/checkpoint.bin", tmp_path / "down")
        assert Path(path).read_bytes() == b"epoch %d" % epoch
    assert Path(client.download_artifacts(run.info.run_id, "note.txt", tmp_path / "down")).read_text() == "second"


def test_a_points_call_refuses_what_no_store_takes(server: str) -> None:

    tidemill.set_tracking_uri(server)
    with tidemill.start_run():
        for key, value, options in (
            ("a*b", 1.0, {}),
            ("", 1.0, {}),
            ("a", "x", {}),
            ("a", 1.0, {"timestamp": -1}),
            ("a", 1.0, {"step": 2**64}),
        ):
            with pytest.raises(InvalidParameter):
                tidemill.log_metrics({key: value}, **options)
            with pytest.raises(InvalidParameter):
                tidemill.log_metric(key, value, **options)


MODEL = """
import tidemill
from tidemill import Client
tidemill.set_experiment("models offline")
with tidemill.start_run() as run:
    model = tidemill.initialize_logged_model("net", params={"depth": "3"}, tags={"a": "1"}, model_type="classifier")
    client = Client()
    with open("weights.bin", "wb") as file:
        file.write(b"w" * 100_000)
    client.log_model_artifact(model.model_id, "weights.bin")
    tidemill.log_metric("accuracy", 0.9, model_id=model.model_id)
    tidemill.set_logged_model_tags(model.model_id, {"b": "2"})
    tidemill.log_model_params(model.model_id, {"width": "8"})
    tidemill.log_outputs([tidemill.entities.LoggedModelOutput(model.model_id, 0)])
    made = tidemill.finalize_logged_model(model.model_id, "READY")
    assert str(made.status) == "LOGGED_MODEL_READY", made
    seen = tidemill.get_logged_model(model.model_id)
    assert (seen.name, seen.params, seen.tags) == ("net", {"depth": "3", "width": "8"}, {"a": "1", "b": "2"}), seen
    print(run.info.run_id, model.model_id)
"""


@pytest.mark.parametrize("offline", ["1", "0"])
def test_a_model_is_logged_without_its_server(offline: str, server: str, tmp_path: Path) -> None:
    nowhere = {"TIDEMILL_URI": "http://127.0.0.1:9", "TIDEMILL_EXIT_WAIT": "0", "TIDEMILL_SENDER_LINGER": "0"}
    command = [sys.executable, "-c", MODEL]
    env = {**os.environ, **nowhere, "TIDEMILL_OFFLINE": offline}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    run_id, model_id = done.stdout.split()
    sync = [sys.executable, "-c", "import sys; from tidemill.cli.main import main; sys.exit(main())", "sync"]
    done = subprocess.run([*sync, str(tmp_path), "--to", server], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob(".tidemill/journal/*/rejected.jsonl")) == []
    client = tidemill.Client(server)
    found = client.get_logged_model(model_id)
    assert (found.name, found.model_type, found.source_run_id) == ("net", "classifier", run_id)
    assert str(found.status) == "LOGGED_MODEL_READY"
    assert found.params == {"depth": "3", "width": "8"}
    assert (found.tags["a"], found.tags["b"]) == ("1", "2")
    assert [(point.key, point.value) for point in found.metrics] == [("accuracy", 0.9)]
    assert [one.path for one in client.list_logged_model_artifacts(model_id)] == ["weights.bin"]
    run = client.get_run(run_id)
    assert [one.model_id for one in run.outputs.model_outputs] == [model_id]
    # The experiment is known by its name until it is asked for.
    assert found.experiment_id == run.info.experiment_id


def test_a_model_is_made_at_its_server_where_that_answers(server: str, tmp_path: Path) -> None:
    tidemill.set_tracking_uri(server)
    with tidemill.start_run():
        model = tidemill.initialize_logged_model("net")
        assert model.artifact_location.startswith("mlflow-artifacts:")
        (tmp_path / "w.bin").write_bytes(b"w")
        tidemill.Client().log_model_artifact(model.model_id, tmp_path / "w.bin")
        tidemill.finalize_logged_model(model.model_id, "READY")
        with pytest.raises(InvalidParameter, match="Invalid model name"):
            tidemill.initialize_logged_model("a/b")
    found = tidemill.get_logged_model(model.model_id)
    assert str(found.status) == "LOGGED_MODEL_READY"
    assert [one.path for one in tidemill.Client().list_logged_model_artifacts(model.model_id)] == ["w.bin"]


def test_a_models_bad_name_is_refused_offline(tmp_path: Path) -> None:
    os.environ["TIDEMILL_OFFLINE"] = "1"
    tidemill.set_tracking_uri("http://127.0.0.1:9")
    with tidemill.start_run(), pytest.raises(InvalidParameter, match="Invalid model name"):
        tidemill.initialize_logged_model("a/b")


REGISTERED = """
import sys, tidemill
from tidemill.models.python_model import PythonModel
with tidemill.start_run():
    made = tidemill.pyfunc.log_model("double", lambda data: data, registered_model_name="it's mine")
print(made.registered_model_version, made.model_id)
"""


def test_a_version_is_made_once_however_often_it_is_sent(server: str, tmp_path: Path) -> None:
    import shutil

    nowhere = {"TIDEMILL_URI": "http://127.0.0.1:9", "TIDEMILL_OFFLINE": "1", "TIDEMILL_CAPTURE": "0"}
    command = [sys.executable, "-c", REGISTERED]
    done = subprocess.run(command, env={**os.environ, **nowhere}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "None"
    sync = [sys.executable, "-c", "import sys; from tidemill.cli.main import main; sys.exit(main())", "sync"]
    for number in range(2):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(tmp_path / ".tidemill" / "journal", copy)
        sent = subprocess.run([*sync, str(copy), "--to", server], capture_output=True, text=True, timeout=60)
        assert sent.returncode == 0, sent.stderr
        assert "refused" not in sent.stderr
    (version,) = tidemill.Client(server).search_model_versions('name = "it\'s mine"')
    assert (version.version, version.model_id) == ("1", done.stdout.split()[1])
    online = subprocess.run(
        command, env={**os.environ, "TIDEMILL_URI": server}, capture_output=True, text=True, timeout=60
    )
    assert online.returncode == 0, online.stderr
    assert online.stdout.split()[0] == "2"
