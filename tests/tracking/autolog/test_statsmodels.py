import numpy as np
import pytest
from sklearn.datasets import load_diabetes

import tidemill

sm = pytest.importorskip("statsmodels.api")


@pytest.fixture
def data(store):
    tidemill.statsmodels.autolog(log_pictures=False)
    x, y = load_diabetes(return_X_y=True, as_frame=True)
    return sm.add_constant(x), y


def test_ols(data, runs, files):
    x, y = data
    results = sm.OLS(y, x).fit(cov_type="HC1")
    [run] = runs()
    assert run.data.params["cov_type"] == "HC1"
    assert run.data.params["method"] == "pinv"
    for name in ("aic", "bic", "rsquared", "rsquared_adj", "fvalue", "llf"):
        assert run.data.metrics[name] == pytest.approx(getattr(results, name))
    assert run.data.tags["estimator_name"] == "OLS"
    assert {"model_summary.txt", "coefficients.json", "training_residuals.json"} <= set(files(run.info.run_id))
    path = tidemill.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="model_summary.txt")
    with open(path) as file:
        assert "OLS Regression Results" in file.read()
    table = tidemill.Client().load_table(run.info.experiment_id, "coefficients.json")
    assert table["name"].tolist() == list(x.columns)
    assert table["p_value"].to_numpy() == pytest.approx(results.pvalues.to_numpy())


def test_models_that_fit_through_others_are_one_run(data, runs):
    x, y = data
    sm.Logit((y > 140).astype(float), x.iloc[:, :3]).fit(disp=0)
    sm.GLM(y, x, family=sm.families.Gaussian()).fit()
    sm.OLS(y, x).fit_regularized(alpha=0.1)
    sm.tsa.ARIMA(np.asarray(y)[:80], order=(1, 0, 0)).fit()
    names = [run.data.tags["estimator_name"] for run in runs()]
    assert names == ["ARIMA", "OLS", "GLM", "Logit"]
    assert all("aic" in run.data.metrics for run in runs() if run.data.tags["estimator_name"] != "OLS")


def test_a_broken_client_changes_nothing(data, complaints, monkeypatch):
    x, y = data
    monkeypatch.setattr(tidemill.Client, "log_batch", lambda *args: 1 / 0)
    assert sm.OLS(y, x).fit().rsquared == pytest.approx(0.5177, abs=1e-3)
    assert len(complaints) == 1
