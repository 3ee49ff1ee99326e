"""Models are logged, and found by every kind of address; embedded and through a server."""

import uuid
from pathlib import Path

import pytest

import tidemill
from tidemill import pyfunc
from tidemill.errors import InvalidParameter, NotFound
from tidemill.tracking.models import resolve_model


def shout(model_input: list[str]) -> list[str]:
    return [text.upper() for text in model_input]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str) -> Path:
    monkeypatch.setenv("TIDEMILL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TIDEMILL_INFER_REQUIREMENTS", "0")
    return tmp_path / "cache" / "models"


def test_a_logged_model_is_found_by_its_id_and_through_its_run(cache: Path, store: str) -> None:
    with tidemill.start_run() as run:
        info = pyfunc.log_model(
            "shouter", shout, input_example=["a"], params={"volume": 11}, tags={"kind": "toy"}, step=3
        )
    logged = tidemill.get_logged_model(info.model_id)
    assert (logged.name, str(logged.status), logged.source_run_id) == ("shouter", "LOGGED_MODEL_READY", run.info.run_id)
    assert (logged.params, logged.tags["kind"]) == ({"volume": "11"}, "toy")
    outputs = tidemill.get_run(run.info.run_id).outputs
    assert [(one.model_id, one.step) for one in outputs.model_outputs] == [(info.model_id, 3)]
    addresses = [info.model_uri, f"runs:/{run.info.run_id}/shouter", logged.artifact_location]
    if store.startswith("http"):
        path = logged.artifact_location.removeprefix("mlflow-artifacts:")
        addresses.append(f"{store}/api/2.0/mlflow-artifacts/artifacts{path}")
    for address in addresses:
        model = pyfunc.load_model(address, allow_pickle=True)
        assert model.predict(["x"]) == ["X"]
        assert (model.model_id, model.metadata.run_id) == (info.model_id, run.info.run_id)


def test_a_model_needs_no_run(cache: Path) -> None:
    info = pyfunc.log_model(python_model=shout)
    assert info.run_id is None
    assert tidemill.active_run() is None
    assert pyfunc.load_model(info.model_uri, allow_pickle=True).predict(["x"]) == ["X"]


def test_a_registered_model_is_found_by_version_alias_and_stage(cache: Path) -> None:
    name = f"shouter-{uuid.uuid4().hex}"
    with tidemill.start_run():
        first = pyfunc.log_model("one", shout, registered_model_name=name)
        second = pyfunc.log_model("two", shout, registered_model_name=name)
    assert (first.registered_model_version, second.registered_model_version) == ("1", "2")
    client = tidemill.Client()
    client.set_registered_model_alias(name, "champion", 1)
    client.transition_model_version_stage(name, "2", "Production")

    def found(address: str) -> str | None:
        return pyfunc.load_model(address, allow_pickle=True).model_id

    assert found(f"models:/{name}/1") == found(f"models:/{name}@champion") == first.model_id
    assert found(f"models:/{name}/Production") == found(f"models:/{name}/latest") == second.model_id
    with pytest.raises(NotFound):
        resolve_model(f"models:/{name}/3")
    with pytest.raises(InvalidParameter):
        resolve_model(f"models:/{name}/1/../../secret")


def test_what_cannot_be_saved_is_marked_failed(cache: Path) -> None:
    with pytest.raises(InvalidParameter):
        pyfunc.log_model("broken", 5)
    (found,) = tidemill.search_logged_models(output_format="list")
    assert str(found.status) == "LOGGED_MODEL_UPLOAD_FAILED"


def test_models_among_the_files_of_a_run_are_found(cache: Path, tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", shout)
    with tidemill.start_run() as run:
        tidemill.log_artifacts(tmp_path / "m", "deep/model")
    model = pyfunc.load_model(f"runs:/{run.info.run_id}/deep/model", allow_pickle=True)
    assert model.predict(["x"]) == ["X"]
    with pytest.raises(NotFound, match="no model 'nope'; its logged models are: none"):
        pyfunc.load_model(f"runs:/{run.info.run_id}/nope")


def test_a_download_is_kept(server: str, fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TIDEMILL_INFER_REQUIREMENTS", "0")
    tidemill.set_tracking_uri(server)
    first = pyfunc.log_model("first", shout)
    folder = resolve_model(first.model_uri)
    assert folder.parent == tmp_path / "cache" / "models"
    (folder / "mark").write_text("kept")
    assert (resolve_model(first.model_uri) / "mark").read_text() == "kept"
    monkeypatch.setenv("TIDEMILL_MODEL_CACHE_GIB", str(4e-6))  # room for one
    second = pyfunc.log_model("second", shout)
    resolve_model(second.model_uri)
    assert not folder.exists()
    monkeypatch.setenv("TIDEMILL_MODEL_CACHE_GIB", "0")
    assert resolve_model(first.model_uri).parent != tmp_path / "cache" / "models"
    assert [one.name for one in (tmp_path / "cache" / "models").iterdir() if one.name.startswith("part-")] == []


def test_a_folder_without_a_model_is_none(tmp_path: Path, fresh: None) -> None:
    with pytest.raises(NotFound, match="no file MLmodel"):
        resolve_model(tmp_path)
