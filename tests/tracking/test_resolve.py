import os
import shutil
from pathlib import Path

import pytest

import tidemill
from tidemill.errors import InvalidParameter, NotFound
from tidemill.tracking import resolve


@pytest.mark.parametrize(
    "given, meant",
    [
        ("runs", "{cwd}/runs"),
        ("./a/../runs/", "{cwd}/runs"),
        ("/abs/x", "/abs/x"),
        ("file:///abs/with%20blank", "/abs/with blank"),
        ("file:runs", "{cwd}/runs"),
        ("sqlite:///x.db", "sqlite:///{cwd}/x.db"),
        ("sqlite:////abs/x.db", "sqlite:////abs/x.db"),
        ("postgres://u@h/db", "postgresql://u@h/db"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("HTTP://host:5000/", "http://host:5000"),
        ("https://host/prefix", "https://host/prefix"),
    ],
)
def test_addresses_have_one_form(given: str, meant: str, tmp_path: Path) -> None:
    assert resolve.address_of(given) == meant.format(cwd=tmp_path)


@pytest.mark.parametrize("address", ["databricks://profile", "uc:x", "mysql://h/d", "ftp://h/d", "sqlite://", "", " "])
def test_other_addresses_are_refused(address: str, tmp_path: Path) -> None:
    if address == "uc:x":
        assert resolve.address_of(address) == f"{tmp_path}/uc:x"  # a folder may be called so
        return
    with pytest.raises(InvalidParameter):
        tidemill.set_tracking_uri(address)
    with pytest.raises(InvalidParameter) as caught:
        tidemill.set_tracking_uri("databricks://user:secret@host")
    assert "secret" not in str(caught.value)


def test_a_file_is_a_database(tmp_path: Path) -> None:
    tidemill.set_tracking_uri("sqlite:///data/own.db")
    with tidemill.start_run() as run:
        tidemill.log_text("x", "a.txt")
    assert (tmp_path / "data" / "own.db").is_file()
    assert (tmp_path / "data" / "artifacts" / "0" / run.info.run_id / "artifacts" / "a.txt").is_file()
    assert tidemill.Client(tmp_path / "data" / "own.db").get_run(run.info.run_id).info.run_id == run.info.run_id


def test_without_an_address_everything_lies_in_one_folder_that_can_be_copied(tmp_path: Path) -> None:
    assert not tidemill.is_tracking_uri_set()
    assert tidemill.get_tracking_uri() == str(tmp_path / ".tidemill")
    with tidemill.start_run() as run:
        tidemill.log_text("x", "a.txt")
    assert os.listdir(tmp_path) == [".tidemill"]
    resolve.close_all()
    shutil.move(tmp_path / ".tidemill", tmp_path / "copy")
    tidemill.set_tracking_uri(tmp_path / "copy")
    assert tidemill.is_tracking_uri_set()
    assert tidemill.artifacts.load_text(f"runs:/{run.info.run_id}/a.txt") == "x"


def test_reading_makes_no_folder(tmp_path: Path) -> None:
    assert len(tidemill.search_runs()) == 0
    assert [one.name for one in tidemill.search_experiments()] == ["Default"]
    with pytest.raises(NotFound):
        tidemill.get_run("0" * 32)
    assert os.listdir(tmp_path) == []


def test_the_environment_names_the_store(tmp_path: Path) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = "from-mlflow"
    assert tidemill.get_tracking_uri() == str(tmp_path / "from-mlflow")
    os.environ["TIDEMILL_URI"] = "from-tidemill"
    assert tidemill.get_tracking_uri() == str(tmp_path / "from-tidemill")
    assert tidemill.is_tracking_uri_set()
    tidemill.set_tracking_uri("chosen")
    assert tidemill.get_tracking_uri() == os.environ["TIDEMILL_URI"] == str(tmp_path / "chosen")
    tidemill.set_tracking_uri(None)
    assert tidemill.get_tracking_uri() == str(tmp_path / "from-mlflow")


def test_changing_the_working_folder_moves_nothing(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with tidemill.start_run() as run:
        os.chdir("other")
        tidemill.log_metric("m", 1)
        assert tidemill.get_run(run.info.run_id).data.metrics == {"m": 1.0}
    assert os.listdir(tmp_path / "other") == []


def test_artifacts_can_lie_elsewhere_than_the_database(tmp_path: Path) -> None:
    os.environ["TIDEMILL_ARTIFACTS"] = str(tmp_path / "bytes")
    with tidemill.start_run() as run:
        tidemill.log_text("x", "a.txt")
    assert (tmp_path / "bytes" / "0" / run.info.run_id / "artifacts" / "a.txt").is_file()


def test_an_mlflow_file_store_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").write_text("name: Default")
    tidemill.set_tracking_uri("mlruns")
    with pytest.raises(InvalidParameter, match="MLflow's file format"):
        tidemill.start_run()
    assert os.listdir(tmp_path / "mlruns") == ["0"]


def test_one_backend_for_an_address() -> None:
    first = tidemill.Client("one")
    assert tidemill.Client("./one").backend is first.backend
    assert tidemill.Client("two").backend is not first.backend


def test_a_closed_backend_opens_again(tmp_path: Path) -> None:
    client = tidemill.Client("store")
    run_id = client.create_run("0").info.run_id
    resolve.close_all()
    client.log_metric(run_id, "m", 1)
    assert client.get_run(run_id).data.metrics == {"m": 1.0}
