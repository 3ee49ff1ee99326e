from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

import tidemill
from tidemill.errors import Untrusted

lightgbm = pytest.importorskip("lightgbm")
pytest.importorskip("skops")


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return x.iloc[:, :6].rename(columns=lambda name: name.replace(" ", "_")), y


@pytest.fixture(scope="module")
def classifier(data: tuple[Any, Any]) -> Any:
    return lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(*data)


@pytest.fixture(scope="module")
def booster(data: tuple[Any, Any]) -> Any:
    return lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(*data), 3)


def test_mlflow_loads_an_estimator(classifier: Any, data: tuple[Any, Any], peer: Any, tmp_path: Path) -> None:
    tidemill.lightgbm.save_model(classifier, tmp_path / "m", input_example=data[0].head(2))
    assert peer.loads("lightgbm", tmp_path / "m", data[0]) == (classifier.predict(data[0]).tolist(),) * 2


def test_mlflow_loads_a_booster(booster: Any, data: tuple[Any, Any], peer: Any, tmp_path: Path) -> None:
    tidemill.lightgbm.save_model(booster, tmp_path / "m")
    assert (tmp_path / "m" / "model.lgb").read_text().startswith("tree\n")
    assert peer.loads("lightgbm", tmp_path / "m", data[0]) == (booster.predict(data[0]).tolist(),) * 2


SAVE = """
import lightgbm, mlflow.lightgbm

if booster:
    model = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(given, labels), 3)
else:
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(given, labels)
mlflow.lightgbm.save_model(model, folder, pip_requirements=["lightgbm"])
result = model.predict(given)
"""


@pytest.mark.parametrize("as_booster", [True, False])
def test_tidemill_loads_what_mlflow_saves(as_booster: bool, data: tuple[Any, Any], peer: Any, tmp_path: Path) -> None:
    x, y = data
    said = peer.run(SAVE, folder=tmp_path / "m", booster=as_booster, given=x, labels=y.to_numpy())
    model = tidemill.lightgbm.load_model(tmp_path / "m")
    assert isinstance(model, lightgbm.Booster if as_booster else lightgbm.LGBMClassifier)
    assert tidemill.pyfunc.load_model(tmp_path / "m").predict(x).tolist() == said


def test_params_are_arguments_of_predict(booster: Any, data: tuple[Any, Any], tmp_path: Path) -> None:
    tidemill.lightgbm.save_model(booster, tmp_path / "m", input_example=(data[0].head(2), {"raw_score": True}))
    raw = tidemill.pyfunc.load_model(tmp_path / "m").predict(data[0], {"raw_score": True})
    np.testing.assert_array_equal(raw, booster.predict(data[0], raw_score=True))


def test_cloudpickle_only_when_asked_and_trusted(classifier: Any, data: tuple[Any, Any], tmp_path: Path) -> None:
    tidemill.lightgbm.save_model(classifier, tmp_path / "m", serialization_format="cloudpickle")
    with pytest.raises(Untrusted):
        tidemill.lightgbm.load_model(tmp_path / "m")
    again = tidemill.lightgbm.load_model(tmp_path / "m", allow_pickle=True)
    np.testing.assert_array_equal(again.predict_proba(data[0]), classifier.predict_proba(data[0]))
