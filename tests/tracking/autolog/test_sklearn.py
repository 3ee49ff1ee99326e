import json
import pickle
import random
import subprocess
import sys
import threading

import numpy as np
import pytest
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import tidemill
from tidemill.tracking.autolog import rows


@pytest.fixture
def iris(store):
    tidemill.sklearn.autolog(log_pictures=False)
    return load_iris(return_X_y=True, as_frame=True)


def test_a_classifier(store, runs, files):
    tidemill.sklearn.autolog()
    x, y = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(C=0.5, max_iter=500).fit(x, y)
    [run] = runs()
    assert run.info.status == "FINISHED"
    assert (run.data.params["C"], run.data.params["max_iter"]) == ("0.5", "500")
    assert run.data.tags["estimator_name"] == "LogisticRegression"
    assert run.data.tags["estimator_class"] == "sklearn.linear_model._logistic.LogisticRegression"
    found, answer, shares = run.data.metrics, model.predict(x), model.predict_proba(x)
    assert found == pytest.approx(
        {
            "training_score": model.score(x, y),
            "training_accuracy_score": metrics.accuracy_score(y, answer),
            "training_precision_score": metrics.precision_score(y, answer, average="weighted"),
            "training_recall_score": metrics.recall_score(y, answer, average="weighted"),
            "training_f1_score": metrics.f1_score(y, answer, average="weighted"),
            "training_log_loss": metrics.log_loss(y, shares),
            "training_roc_auc": metrics.roc_auc_score(y, shares, average="weighted", multi_class="ovo"),
        }
    )
    stems = ("calibration_curve", "confusion_matrix", "precision_recall_curve", "roc_curve")
    assert {f"training_{stem}.{kind}" for stem in stems for kind in ("png", "json")} <= set(files(run.info.run_id))
    table = tidemill.Client().load_table(run.info.experiment_id, "training_per_class.json")
    assert table["support"].tolist() == [50, 50, 50]
    folder = tidemill.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="feature_importance.json")
    with open(folder) as file:
        assert set(json.load(file)) == set(x.columns)
    [used] = run.inputs.dataset_inputs
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "train")]


def test_a_regressor_with_weights(iris, runs, files):
    x, y = load_diabetes(return_X_y=True)
    weights = np.arange(len(y)) % 3 + 1
    model = Ridge().fit(x, y, weights)
    [run] = runs()
    assert run.data.metrics["training_score"] == pytest.approx(model.score(x, y, weights))
    squared = metrics.mean_squared_error(y, model.predict(x), sample_weight=weights)
    assert run.data.metrics["training_mean_squared_error"] == pytest.approx(squared)
    assert "training_residuals.json" in files(run.info.run_id)
    assert not any(name.endswith(".png") for name in files(run.info.run_id))


def test_meta_estimators_are_one_run(iris, runs):
    x, y = iris
    make_pipeline(StandardScaler(), PCA(2), LogisticRegression()).fit(x, y)
    StackingClassifier([("a", LogisticRegression(max_iter=500)), ("b", SVC())], n_jobs=2).fit(x, y)
    MultiOutputRegressor(LinearRegression()).fit(x, x.iloc[:, :2])
    names = [run.data.tags["estimator_name"] for run in runs()]
    assert names == ["MultiOutputRegressor", "StackingClassifier", "Pipeline"]
    params = runs()[2].data.params
    assert params["pca__n_components"] == "2"
    assert params["steps"].startswith("[('standardscaler', StandardScaler())")


def test_preparing_steps_alone_and_cross_validation_are_no_runs(iris, runs):
    x, y = iris
    StandardScaler().fit_transform(x)
    cross_val_score(LogisticRegression(max_iter=500), x, y)
    assert runs() == []


def test_without_targets(iris, runs):
    x, _ = iris
    KMeans(3, n_init=1).fit_predict(x)
    PCA(2).fit_transform(x)
    assert [run.data.tags["estimator_name"] for run in runs()] == ["PCA", "KMeans"]
    assert all("training_score" in run.data.metrics for run in runs())


def test_probabilities_that_are_not_there(iris, runs, files):
    x, y = iris
    SVC().fit(x, y)
    assert "training_log_loss" not in runs()[0].data.metrics
    assert "training_roc_curve.json" not in files(runs()[0].info.run_id)


