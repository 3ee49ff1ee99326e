from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris

import tidemill
from tidemill.errors import InvalidParameter

xgboost = pytest.importorskip("xgboost")


@pytest.fixture(scope="module")
def iris() -> tuple[Any, Any]:
    return load_iris(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def classifier(iris: tuple[Any, Any]) -> Any:
    return xgboost.XGBClassifier(n_estimators=3).fit(*iris)


@pytest.fixture(scope="module")
def booster() -> Any:
    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(x, y), 3)


def test_mlflow_loads_an_estimator(classifier: Any, iris: tuple[Any, Any], peer: Any, tmp_path: Path) -> None:
    tidemill.xgboost.save_model(classifier, tmp_path / "m", input_example=iris[0].head(2))
    native, pyfunc = peer.loads("xgboost", tmp_path / "m", iris[0])
    assert native == pyfunc == classifier.predict(iris[0]).tolist()


@pytest.mark.parametrize("written", ["ubj", "json"])
def test_mlflow_loads_a_booster(written: str, booster: Any, peer: Any, tmp_path: Path) -> None:
    x = load_breast_cancer(as_frame=True).data
    tidemill.xgboost.save_model(booster, tmp_path / "m", model_format=written)
    native = "__import__('xgboost').DMatrix(given)"
    said = peer.loads("xgboost", tmp_path / "m", x, f"model.predict({native})")
    assert said == (booster.predict(xgboost.DMatrix(x)).tolist(),) * 2


SAVE = """
import mlflow.xgboost, xgboost
from sklearn.datasets import load_iris

x, y = load_iris(return_X_y=True, as_frame=True)
if booster:
    model = xgboost.train({"objective": "multi:softprob", "num_class": 3}, xgboost.DMatrix(x, y), 3)
    result = model.predict(xgboost.DMatrix(x))
else:
    model = xgboost.XGBClassifier(n_estimators=3).fit(x, y)
    result = model.predict(x)
mlflow.xgboost.save_model(model, folder, pip_requirements=["xgboost"])
"""


@pytest.mark.parametrize("as_booster", [True, False])
def test_tidemill_loads_what_mlflow_saves(as_booster: bool, iris: tuple[Any, Any], peer: Any, tmp_path: Path) -> None:
    said = peer.run(SAVE, folder=tmp_path / "m", booster=as_booster)
    model = tidemill.xgboost.load_model(tmp_path / "m")
    assert isinstance(model, xgboost.Booster if as_booster else xgboost.XGBClassifier)
    assert tidemill.pyfunc.load_model(tmp_path / "m").predict(iris[0]).tolist() == said


def test_params_are_arguments_of_predict(booster: Any, tmp_path: Path) -> None:
    x = load_breast_cancer(as_frame=True).data
    tidemill.xgboost.save_model(booster, tmp_path / "m", input_example=(x.head(2), {"output_margin": True}))
    margins = tidemill.pyfunc.load_model(tmp_path / "m").predict(x, {"output_margin": True})
    np.testing.assert_array_equal(margins, booster.predict(xgboost.DMatrix(x), output_margin=True))


def test_an_estimator_of_ones_own_comes_back_as_xgboosts(iris: tuple[Any, Any], tmp_path: Path) -> None:
    class Mine(xgboost.XGBRegressor):
        pass

    model = Mine(n_estimators=2).fit(*iris)
    tidemill.xgboost.save_model(model, tmp_path / "m")
    again = tidemill.xgboost.load_model(tmp_path / "m")
    assert type(again) is xgboost.XGBRegressor
    np.testing.assert_array_equal(again.predict(iris[0]), model.predict(iris[0]))


@pytest.mark.parametrize("named", ["subprocess.Popen", "xgboost.sklearn.os", "xgboost.core.DMatrix"])
def test_a_folder_cannot_name_another_class(named: str, classifier: Any, tmp_path: Path) -> None:
    tidemill.xgboost.save_model(classifier, tmp_path / "m")
    file = tmp_path / "m" / "MLmodel"
    file.write_text(file.read_text().replace("xgboost.sklearn.XGBClassifier", named))
    with pytest.raises(InvalidParameter, match="no model of XGBoost's"):
        tidemill.xgboost.load_model(tmp_path / "m")


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="no model of XGBoost's"):
        tidemill.xgboost.save_model({"a": 1}, tmp_path / "m")
    with pytest.raises(InvalidParameter, match="'ubj' or 'json'"):
        tidemill.xgboost.save_model({"a": 1}, tmp_path / "m", model_format="deprecated")
