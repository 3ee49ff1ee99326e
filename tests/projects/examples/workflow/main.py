"""Two steps, each a run of its own inside this one, started with MLflow's own `mlflow.run`."""

import sys

import mlflow

with mlflow.start_run() as outer:
    loaded = mlflow.run(".", "load", parameters={"rows": sys.argv[1]}, env_manager="local")
    data = mlflow.artifacts.download_artifacts(run_id=loaded.run_id, artifact_path="data/rows.csv")
    trained = mlflow.run(".", "train", parameters={"data": data, "alpha": "0.2"}, env_manager="local")
    found = mlflow.tracking.MlflowClient().get_run(trained.run_id).data.metrics
    mlflow.log_metrics(found)
    mlflow.log_param("trained", trained.run_id)