@pytest.mark.parametrize(
    "kind, more, expected",
    [
        (GridSearchCV, {"n_jobs": 2}, 2),
        (RandomizedSearchCV, {"n_iter": 4, "random_state": 0}, 2),
        (HalvingGridSearchCV, {"random_state": 0}, 2),
        (GridSearchCV, {"scoring": ["accuracy", "f1_macro"], "refit": "accuracy"}, 2),
    ],
)
def test_a_search_has_its_best_candidates_as_runs(iris, runs, files, kind, more, expected):
    x, y = iris
    tidemill.sklearn.autolog(max_tuning_runs=2, log_pictures=False)
    search = kind(RandomForestClassifier(n_estimators=3, random_state=0), {"max_depth": [1, 2, 3, 4]}, **more).fit(x, y)
    *children, parent = sorted(runs(), key=lambda run: "best_cv_score" in run.data.metrics)
    assert parent.data.metrics["best_cv_score"] == pytest.approx(search.best_score_)
    assert parent.data.params["best_max_depth"] == str(search.best_params_["max_depth"])
    assert {"cv_results.csv", "cv_results.json"} <= set(files(parent.info.run_id))
    assert len(children) == expected
    for child in children:
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.tags["estimator_name"] == "RandomForestClassifier"
        assert child.data.params["n_estimators"] == "3" or kind is HalvingGridSearchCV
        assert child.info.status == "FINISHED"
        assert any(key.startswith("mean_test_") for key in child.data.metrics)
    depths = {child.data.params["max_depth"] for child in children}
    assert str(search.best_params_["max_depth"]) in depths


def test_all_candidates(iris, runs):
    x, y = iris
    tidemill.sklearn.autolog(max_tuning_runs=None, log_pictures=False)
    GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.1, 1, 10]}).fit(x, y)
    assert len(runs()) == 4


def test_an_estimator_of_my_own(iris, runs):
    class Constant(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):  # noqa: N803
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):  # noqa: N803
            return np.full(len(X), self.classes_[0])

    x, y = iris
    Constant().fit(x, y)
    assert runs()[0].data.metrics["training_accuracy_score"] == pytest.approx(1 / 3)


def test_scores_on_other_data_go_to_the_models_run(iris, runs, files):
    x, y = load_breast_cancer(return_X_y=True)
    x_val, y_val = x[400:], y[400:]
    model = RandomForestClassifier(5, random_state=0).fit(x[:400], y[:400])
    answer = model.predict(x_val)
    score = model.score(x_val, y_val)
    f1 = metrics.f1_score(y_val, answer)
    metrics.f1_score(y_true=y_val, y_pred=answer, average="macro")
    metrics.f1_score(y_val, 1 - answer)
    [run] = runs()
    found = run.data.metrics
    assert found["RandomForestClassifier_score_x_val"] == score
    assert found["f1_score_x_val"] == f1
    assert "f1_score-2_x_val" in found
    assert "f1_score-3_x_val" not in found
    assert found["x_val_accuracy_score"] == score
    assert {"metric_info.json", "x_val_confusion_matrix.json"} <= set(files(run.info.run_id))
    contexts = [used.tags[0].value for used in run.inputs.dataset_inputs]
    assert sorted(contexts) == ["eval", "train"]
    noted = json.loads(run.data.tags["mlflow.loggedArtifacts"])
    assert {"training_per_class.json", "x_val_per_class.json"} <= {one["path"] for one in noted}


def test_the_same_call_again_is_the_next_step(iris, runs):
    x, y = iris
    model = LogisticRegression(max_iter=500).fit(x, y)
    for _ in range(4):
        answer = model.predict(x)
        metrics.accuracy_score(y, answer)
    for part in (x[:50], x[50:100], x[100:]):
        model.score(part, y.loc[part.index])
    [run] = runs()
    assert len(tidemill.Client().get_metric_history(run.info.run_id, "accuracy_score_x")) == 4
    assert "accuracy_score-2_x" not in run.data.metrics
    assert {"part_score", "part-2_score", "part-3_score"} <= set(run.data.metrics)


def test_learning_in_parts(iris, runs):
    from sklearn.linear_model import SGDClassifier

    x, y = iris
    SGDClassifier().partial_fit(x, y, classes=[0, 1, 2])
    assert runs() == []
    model = SGDClassifier(random_state=1)
    with tidemill.start_run():
        for _ in range(3):
            model.partial_fit(x, y, classes=[0, 1, 2])
        model.score(x, y)
    [run] = runs()
    assert run.data.params["random_state"] == "1"
    assert "SGDClassifier_score_x" in run.data.metrics


def test_post_training_metrics_can_be_left_out(store, runs):
    tidemill.sklearn.autolog(log_pictures=False, log_post_training_metrics=False)
    x, y = load_iris(return_X_y=True)
    LogisticRegression(max_iter=500).fit(x, y).score(x, y)
    assert "LogisticRegression_score_x" not in runs()[0].data.metrics


