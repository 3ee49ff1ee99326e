"""Autologging keeps the models themselves."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import tidemill

pytest.importorskip("skops")


@pytest.fixture
def iris(store):
    tidemill.sklearn.autolog(log_pictures=False)
    return load_iris(return_X_y=True, as_frame=True)


def names(run):
    return [tidemill.get_logged_model(one.model_id).name for one in run.outputs.model_outputs]


def test_a_trained_model_comes_back_from_its_run(iris, runs):
    x, y = iris
    model = RandomForestClassifier(3).fit(x, y)
    [run] = runs()
    uri = f"runs:/{run.info.run_id}/model"
    np.testing.assert_array_equal(tidemill.sklearn.load_model(uri).predict(x), model.predict(x))
    loaded = tidemill.pyfunc.load_model(uri)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert loaded.metadata.signature.inputs.input_names() == list(x.columns)
    assert loaded.metadata.signature.outputs is not None
    assert loaded.input_example is None


def test_two_trainings_in_a_run_are_two_models(iris, runs):
    x, y = iris
    with tidemill.start_run():
        LogisticRegression(max_iter=400).fit(x, y)
        LogisticRegression(max_iter=500).fit(x, y)
    [run] = runs()
    assert names(run) == ["model", "model-2"]
    assert tidemill.sklearn.load_model(f"runs:/{run.info.run_id}/model-2").max_iter == 500


def test_what_cannot_predict_and_searches(iris, runs):
    x, y = iris
    PCA(2).fit(x)
    GridSearchCV(LogisticRegression(max_iter=500), {"C": [1, 2]}, cv=2).fit(x, y)
    KMeans(2, n_init=1).fit_predict(x)
    clusters, *_, search, pca = (run for run in runs() if run.outputs.model_outputs)
    assert tidemill.sklearn.load_model(f"runs:/{pca.info.run_id}/model").n_components_ == 2
    assert len(tidemill.sklearn.load_model(f"runs:/{search.info.run_id}/model").predict(x)) == len(x)
    assert len(tidemill.pyfunc.load_model(f"runs:/{clusters.info.run_id}/model").predict(x)) == len(x)


def test_options(iris, runs):
    x, y = iris
    options = {"log_input_examples": True, "registered_model_name": "iris", "log_pictures": False}
    tidemill.sklearn.autolog(log_model_signatures=False, **options)
    LogisticRegression(max_iter=500).fit(x, y)
    loaded = tidemill.pyfunc.load_model("models:/iris/1")
    assert loaded.input_example.equals(x.head(5))
    tidemill.sklearn.autolog(log_models=False, log_pictures=False)
    LogisticRegression(max_iter=500).fit(x, y)
    assert names(runs()[0]) == []
    assert names(runs()[1]) == ["model"]


def test_the_model_is_in_the_runs_experiment(iris, runs):
    elsewhere = tidemill.create_experiment("elsewhere")
    with tidemill.start_run(experiment_id=elsewhere) as run:
        LogisticRegression(max_iter=500).fit(*iris)
    [made] = tidemill.get_run(run.info.run_id).outputs.model_outputs
    assert tidemill.get_logged_model(made.model_id).experiment_id == elsewhere


def test_what_skops_cannot_write_is_said_once_and_left_out(iris, runs, complaints):
    x, y = iris

    class Strange(LogisticRegression):
        def fit(self, x, y):
            super().fit(x, y)
            self.rest_ = (one for one in ())
            return self

    for _ in range(2):
        Strange(max_iter=500).fit(x, y)
    assert len(complaints) == 1
    assert "the model failed" in complaints[0]
    assert [names(run) for run in runs()] == [[], []]
    assert runs()[0].info.status == "FINISHED"


def test_boosters_and_their_estimators(store, runs):
    xgboost, lightgbm = pytest.importorskip("xgboost"), pytest.importorskip("lightgbm")
    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    x = x.iloc[:, :5].rename(columns=lambda name: name.replace(" ", "_"))
    tidemill.xgboost.autolog(log_pictures=False)
    tidemill.lightgbm.autolog(log_pictures=False)
    made = [
        xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(x, y), 2),
        xgboost.XGBClassifier(n_estimators=2).fit(x, y),
        lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(x, y), 2),
        lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(x, y),
    ]
    for run, model in zip(reversed(runs()), made, strict=True):
        assert names(run) == ["model"]
        loaded = tidemill.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
        assert loaded.metadata.signature.inputs.input_names() == list(x.columns)
        expected = model.predict(xgboost.DMatrix(x)) if isinstance(model, xgboost.Booster) else model.predict(x)
        np.testing.assert_array_equal(loaded.predict(x), expected)


def test_statsmodels(store, runs):
    sm = pytest.importorskip("statsmodels.api")
    tidemill.statsmodels.autolog(log_pictures=False)
    x, y = load_iris(return_X_y=True, as_frame=True)
    results = sm.OLS(y, x).fit()
    uri = f"runs:/{runs()[0].info.run_id}/model"
    np.testing.assert_array_equal(tidemill.statsmodels.load_model(uri, allow_pickle=True).params, results.params)
