import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tidemill
from tidemill.errors import InvalidParameter

prophet = pytest.importorskip("prophet")

SAVE = """
import json
import mlflow.prophet
from prophet.serialize import model_from_json

model = model_from_json(json.loads(text))
mlflow.prophet.save_model(model, folder, pip_requirements=["prophet"])
result = model.predict(given)["yhat"]
"""


@pytest.fixture(scope="module")
def days() -> Any:
    return pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=90)})


@pytest.fixture(scope="module")
def fitted(days: Any) -> Any:
    logging.getLogger("cmdstanpy").setLevel(logging.WARNING)
    known = days.head(60).assign(y=np.arange(60) * 0.5 + np.sin(np.arange(60)))
    return prophet.Prophet(uncertainty_samples=0).fit(known)


def test_mlflow_loads_what_tidemill_saves(fitted: Any, days: Any, peer: Any, tmp_path: Path) -> None:
    tidemill.prophet.save_model(fitted, tmp_path / "m")
    text = days.assign(ds=days["ds"].astype(str))
    native = peer.run(
        "import mlflow.prophet\nresult = mlflow.prophet.load_model(folder).predict(given)['yhat']",
        folder=tmp_path / "m",
        given=text,
    )
    pyfunc = peer.run(
        "import mlflow\nresult = mlflow.pyfunc.load_model(folder).predict(given)['yhat']",
        folder=tmp_path / "m",
        given=text,
    )
    assert native == pyfunc == pytest.approx(fitted.predict(days)["yhat"].tolist())


def test_tidemill_loads_what_mlflow_saves(fitted: Any, days: Any, peer: Any, tmp_path: Path) -> None:
    import json

    from prophet.serialize import model_to_json

    text = json.dumps(model_to_json(fitted))
    said = peer.run(SAVE, folder=tmp_path / "m", text=text, given=days.assign(ds=days["ds"].astype(str)))
    assert tidemill.prophet.load_model(tmp_path / "m").predict(days)["yhat"].tolist() == pytest.approx(said)
    assert tidemill.pyfunc.load_model(tmp_path / "m").predict(days)["yhat"].tolist() == pytest.approx(said)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="no model of Prophet's"):
        tidemill.prophet.save_model(1, tmp_path / "m")
