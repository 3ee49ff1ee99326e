import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

import tidemill

lightgbm = pytest.importorskip("lightgbm")

PARAMS = {"objective": "binary", "learning_rate": 0.5, "metric": ["binary_logloss", "auc"], "verbose": -1}


@pytest.fixture
def sets(store):
    tidemill.lightgbm.autolog(log_pictures=False)
    x, y = load_breast_cancer(return_X_y=True)
    return lightgbm.Dataset(x[:400], y[:400]), lightgbm.Dataset(x[400:], y[400:])


def test_train_with_early_stopping(sets, runs, files):
    train, valid = sets
    log = {}
    mine = [lightgbm.early_stopping(3, verbose=False), lightgbm.record_evaluation(log)]
    booster = lightgbm.train(PARAMS, train, 60, [train, valid], ["train", "valid"], callbacks=mine)
    [run] = runs()
    assert len(mine) == 2
    assert run.data.params["learning_rate"] == "0.5"
    assert run.data.params["num_boost_round"] == "60"
    history = tidemill.Client().get_metric_history(run.info.run_id, "valid-auc")
    assert [point.value for point in history[:-1]] == log["valid"]["auc"]
    assert run.data.metrics["best_iteration"] == booster.best_iteration
    assert run.data.metrics["stopped_iteration"] == len(log["valid"]["auc"])
    assert history[-1].value == log["valid"]["auc"][booster.best_iteration - 1]
    assert {f"feature_importance_{kind}.json" for kind in ("gain", "split")} <= set(files(run.info.run_id))
    assert [(used.dataset.name, used.tags[0].value) for used in run.inputs.dataset_inputs] == [
        ("dataset", "train"),
        ("valid", "eval"),
    ]


@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
def test_an_estimator(sets, runs):
    x, y = load_diabetes(return_X_y=True)
    lightgbm.LGBMRegressor(n_estimators=4, verbose=-1).fit(x, y, eval_set=[(x, y)])
    [run] = runs()
    assert run.data.params["objective"] == "regression"
    assert run.data.params["n_estimators"] == "4"
    assert len(tidemill.Client().get_metric_history(run.info.run_id, "training-l2")) == 4
    assert "training_r2_score" in run.data.metrics


def test_without_validation(sets, runs):
    train, _ = sets
    lightgbm.train(PARAMS, train, 3)
    assert runs()[0].data.metrics == {}


def test_a_broken_client_changes_nothing(store, complaints, monkeypatch):
    x, y = load_breast_cancer(return_X_y=True)

    def trained():
        return lightgbm.train(PARAMS, lightgbm.Dataset(x, y), 5).model_to_string()

    expected = trained()
    tidemill.lightgbm.autolog(log_pictures=False)
    monkeypatch.setattr(tidemill.Client, "log_batch", lambda *args: 1 / 0)
    assert trained() == expected
    assert len(complaints) == 1


def test_cross_validation(store, runs, files):
    tidemill.lightgbm.autolog(log_pictures=False)
    x, y = load_breast_cancer(return_X_y=True)
    params = {"objective": "binary", "metric": "auc", "verbose": -1, "learning_rate": 0.3}
    stop = lightgbm.early_stopping(2, verbose=False)
    found = lightgbm.cv(params, lightgbm.Dataset(x, y), 60, nfold=3, callbacks=[stop], return_cvbooster=True)
    [run] = runs()
    history = tidemill.Client().get_metric_history(run.info.run_id, "valid-auc-mean")
    assert [point.value for point in history] == found["valid auc-mean"]
    assert run.data.metrics["best_iteration"] == len(history) - 1
    assert run.data.params["nfold"] == "3"
    assert "cv_results.json" in files(run.info.run_id)
    assert [used.tags[0].value for used in run.inputs.dataset_inputs] == ["train"]


def test_predictions_of_a_booster_are_judged_in_its_run(store, runs):
    tidemill.lightgbm.autolog(log_pictures=False)
    from sklearn.metrics import log_loss

    x, y = load_breast_cancer(return_X_y=True)
    booster = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(x[:400], y[:400]), 5)
    x_test, y_test = x[400:], y[400:]
    loss = log_loss(y_test, booster.predict(x_test))
    log_loss(y_test, booster.predict(x_test, raw_score=True).clip(0.1, 0.9))
    [run] = runs()
    assert run.data.metrics["log_loss_x_test"] == loss
    assert run.data.metrics["x_test_log_loss"] == pytest.approx(loss, rel=1e-3)
    assert run.data.metrics["x_test_accuracy_score"] == ((booster.predict(x_test) > 0.5) == y_test).mean()
    assert not [name for name in run.data.metrics if "-2" in name]
