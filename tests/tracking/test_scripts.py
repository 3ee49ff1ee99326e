"""Scripts as they are written for MLflow, run with `import tidemill as mlflow` and no other change."""

from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

import tidemill

Script = Callable[..., "CompletedProcess[str]"]

TRAINING = """
import tidemill as mlflow
from tidemill.tracking import MlflowClient
from tidemill.entities import Metric, Param, RunTag, ViewType

import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import train_test_split

mlflow.set_experiment("diabetes")
X, y = load_diabetes(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

with mlflow.start_run(run_name="sweep") as parent:
    mlflow.log_input(mlflow.data.from_pandas(X_train.assign(target=y_train), targets="target"), context="training")
    for alpha in (0.01, 0.1, 1.0):
        with mlflow.start_run(nested=True, run_name=f"alpha {alpha}", description="one of a sweep"):
            model = ElasticNet(alpha=alpha, random_state=42).fit(X_train, y_train)
            predicted = model.predict(X_test)
            mlflow.log_param("alpha", alpha)
            mlflow.log_metrics({"rmse": np.sqrt(mean_squared_error(y_test, predicted)), "r2": r2_score(y_test, predicted)})
            for step, value in enumerate(np.cumsum(np.abs(y_test - predicted)) / np.arange(1, len(y_test) + 1)):
                mlflow.log_metric("running_error", value, step=step)
            figure, axes = plt.subplots()
            axes.scatter(y_test, predicted)
            mlflow.log_figure(figure, "plots/residuals.png")
            plt.close(figure)
            mlflow.log_dict({"coefficients": dict(zip(X.columns, model.coef_))}, "model/coefficients.json")
            mlflow.log_table(pd.DataFrame({"y": y_test, "predicted": predicted}), "predictions.json")
            mlflow.set_tag("estimator", type(model).__name__)

runs = mlflow.search_runs(
    experiment_names=["diabetes"],
    filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}' and metrics.r2 > -1",
    order_by=["metrics.rmse ASC"],
)
best = runs.iloc[0]
print("best alpha", best["params.alpha"], "of", len(runs))

client = MlflowClient()
client.set_tag(best.run_id, "best", "true")
history = client.get_metric_history(best.run_id, "running_error")
assert [point.step for point in history] == list(range(len(y_test)))
client.log_batch(parent.info.run_id, [Metric("best_rmse", best["metrics.rmse"], 0, 0)], [Param("n", "3")], [RunTag("a", "b")])
path = mlflow.artifacts.download_artifacts(run_id=best.run_id, artifact_path="model/coefficients.json")
print(open(path).read()[:20])
assert [f.path for f in client.list_artifacts(best.run_id)] == ["model", "plots", "predictions.json"]
experiment = mlflow.get_experiment_by_name("diabetes")
assert len(client.search_runs([experiment.experiment_id], run_view_type=ViewType.ACTIVE_ONLY, max_results=2)) == 2
try:
    client.log_param(best.run_id, "alpha", 7)
except mlflow.exceptions.MlflowException as error:
    print(error.error_code)
"""


@pytest.mark.parametrize("where", ["embedded", "http"])
def test_a_tutorial_training(where: str, script: Script, request: pytest.FixtureRequest) -> None:
    pytest.importorskip("sklearn")
    env = {} if where == "embedded" else {"MLFLOW_TRACKING_URI": request.getfixturevalue("server")}
    done = script(TRAINING, **env)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("best alpha 0.")
    assert lines[0].endswith("of 3")
    assert lines[-1] == "INVALID_PARAMETER_VALUE"
    assert done.stderr == ""


def test_two_trainings_at_once_in_one_folder(script: Script) -> None:
    program = (
        "import tidemill as mlflow, sys, subprocess\n"
        'code = "import tidemill as mlflow\\n'
        "with mlflow.start_run():\\n for step in range(200): mlflow.log_metric('m', step, step=step)\"\n"
        "many = [subprocess.Popen([sys.executable, '-c', code]) for _ in range(3)]\n"
        "assert [one.wait() for one in many] == [0, 0, 0]\n"
    )
    script(program)
    runs = tidemill.search_runs(output_format="list")
    assert [run.data.metrics for run in runs] == [{"m": 199.0}] * 3
