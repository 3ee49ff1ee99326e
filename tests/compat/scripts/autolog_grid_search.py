"""scikit-learn's autologging, with a grid search: a parent run and its children, logged in batches."""

import mlflow
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, train_test_split

mlflow.set_experiment(f"autolog {mlflow.__version__}")
mlflow.sklearn.autolog(max_tuning_runs=4)

features, target = load_iris(return_X_y=True, as_frame=True)
train_x, test_x, train_y, test_y = train_test_split(features, target, random_state=0)

forest = RandomForestClassifier(n_estimators=5, max_depth=2, random_state=0)
with mlflow.start_run(run_name="forest") as run:
    forest.fit(train_x, train_y)
    forest.score(test_x, test_y)

found = mlflow.get_run(run.info.run_id)
assert found.data.params["n_estimators"] == "5"
assert found.data.metrics["training_accuracy_score"] > 0.8
assert any(key.startswith("RandomForestClassifier_score") for key in found.data.metrics), found.data.metrics
assert found.data.tags["estimator_name"] == "RandomForestClassifier"
assert found.inputs.dataset_inputs, "autologging notes the training data"
contexts = {tag.value for item in found.inputs.dataset_inputs for tag in item.tags}
assert "train" in contexts, contexts

search = GridSearchCV(
    RandomForestClassifier(random_state=0), {"n_estimators": [2, 4], "max_depth": [1, 2, 3]}, cv=2, n_jobs=1
)
with mlflow.start_run(run_name="search") as parent:
    search.fit(train_x, train_y)

found = mlflow.get_run(parent.info.run_id)
assert found.data.params["best_max_depth"] in ("1", "2", "3")
assert found.data.metrics["best_cv_score"] > 0.5
children = mlflow.search_runs(
    filter_string=f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'", order_by=["metrics.mean_test_score DESC"]
)
assert len(children) == 4, children
assert set(children["status"]) == {"FINISHED"}
assert children["metrics.mean_test_score"].is_monotonic_decreasing
files = {item.path for item in mlflow.MlflowClient().list_artifacts(parent.info.run_id)}
assert "cv_results.csv" in files, files

if int(mlflow.__version__.split(".")[0]) >= 3:
    models = mlflow.search_logged_models(output_format="list", filter_string="name = 'best_estimator'")
    assert len(models) == 1, models
    loaded = mlflow.sklearn.load_model(models[0].model_uri)
else:
    loaded = mlflow.sklearn.load_model(f"runs:/{parent.info.run_id}/best_estimator")
assert loaded.predict(test_x).shape == (len(test_x),)
print("autolog: all good")
