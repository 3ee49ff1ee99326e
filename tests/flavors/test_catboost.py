from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

import tidemill
from tidemill.errors import InvalidParameter

catboost = pytest.importorskip("catboost")


@pytest.fixture(scope="module")
def iris() -> tuple[Any, Any]:
    return load_iris(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def classifier(iris: tuple[Any, Any]) -> Any:
    return catboost.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False).fit(*iris)


@pytest.mark.parametrize("written", ["cbm", "json"])
def test_mlflow_loads_what_tidemill_saves(
    written: str, classifier: Any, iris: tuple[Any, Any], peer: Any, tmp_path: Path
) -> None:
    tidemill.catboost.save_model(classifier, tmp_path / "m", save_format=written, input_example=iris[0].head(2))
    assert peer.loads("catboost", tmp_path / "m", iris[0]) == (classifier.predict(iris[0]).tolist(),) * 2


SAVE = """
import catboost, mlflow.catboost
from sklearn.datasets import load_iris

x, y = load_iris(return_X_y=True, as_frame=True)
model = catboost.CatBoostRegressor(iterations=3, verbose=0, allow_writing_files=False).fit(x, y)
mlflow.catboost.save_model(model, folder, pip_requirements=["catboost"])
result = model.predict(x)
"""


def test_tidemill_loads_what_mlflow_saves(iris: tuple[Any, Any], peer: Any, tmp_path: Path) -> None:
    said = peer.run(SAVE, folder=tmp_path / "m")
    assert isinstance(tidemill.catboost.load_model(tmp_path / "m"), catboost.CatBoostRegressor)
    assert tidemill.pyfunc.load_model(tmp_path / "m").predict(iris[0]).tolist() == said


def test_params_are_arguments_of_predict(classifier: Any, iris: tuple[Any, Any], tmp_path: Path) -> None:
    example = iris[0].head(2), {"prediction_type": "Probability"}
    tidemill.catboost.save_model(classifier, tmp_path / "m", input_example=example)
    said = tidemill.pyfunc.load_model(tmp_path / "m").predict(iris[0], example[1])
    np.testing.assert_array_equal(said, classifier.predict_proba(iris[0]))


def test_wrong_models_and_folders_are_refused(classifier: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="no model of CatBoost's"):
        tidemill.catboost.save_model([], tmp_path / "n")
    with pytest.raises(InvalidParameter, match="save_format"):
        tidemill.catboost.save_model(classifier, tmp_path / "n", save_format="pickle")
    tidemill.catboost.save_model(classifier, tmp_path / "m")
    file = tmp_path / "m" / "MLmodel"
    file.write_text(file.read_text().replace("CatBoostClassifier", "Pool"))
    with pytest.raises(InvalidParameter, match="no model of CatBoost's"):
        tidemill.catboost.load_model(tmp_path / "m")
