import json
import os
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import tidemill as mlflow
from tidemill.errors import InvalidParameter, NotFound, TidemillError


@pytest.fixture
def run_id(store: str) -> str:
    os.environ["TIDEMILL_CAPTURE"] = "0"
    with mlflow.start_run() as run:
        pass
    return str(run.info.run_id)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "tree"
    (top / "deep" / "er").mkdir(parents=True)
    (top / "a.txt").write_text("a")
    (top / "deep" / "b c%20+ü.bin").write_bytes(bytes(range(256)))
    (top / "deep" / "er" / "empty").write_bytes(b"")
    return top


def test_files_and_folders_go_there_and_back(run_id: str, tree: Path, tmp_path: Path) -> None:
    client = mlflow.Client()
    client.log_artifact(run_id, str(tree / "a.txt"))
    client.log_artifact(run_id, tree / "a.txt", "in/side")
    client.log_artifact(run_id, tree, "whole")
    client.log_artifacts(run_id, tree)
    assert [one.path for one in client.list_artifacts(run_id)] == ["a.txt", "deep", "in", "whole"]
    (entry,) = client.list_artifacts(run_id, "in/side")
    assert (entry.path, entry.is_dir, entry.file_size) == ("in/side/a.txt", False, 1)
    assert client.list_artifacts(run_id, "nowhere") == []
    back = Path(client.download_artifacts(run_id, "", tmp_path / "back"))
    assert back == tmp_path / "back"
    for copy in (back, back / "whole" / "tree"):
        for path in ("a.txt", "deep/b c%20+ü.bin", "deep/er/empty"):
            assert (copy / path).read_bytes() == (tree / path).read_bytes()
    one = client.download_artifacts(run_id, "whole/tree/a.txt", tmp_path / "one")
    assert one == str(tmp_path / "one" / "whole" / "tree" / "a.txt")
    assert Path(client.download_artifacts(run_id, "deep/er")).is_dir()
    with pytest.raises(NotFound, match="No such artifact: 'nope'"):
        client.download_artifacts(run_id, "nope", tmp_path)
    with pytest.raises(NotFound):
        client.download_artifacts(run_id, "nope")


def test_many_files_at_once(run_id: str, tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / "many" / str(number % 4)).mkdir(parents=True, exist_ok=True)
        (tmp_path / "many" / str(number % 4) / f"{number}.bin").write_bytes(os.urandom(1000 + number))
    client = mlflow.Client()
    client.log_artifacts(run_id, tmp_path / "many")
    client.download_artifacts(run_id, "", tmp_path / "back")
    for number in range(40):
        path = f"{number % 4}/{number}.bin"
        assert (tmp_path / "back" / path).read_bytes() == (tmp_path / "many" / path).read_bytes()


def test_what_is_not_there_or_leads_elsewhere_is_refused(direct: None, run_id: str, tmp_path: Path) -> None:
    client = mlflow.Client()
    with pytest.raises(NotFound, match="There is no file"):
        client.log_artifact(run_id, tmp_path / "nope")
    with pytest.raises(NotFound, match="There is no folder"):
        client.log_artifacts(run_id, tmp_path / "nope")
    (tmp_path / "f").write_text("x")
    for path in ("../up", "/etc", "a/../../b", "%2e%2e/up"):
        with pytest.raises(InvalidParameter, match="Invalid path"):
            client.log_artifact(run_id, tmp_path / "f", path)
        with pytest.raises(InvalidParameter, match="Invalid path"):
            client.log_text(run_id, "x", path)
        with pytest.raises(InvalidParameter, match="Invalid path"):
            client.download_artifacts(run_id, path, tmp_path / "to")
    with pytest.raises(InvalidParameter):
        client.log_text(run_id, "x", "")
    with pytest.raises(NotFound):
        client.log_text("0" * 32, "x", "a.txt")
    assert not (tmp_path / "to").exists()


def test_files_on_this_machine_are_not_copied_unless_asked(tmp_path: Path) -> None:
    mlflow.set_tracking_uri("store")
    with mlflow.start_run() as run:
        mlflow.log_text("x", "dir/a.txt")
    there = tmp_path / "store" / "artifacts" / "0" / run.info.run_id / "artifacts"
    download = mlflow.artifacts.download_artifacts
    assert download(run_id=run.info.run_id, artifact_path="dir/a.txt") == str(there / "dir" / "a.txt")
    assert download(run_id=run.info.run_id) == str(there)
    assert download(run_id=run.info.run_id, artifact_path="dir", dst_path="to") == str(tmp_path / "to" / "dir")


