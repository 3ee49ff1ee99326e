"""Models: logged, listed, found again, loaded. MLflow 3 has logged models of their own, 2 has folders of runs."""

import json

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

V3 = int(mlflow.__version__.split(".")[0]) >= 3
experiment = mlflow.set_experiment(f"models {mlflow.__version__}")
client = mlflow.MlflowClient()

features = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0)[::-1]})
target = (features["a"] > 9).astype(int)
model = LogisticRegression().fit(features, target)
signature = infer_signature(features, model.predict(features))

with mlflow.start_run(run_name="logs a model") as run:
    named = {"name": "classifier"} if V3 else {"artifact_path": "classifier"}
    info = mlflow.sklearn.log_model(model, signature=signature, input_example=features.head(2), **named)

assert mlflow.sklearn.load_model(info.model_uri).predict(features).tolist() == target.tolist()
by_run = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/classifier")
assert by_run.predict(features).tolist() == target.tolist()
assert by_run.metadata.get_input_schema().input_names() == ["a", "b"]
found = mlflow.models.get_model_info(info.model_uri)
assert found.signature == signature

if not V3:
    history = json.loads(client.get_run(run.info.run_id).data.tags["mlflow.log-model.history"])
    assert [one["artifact_path"] for one in history] == ["classifier"]
    files = {item.path for item in client.list_artifacts(run.info.run_id, "classifier")}
    assert {"classifier/MLmodel", "classifier/requirements.txt"} <= files
    print("log_model: all good")
    raise SystemExit

assert info.model_id.startswith("m-")
logged = mlflow.get_logged_model(info.model_id)
assert logged.name == "classifier"
assert str(logged.status) == "READY"
assert logged.source_run_id == run.info.run_id
assert mlflow.sklearn.load_model(f"models:/{info.model_id}").coef_.shape == (1, 2)
run_again = client.get_run(run.info.run_id)
assert [one.model_id for one in run_again.outputs.model_outputs] == [info.model_id]
files = {item.path for item in client.list_logged_model_artifacts(info.model_id)}
assert {"MLmodel", "requirements.txt"} <= files, files

# Metrics that belong to a model, on a data set.
data = mlflow.data.from_pandas(features.assign(target=target), name="numbers", targets="target")
with mlflow.start_run(run_name="evaluates"):
    mlflow.log_input(data, context="testing")
    mlflow.log_metrics({"accuracy": 0.9, "f1": 0.8}, dataset=data, model_id=info.model_id)
    mlflow.log_metric("accuracy", 0.95, step=1, model_id=info.model_id)
metrics = {(m.key, m.value, m.dataset_name) for m in mlflow.get_logged_model(info.model_id).metrics}
assert metrics == {("accuracy", 0.9, "numbers"), ("f1", 0.8, "numbers"), ("accuracy", 0.95, None)}, metrics

# Models made by hand, with params in more than one request, tags, and their search.
for number in range(3):
    made = mlflow.initialize_logged_model(
        name=f"by hand {number}", params={f"p{place}": str(place) for place in range(150)}, tags={"kind": "hand"}
    )
    if number == 2:
        mlflow.finalize_logged_model(made.model_id, "FAILED")
    else:
        mlflow.finalize_logged_model(made.model_id, "READY")
    mlflow.set_logged_model_tags(made.model_id, {"number": number, "gone": "soon"})
    mlflow.delete_logged_model_tag(made.model_id, "gone")
    mlflow.log_model_params({"later": number}, model_id=made.model_id)
assert len(mlflow.get_logged_model(made.model_id).params) == 151
assert mlflow.get_logged_model(made.model_id).tags["number"] == "2"
assert "gone" not in mlflow.get_logged_model(made.model_id).tags


def names(**asked):
    return [one.name for one in mlflow.search_logged_models(output_format="list", **asked)]


by_name = [{"field_name": "name", "ascending": False}]
assert names(filter_string="tags.kind = 'hand'", order_by=by_name) == ["by hand 2", "by hand 1", "by hand 0"]
assert names(filter_string="params.later = '1'") == ["by hand 1"]
assert names(filter_string="metrics.accuracy > 0.8") == ["classifier"]
assert names(filter_string="name LIKE 'by%'", max_results=2, order_by=[{"field_name": "name"}]) == [
    "by hand 0",
    "by hand 1",
]
page = client.search_logged_models([experiment.experiment_id], max_results=3)
assert page.token
assert len(page) == 3
rest = client.search_logged_models([experiment.experiment_id], max_results=3, page_token=page.token)
assert len(rest) == 1
assert not rest.token
frame = mlflow.search_logged_models()
assert len(frame) == 4

client.delete_logged_model(made.model_id)
assert len(mlflow.search_logged_models()) == 3
try:
    mlflow.get_logged_model(made.model_id)
except mlflow.MlflowException as error:
    refused = error
assert refused.error_code == "RESOURCE_DOES_NOT_EXIST", refused

external = mlflow.create_external_model(name="elsewhere", params={"where": "?"}, model_type="agent")
assert mlflow.get_logged_model(external.model_id).model_type == "agent"
mlflow.set_active_model(name="elsewhere")
assert mlflow.get_active_model_id() == external.model_id
print("log_model: all good")