def test_the_result_is_what_it_would_be_without(store, runs):
    x, y = load_iris(return_X_y=True)

    def trained():
        random.seed(3)
        np.random.seed(3)
        model = RandomForestClassifier(4).fit(x, y)
        return pickle.dumps(model), np.random.random(), random.random()

    before = trained()
    tidemill.sklearn.autolog()
    assert trained() == before
    assert len(runs()) == 1


def test_the_data_is_not_kept_alive(iris):
    import gc
    import weakref

    x, y = load_iris(return_X_y=True)
    x = x.copy()
    model = LogisticRegression(max_iter=500).fit(x, y)
    answer = model.predict(x)
    watched = [weakref.ref(one) for one in (x, answer, model)]
    del x, answer, model
    gc.collect()
    assert [one() is None for one in watched] == [True, True, True]


def test_what_locals_answered_stays(iris):
    x, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(x, y)
    mine = locals()
    model.predict(x)
    assert mine["x"] is x


def test_sparse_data_and_lists(iris, runs):
    from scipy.sparse import csr_matrix

    x, y = load_iris(return_X_y=True)
    LogisticRegression(max_iter=500).fit(csr_matrix(x), y)
    LogisticRegression(max_iter=500).fit(x.tolist(), y.tolist())
    assert [len(run.inputs.dataset_inputs) for run in runs()] == [1, 1]
    assert runs()[0].data.metrics["training_score"] == pytest.approx(runs()[1].data.metrics["training_score"])


def test_slow_predictions_are_made_for_some_rows_only(iris, runs, monkeypatch):
    monkeypatch.setattr(rows, "_LEAST_SECONDS", 0.0)

    class Slow(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):  # noqa: N803
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):  # noqa: N803
            import time

            time.sleep(len(X) * 1e-5)
            return np.zeros(len(X))

    x = np.zeros((100_000, 1))
    Slow().fit(x, np.zeros(100_000))
    [run] = runs()
    assert run.data.tags["tidemill.autolog.training_rows"] == "10000 of 100000"
    assert run.data.metrics["training_accuracy_score"] == 1


def test_a_class_of_the_main_script_goes_to_worker_processes(tmp_path):
    program = """
import tidemill
tidemill.autolog(log_pictures=False)
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
import numpy as np

class Mine(ClassifierMixin, BaseEstimator):
    def __init__(self, a=1):
        self.a = a
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self
    def predict(self, X):
        return np.full(len(X), self.classes_[0])

GridSearchCV(Mine(), {"a": [1, 2]}, n_jobs=2).fit(*load_iris(return_X_y=True))
print(len(tidemill.search_runs(output_format="list")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_many_threads(iris, runs):
    x, y = iris
    threads = [threading.Thread(target=LogisticRegression(max_iter=500).fit, args=(x, y)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.info.status for run in runs()] == ["FINISHED"] * 4


@pytest.mark.parametrize("broken", ["log_batch", "create_run", "log_inputs", "files_of", "set_terminated", "get_run"])
def test_a_broken_client_changes_nothing(iris, complaints, monkeypatch, broken):
    x, y = iris
    tidemill.autolog(disable=True)
    expected = LogisticRegression(max_iter=500).fit(x, y).coef_
    tidemill.sklearn.autolog(log_pictures=False)

    def refuse(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(tidemill.Client, broken, refuse)
    for _ in range(2):
        model = LogisticRegression(max_iter=500).fit(x, y)
        assert (model.coef_ == expected).all()
        model.score(x, y)
    assert len(complaints) == len(set(complaints))
    assert bool(complaints) == (broken != "get_run")
    assert all("no space left" in one for one in complaints)


def test_a_broken_evaluation_leaves_the_rest(iris, runs, complaints, monkeypatch):
    from tidemill.tracking.autolog import evaluation

    monkeypatch.setattr(evaluation, "classification", lambda *args: 1 / 0)
    x, y = iris
    LogisticRegression(max_iter=500).fit(x, y)
    LogisticRegression(max_iter=500).fit(x, y)
    assert len(complaints) == 1
    assert runs()[0].data.params["max_iter"] == "500"


def test_warnings_as_errors_stay_in_the_training(iris, runs, complaints):
    x, y = iris
    with pytest.warns(Warning, match="lbfgs failed to converge"):
        LogisticRegression(max_iter=2).fit(x, y)
    assert runs()[0].info.status == "FINISHED"
    assert complaints == []