def test_a_private_folder_for_downloads(server: str, tmp_path: Path) -> None:
    mlflow.set_tracking_uri(server)
    with mlflow.start_run() as run:
        mlflow.log_text("x", "a.txt")
    path = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="a.txt"))
    assert path.read_text() == "x"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_texts_and_dicts(run_id: str) -> None:
    client = mlflow.Client()
    client.log_text(run_id, "häy", "notes/a.md")
    client.log_dict(run_id, {"a": np.float32(0.5), "b": np.arange(2), 3: [None]}, "d.json")
    client.log_dict(run_id, {"b": 1, "a": [1, "ä"]}, "d.yaml")
    client.log_dict(run_id, [1], "plain")
    load = mlflow.artifacts.load_dict
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes/a.md") == "häy"
    assert load(f"runs:/{run_id}/d.json") == {"a": 0.5, "b": [0, 1], "3": [None]}
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/d.yaml") == "b: 1\na:\n- 1\n- ä\n"
    assert load(f"runs:/{run_id}/plain") == [1]
    with pytest.raises(InvalidParameter, match="is not JSON"):
        load(f"runs:/{run_id}/notes/a.md")
    with pytest.raises(InvalidParameter, match="log_text takes a text"):
        client.log_text(run_id, b"x", "a")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="cannot be written as JSON"):
        client.log_dict(run_id, {(1, 2): 3}, "d.json")


