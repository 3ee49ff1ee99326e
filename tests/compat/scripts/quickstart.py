"""The first tutorial: train, log everything there is to log, search, come back to a run, delete and restore."""

import json
import os
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split

NAME = f"quickstart {mlflow.__version__}"
experiment = mlflow.set_experiment(NAME)
assert experiment.name == NAME
assert mlflow.get_experiment_by_name(NAME).experiment_id == experiment.experiment_id
assert mlflow.get_experiment_by_name("no such experiment") is None

features, target = load_diabetes(return_X_y=True)
train_x, test_x, train_y, test_y = train_test_split(features, target, random_state=0)

for alpha in (0.01, 0.1, 1.0):
    with mlflow.start_run(run_name=f"alpha {alpha}", tags={"stage": "search"}) as run:
        mlflow.log_params({"alpha": alpha, "l1_ratio": 0.5, "text": "ünïcødé 🚂", "empty": ""})
        mlflow.log_param("single", [1, 2])
        model = ElasticNet(alpha=alpha, l1_ratio=0.5).fit(train_x, train_y)
        predicted = model.predict(test_x)
        mlflow.log_metric("mae", mean_absolute_error(test_y, predicted))
        mlflow.log_metrics({"r2": r2_score(test_y, predicted), "alpha twice": 2 * alpha}, step=3)
        for step in range(20):
            mlflow.log_metric("loss", 1 / (1 + step + alpha), step=step)
        mlflow.set_tags({"kind": "elastic net", "stage": "done"})
        mlflow.set_tag("mlflow.note.content", "# A note")

runs = mlflow.search_runs(order_by=["metrics.mae ASC"])
assert len(runs) == 3
assert runs["metrics.mae"].is_monotonic_increasing
assert set(runs["params.alpha"]) == {"0.01", "0.1", "1.0"}
assert set(runs["status"]) == {"FINISHED"}
assert set(runs["tags.stage"]) == {"done"}
assert set(runs["params.text"]) == {"ünïcødé 🚂"}
assert len(mlflow.search_runs(filter_string="params.alpha = '0.1' AND metrics.r2 > -5")) == 1
assert len(mlflow.search_runs(filter_string="attributes.status = 'FINISHED' and tags.kind LIKE 'elastic%'")) == 3
assert len(mlflow.search_runs(filter_string="metrics.`alpha twice` >= 0.2", max_results=1)) == 1
assert mlflow.search_runs(filter_string="tags.stage = 'search'").empty
assert len(mlflow.search_runs(experiment_names=[NAME], output_format="list")) == 3

with mlflow.start_run(run_name="files", description="what runs can hold") as run:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "plain.txt").write_text("plain")
        (Path(folder) / "deep").mkdir()
        (Path(folder) / "deep" / "inner.json").write_text('{"a": 1}')
        mlflow.log_artifact(os.path.join(folder, "plain.txt"))
        mlflow.log_artifact(os.path.join(folder, "plain.txt"), artifact_path="copies/of")
        mlflow.log_artifacts(folder, artifact_path="tree")
    mlflow.log_text("some text", "notes/text.txt")
    mlflow.log_dict({"k": [1, 2.5, None]}, "data.json")
    mlflow.log_dict({"k": "v"}, "data.yaml")
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    mlflow.log_figure(figure, "figures/line.png")
    mlflow.log_image(np.zeros((8, 8, 3), dtype=np.uint8), "black.png")
    for step in (0, 7):
        mlflow.log_image(np.full((8, 8, 3), step, dtype=np.uint8), key="dog", step=step)
    mlflow.log_table({"q": ["a", "b"], "n": [1, 2]}, artifact_file="table.json")
    mlflow.log_table(pd.DataFrame({"q": ["c"], "n": [3]}), artifact_file="table.json")
    assert mlflow.get_artifact_uri("notes").endswith(f"/{run.info.run_id}/artifacts/notes")

client = mlflow.MlflowClient()
top = {item.path: item for item in client.list_artifacts(run.info.run_id)}
assert {"plain.txt", "copies", "tree", "notes", "data.json", "data.yaml", "figures", "black.png", "table.json"} <= set(
    top
)
assert top["plain.txt"].file_size == 5
assert top["tree"].is_dir
assert [item.path for item in client.list_artifacts(run.info.run_id, "tree/deep")] == ["tree/deep/inner.json"]
assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/text.txt") == "some text"
assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/data.json") == {"k": [1, 2.5, None]}
assert mlflow.artifacts.load_image(f"{run.info.artifact_uri}/figures/line.png").size[0] > 100
table = mlflow.load_table("table.json", run_ids=[run.info.run_id])
assert sorted(table["n"]) == [1, 2, 3]
images = [item.path for item in client.list_artifacts(run.info.run_id, "images")]
assert len(images) >= 4
with tempfile.TemporaryDirectory() as folder:
    mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=folder)
    found = {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}
    assert {"plain.txt", "copies/of/plain.txt", "tree/plain.txt", "tree/deep/inner.json", "black.png", *images} <= found
    assert json.loads((Path(folder) / "tree/deep/inner.json").read_text()) == {"a": 1}

with mlflow.start_run(run_name="parent") as parent:
    for number in range(3):
        with mlflow.start_run(run_name=f"child {number}", nested=True):
            mlflow.log_metric("number", number)
children = mlflow.search_runs(
    filter_string=f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'", order_by=["metrics.number DESC"]
)
assert list(children["metrics.number"]) == [2, 1, 0]
assert mlflow.get_parent_run(children["run_id"][0]).info.run_id == parent.info.run_id

with mlflow.start_run(run_id=parent.info.run_id):
    assert mlflow.active_run().info.status == "RUNNING"
    mlflow.log_metric("later", 1)
again = mlflow.get_run(parent.info.run_id)
assert again.data.metrics == {"later": 1.0}
assert again.info.status == "FINISHED"
assert again.info.end_time >= again.info.start_time
assert mlflow.last_active_run().info.run_id == parent.info.run_id

mlflow.delete_run(parent.info.run_id)
assert mlflow.get_run(parent.info.run_id).info.lifecycle_stage == "deleted"
assert parent.info.run_id not in set(mlflow.search_runs()["run_id"])
client.restore_run(parent.info.run_id)
assert parent.info.run_id in set(mlflow.search_runs()["run_id"])

try:
    with mlflow.start_run(run_name="fails") as failed:
        raise KeyError("on purpose")
except KeyError:
    assert mlflow.get_run(failed.info.run_id).info.status == "FAILED"

mlflow.set_experiment_tag("owner", "me")
assert mlflow.get_experiment(experiment.experiment_id).tags["owner"] == "me"
mlflow.delete_experiment(experiment.experiment_id)
assert mlflow.get_experiment(experiment.experiment_id).lifecycle_stage == "deleted"
client.restore_experiment(experiment.experiment_id)
assert len(mlflow.search_experiments(filter_string=f"name = '{NAME}'")) == 1
print("quickstart: all good")
