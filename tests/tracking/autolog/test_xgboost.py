import json

import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import GridSearchCV

import tidemill

xgboost = pytest.importorskip("xgboost")

PARAMS = {"objective": "binary:logistic", "eta": 0.5, "eval_metric": ["logloss", "error@0.7"]}


@pytest.fixture
def matrices(store):
    tidemill.xgboost.autolog(log_pictures=False)
    x, y = load_breast_cancer(return_X_y=True)
    return xgboost.DMatrix(x[:400], y[:400]), xgboost.DMatrix(x[400:], y[400:])


def test_train(matrices, runs, files):
    train, valid = matrices
    log = {}
    booster = xgboost.train(
        PARAMS, train, 6, evals=[(train, "train"), (valid, "valid")], evals_result=log, verbose_eval=False
    )
    assert booster.num_boosted_rounds() == 6
    [run] = runs()
    assert run.data.params["eta"] == "0.5"
    assert run.data.params["num_boost_round"] == "6"
    history = tidemill.Client().get_metric_history(run.info.run_id, "valid-logloss")
    assert [(point.step, point.value) for point in history] == list(enumerate(log["valid"]["logloss"]))
    assert "train-error_at_0.7" in run.data.metrics
    path = tidemill.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="feature_importance_gain.json")
    with open(path) as file:
        assert json.load(file) == pytest.approx(booster.get_score(importance_type="gain"))
    assert [used.tags[0].value for used in run.inputs.dataset_inputs] == ["train", "eval"]


@pytest.mark.parametrize("as_callback", [False, True])
def test_early_stopping(matrices, runs, as_callback):
    train, valid = matrices
    mine = [xgboost.callback.EarlyStopping(rounds=2)]
    how = {"callbacks": mine} if as_callback else {"early_stopping_rounds": 2}
    booster = xgboost.train(PARAMS, train, 50, evals=[(valid, "valid")], verbose_eval=False, **how)
    found = runs()[0].data.metrics
    assert found["best_iteration"] == booster.best_iteration
    assert found["stopped_iteration"] == booster.best_iteration + 2
    history = tidemill.Client().get_metric_history(runs()[0].info.run_id, "valid-error_at_0.7")
    assert len(mine) == 1
    assert [point.step for point in history] == list(range(booster.best_iteration + 4))
    assert history[-1].value == history[booster.best_iteration].value == booster.best_score


def test_an_estimator(matrices, runs, files):
    x, y = load_iris(return_X_y=True)
    model = xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(
        x[::2], y[::2], eval_set=[(x[1::2], y[1::2])], verbose=False
    )
    score = model.score(x, y)
    [run] = runs()
    assert run.data.params["objective"] == "multi:softprob"
    assert run.data.params["n_estimators"] == "3"
    assert run.data.tags["estimator_name"] == "XGBClassifier"
    assert len(tidemill.Client().get_metric_history(run.info.run_id, "validation_0-mlogloss")) == 3
    assert run.data.metrics["XGBClassifier_score_x"] == score
    assert "training_accuracy_score" in run.data.metrics
    assert "feature_importance_weight.json" in files(run.info.run_id)


def test_in_a_search_of_scikit_learn(matrices, runs):
    tidemill.autolog(log_pictures=False)
    x, y = load_iris(return_X_y=True)
    GridSearchCV(xgboost.XGBClassifier(n_estimators=2), {"max_depth": [1, 2]}, cv=2).fit(x, y)
    assert [run.data.tags["mlflow.autologging"] for run in runs()] == ["sklearn"] * 3


def test_a_broken_client_changes_nothing(matrices, complaints, monkeypatch):
    train, valid = matrices
    tidemill.xgboost.autolog(disable=True)
    expected = xgboost.train(PARAMS, train, 5).get_dump()
    tidemill.xgboost.autolog(log_pictures=False)
    monkeypatch.setattr(tidemill.Client, "log_batch", lambda *args: 1 / 0)
    assert xgboost.train(PARAMS, train, 5, evals=[(valid, "v")], verbose_eval=False).get_dump() == expected
    assert len(complaints) == 1


def test_cross_validation(matrices, runs, files):
    train, _ = matrices
    params = {**PARAMS, "eval_metric": "logloss"}
    found = xgboost.cv(params, train, 80, nfold=3, early_stopping_rounds=2, seed=1)
    [run] = runs()
    history = tidemill.Client().get_metric_history(run.info.run_id, "test-logloss-mean")
    assert [point.value for point in history] == found["test-logloss-mean"].tolist()
    assert run.data.metrics["best_iteration"] == len(found) - 1
    assert run.data.params["nfold"] == "3"
    assert "cv_results.json" in files(run.info.run_id)
    assert [used.tags[0].value for used in run.inputs.dataset_inputs] == ["train"]


def test_predictions_of_a_booster_are_judged_in_its_run(matrices, runs):
    from sklearn.metrics import roc_auc_score

    train, test = matrices
    booster = xgboost.train(PARAMS, train, 5)
    y_test = test.get_label().astype(int)
    area = roc_auc_score(y_test, booster.predict(test))
    roc_auc_score(y_test, booster.predict(test, output_margin=True))
    [run] = runs()
    assert run.data.metrics["roc_auc_score_test"] == area
    assert run.data.metrics["test_roc_auc"] == pytest.approx(area)
    assert run.data.metrics["test_accuracy_score"] == ((booster.predict(test) > 0.5) == y_test).mean()
    assert not [name for name in run.data.metrics if "-2" in name]


def test_predictions_of_classes_and_numbers(matrices, runs):
    from sklearn.metrics import mean_squared_error, top_k_accuracy_score

    x, y = load_iris(return_X_y=True)
    data = xgboost.DMatrix(x, y)
    classes = xgboost.train({"objective": "multi:softprob", "num_class": 3}, data, 2)
    top_k_accuracy_score(y, classes.predict(data), k=1)
    numbers = xgboost.train({"objective": "reg:squarederror"}, data, 2)
    error = mean_squared_error(y, numbers.predict(data))
    regression, classification = runs()
    assert classification.data.metrics["data_accuracy_score"] > 0.9
    assert regression.data.metrics["data_mean_squared_error"] == pytest.approx(error)