def test_figures(run_id: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import plotly.graph_objects as go

    figure, axes = plt.subplots()
    axes.plot([1, 2])
    client = mlflow.Client()
    client.log_figure(run_id, figure, "plots/a.png", save_kwargs={"dpi": 30})
    client.log_figure(run_id, figure, "plots/a.svg")
    plt.close(figure)
    client.log_figure(run_id, go.Figure(go.Scatter(y=[1, 2])), "plots/b.html")
    assert mlflow.artifacts.load_image(f"runs:/{run_id}/plots/a.png").size == (192, 144)
    assert "<svg" in mlflow.artifacts.load_text(f"runs:/{run_id}/plots/a.svg")
    assert "plotly" in mlflow.artifacts.load_text(f"runs:/{run_id}/plots/b.html")
    with pytest.raises(InvalidParameter, match="matplotlib or plotly figure"):
        client.log_figure(run_id, "a figure", "a.png")


def test_pictures_as_files_and_in_series(run_id: str) -> None:
    client = mlflow.Client()
    array = np.zeros((300, 400, 3), dtype=np.uint8)
    client.log_image(run_id, array, "one.png")
    client.log_image(run_id, Image.new("RGBA", (4, 2)), "one.jpg")
    assert mlflow.artifacts.load_image(f"runs:/{run_id}/one.png").size == (400, 300)
    assert mlflow.artifacts.load_image(f"runs:/{run_id}/one.jpg").mode == "RGB"
    for step in (0, 23):
        client.log_image(run_id, array, key="train/dog", step=step, timestamp=17)
    names = [one.path for one in client.list_artifacts(run_id, "images")]
    assert [name.rpartition("+")[0] for name in names if name.endswith(".png")] == [
        "images/train~dog+step+0+timestamp+17",
        "images/train~dog+step+23+timestamp+17",
    ]
    small = next(name for name in names if name.endswith("+compressed.webp"))
    assert mlflow.artifacts.load_image(f"runs:/{run_id}/{small}").size == (256, 192)
    assert client.get_run(run_id).data.tags["mlflow.loggedImages"] == "True"
    with pytest.raises(InvalidParameter, match="exactly one"):
        client.log_image(run_id, array)
    with pytest.raises(InvalidParameter, match="exactly one"):
        client.log_image(run_id, array, "a.png", key="b")
    with pytest.raises(InvalidParameter, match="only together with key"):
        client.log_image(run_id, array, "a.png", step=1)
    with pytest.raises(InvalidParameter, match="letters, digits"):
        client.log_image(run_id, array, key="a+b")


@pytest.mark.parametrize("ending", ["json", "parquet"])
def test_tables_grow_and_are_read_over_runs(store: str, ending: str) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    name = f"tables/eval.{ending}"
    with mlflow.start_run(run_name="a") as first:
        mlflow.log_table({"q": ["1", "2"], "score": [0.5, 1.0]}, name)
        mlflow.log_table(pd.DataFrame({"q": ["3"], "more": ["x"]}), name)
    with mlflow.start_run(run_name="b") as second:
        mlflow.log_table({"q": "4", "score": 2.0}, name)
    with mlflow.start_run():
        mlflow.log_table({"x": [1]}, "other.json")
    noted = json.loads(mlflow.get_run(first.info.run_id).data.tags["mlflow.loggedArtifacts"])
    assert noted == [{"path": name, "type": "table"}]
    if "store" in store:  # written once more after somebody removed it, it is noted once all the same
        os.remove(mlflow.artifacts.download_artifacts(run_id=second.info.run_id, artifact_path=name))
        mlflow.Client().log_table(second.info.run_id, {"q": "4", "score": 2.0}, name)
        again = json.loads(mlflow.get_run(second.info.run_id).data.tags["mlflow.loggedArtifacts"])
        assert again == [{"path": name, "type": "table"}]
    frame = mlflow.load_table(name, extra_columns=["run_id"]).sort_values("q")
    assert frame["q"].tolist() == ["1", "2", "3", "4"]
    assert frame["run_id"].tolist() == [first.info.run_id] * 3 + [second.info.run_id]
    assert frame["score"].isna().tolist() == [False, False, True, False]
    assert mlflow.load_table(name, run_ids=[second.info.run_id])["q"].tolist() == ["4"]
    with pytest.raises(NotFound, match="has the table"):
        mlflow.load_table("never.json")
    with pytest.raises(InvalidParameter, match="no field 'nope'"):
        mlflow.load_table(name, extra_columns=["nope"])
    with mlflow.start_run(), pytest.raises(InvalidParameter, match="must end in"):
        mlflow.log_table({"a": [1]}, "table.csv")


def test_artifacts_by_address(run_id: str, tmp_path: Path) -> None:
    client = mlflow.Client()
    client.log_text(run_id, "x", "dir/a.txt")
    uri = client.artifact_uri(run_id)
    assert uri.startswith("mlflow-artifacts:/")
    artifacts = mlflow.artifacts
    assert artifacts.load_text(f"{uri}/dir/a.txt") == "x"
    assert [one.path for one in artifacts.list_artifacts(f"runs:/{run_id}/dir")] == ["dir/a.txt"]
    assert [one.path for one in artifacts.list_artifacts(run_id=run_id, artifact_path="dir")] == ["dir/a.txt"]
    assert Path(artifacts.download_artifacts(f"{uri}/dir", dst_path=tmp_path / "to")) == tmp_path / "to" / "dir"
    assert (tmp_path / "to" / "dir" / "a.txt").read_text() == "x"
    (tmp_path / "local.txt").write_text("here")
    assert artifacts.load_text(str(tmp_path / "local.txt")) == "here"
    assert artifacts.load_text(f"file://{tmp_path}/local.txt") == "here"
    assert artifacts.load_text("local.txt") == "here"
    with pytest.raises(InvalidParameter, match="Exactly one of"):
        artifacts.download_artifacts()
    with pytest.raises(InvalidParameter, match="artifact_path"):
        artifacts.download_artifacts(uri, artifact_path="dir")
    with pytest.raises(NotFound):
        artifacts.download_artifacts("models:/name/1")
    with pytest.raises(TidemillError, match="unknown scheme"):
        artifacts.download_artifacts("dbfs:/x/y")


def test_the_uri_of_an_artifact(store: str) -> None:
    with mlflow.start_run() as run:
        assert mlflow.get_artifact_uri() == run.info.artifact_uri
        assert mlflow.get_artifact_uri("a/b.txt") == f"{run.info.artifact_uri}/a/b.txt"


def test_a_logged_models_files(store: str, tree: Path, experiment_id: str) -> None:
    client = mlflow.Client()
    model_id = client.create_logged_model(experiment_id, "net").model_id
    client.log_model_artifact(model_id, str(tree / "a.txt"))
    client.log_model_artifacts(model_id, str(tree / "deep"))
    assert [one.path for one in client.list_logged_model_artifacts(model_id)] == ["a.txt", "b c%20+ü.bin", "er"]
    assert mlflow.artifacts.load_text(f"models:/{model_id}/a.txt") == "a"


def test_an_experiment_with_a_place_of_its_own(tmp_path: Path) -> None:
    mlflow.set_tracking_uri("store")
    made = mlflow.create_experiment("elsewhere", artifact_location=str(tmp_path / "over there"))
    with mlflow.start_run(experiment_id=made) as run:
        mlflow.log_text("x", "a.txt")
    assert (tmp_path / "over there" / run.info.run_id / "artifacts" / "a.txt").read_text() == "x"
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/a.txt") == "x"
