from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes

import tidemill
from tidemill.errors import InvalidParameter, Untrusted

statsmodels = pytest.importorskip("statsmodels.api")


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    x, y = load_diabetes(return_X_y=True, as_frame=True)
    return statsmodels.add_constant(x), y


@pytest.fixture(scope="module")
def results(data: tuple[Any, Any]) -> Any:
    return statsmodels.OLS(data[1], data[0]).fit()


def test_mlflow_loads_what_tidemill_saves(results: Any, data: tuple[Any, Any], peer: Any, tmp_path: Path) -> None:
    tidemill.statsmodels.save_model(results, tmp_path / "m", input_example=data[0].head(2))
    native, pyfunc = peer.loads("statsmodels", tmp_path / "m", data[0])
    assert native == pyfunc == results.predict(data[0]).tolist()


SAVE = """
import mlflow.statsmodels
import statsmodels.api as sm

results = sm.OLS(labels, given).fit()
mlflow.statsmodels.save_model(results, folder, pip_requirements=["statsmodels"])
result = results.predict(given)
"""


def test_tidemill_loads_what_mlflow_saves_if_it_is_trusted(data: tuple[Any, Any], peer: Any, tmp_path: Path) -> None:
    x, y = data
    said = peer.run(SAVE, folder=tmp_path / "m", given=x, labels=y.to_numpy())
    with pytest.raises(Untrusted):
        tidemill.statsmodels.load_model(tmp_path / "m")
    with pytest.raises(Untrusted):
        tidemill.pyfunc.load_model(tmp_path / "m")
    assert tidemill.statsmodels.load_model(tmp_path / "m", allow_pickle=True).predict(x).tolist() == said
    assert tidemill.pyfunc.load_model(tmp_path / "m", allow_pickle=True).predict(x).tolist() == said


def test_a_time_series_is_asked_from_start_to_end(tmp_path: Path) -> None:
    values = pd.Series(np.sin(np.arange(60)), index=pd.period_range("2020-01", periods=60, freq="M"))
    results = statsmodels.tsa.AutoReg(values, lags=2).fit()
    tidemill.statsmodels.save_model(results, tmp_path / "m", remove_data=False)
    model = tidemill.pyfunc.load_model(tmp_path / "m", allow_pickle=True)
    said = model.predict(pd.DataFrame({"start": ["2025-01"], "end": ["2025-06"]}))
    np.testing.assert_array_equal(said, results.predict(start="2025-01", end="2025-06"))
    with pytest.raises(InvalidParameter, match="'start' and 'end'"):
        model.predict(pd.DataFrame({"begin": ["2025-01"]}))


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="save what `fit` returns"):
        tidemill.statsmodels.save_model(1, tmp_path / "m")
