"""scikit-learn: skops first, cloudpickle when asked; the folders of Tidemill and of MLflow, each read by the other."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.base
import yaml
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tidemill
from tidemill.errors import InvalidParameter, NotFound, Untrusted

pytest.importorskip("skops")


@pytest.fixture(scope="module")
def iris() -> tuple[Any, Any]:
    return load_iris(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def pipeline(iris: tuple[Any, Any]) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=50)).fit(*iris)


class Mine(LogisticRegression):
    pass


def test_mlflow_loads_what_tidemill_saves(pipeline: Any, iris: tuple[Any, Any], peer: Any, tmp_path: Path) -> None:
    x = iris[0]
    tidemill.sklearn.save_model(pipeline, tmp_path / "m", input_example=x.head(3))
    native, pyfunc = peer.loads("sklearn", tmp_path / "m", x)
    assert native == pyfunc == pipeline.predict(x).tolist()


def test_mlflow_loads_a_forest_and_a_method_that_tidemill_saves(
    iris: tuple[Any, Any], peer: Any, tmp_path: Path
) -> None:
    x, y = iris
    forest = RandomForestClassifier(5, random_state=0).fit(x, y)
    tidemill.sklearn.save_model(forest, tmp_path / "m", pyfunc_predict_fn="predict_proba")
    native, pyfunc = peer.loads("sklearn", tmp_path / "m", x, "model.predict_proba(given)")
    assert native == pyfunc == forest.predict_proba(x).tolist()


def test_mlflow_loads_a_pickle_that_tidemill_saves(
    pipeline: Any, iris: tuple[Any, Any], peer: Any, tmp_path: Path
) -> None:
    tidemill.sklearn.save_model(pipeline, tmp_path / "m", serialization_format="cloudpickle")
    assert peer.loads("sklearn", tmp_path / "m", iris[0]) == (pipeline.predict(iris[0]).tolist(),) * 2


SAVE = """
import mlflow.sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

x, y = load_iris(return_X_y=True, as_frame=True)
model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=50)).fit(x, y)
mlflow.sklearn.save_model(
    model, folder, serialization_format=written, pyfunc_predict_fn="predict_proba", input_example=x.head(3),
    pip_requirements=["scikit-learn"],
)
result = model.predict_proba(x)
"""


@pytest.mark.parametrize("written", ["skops", "cloudpickle", "pickle"])
def test_tidemill_loads_what_mlflow_saves(written: str, iris: tuple[Any, Any], peer: Any, tmp_path: Path) -> None:
    said = peer.run(SAVE, folder=tmp_path / "m", written=written)
    uri, trust = str(tmp_path / "m"), written != "skops"
    assert tidemill.sklearn.load_model(uri, allow_pickle=trust).predict_proba(iris[0]).tolist() == said
    assert tidemill.pyfunc.load_model(uri, allow_pickle=trust).predict(iris[0]).tolist() == said
    if trust:
        with pytest.raises(Untrusted, match="allow_pickle"):
            tidemill.sklearn.load_model(uri)


MODELS = [
    RandomForestClassifier(5),
    GradientBoostingRegressor(n_estimators=3),
    HistGradientBoostingClassifier(max_iter=3),
    IsolationForest(n_estimators=3),
    AdaBoostClassifier(n_estimators=3),
    BaggingClassifier(n_estimators=3, max_features=3),
    StackingClassifier([("forest", RandomForestClassifier(3))], cv=2),
    make_pipeline(make_column_transformer((StandardScaler(), [0, 1])), RandomForestClassifier(3)),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_ensembles_of_trees_need_nobodys_trust(model: Any, tmp_path: Path) -> None:
    x, y = (
        load_diabetes(return_X_y=True) if "Regressor" in type(model).__name__ else load_breast_cancer(return_X_y=True)
    )
    fitted = sklearn.base.clone(model).fit(x[:150], y[:150])
    tidemill.sklearn.save_model(fitted, tmp_path / "m")
    again = tidemill.sklearn.load_model(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(x), fitted.predict(x))


def test_a_forest_with_a_forged_node_is_refused(iris: tuple[Any, Any], tmp_path: Path) -> None:
    x, y = iris
    forged = {
        "a child that is not there": ("left_child", 10**6),
        "a loop": ("right_child", 0),
        "a feature that is not there": ("feature", 40),
        "a feature before the first": ("feature", -3),
    }
    for number, (column, value) in enumerate(forged.values()):
        forest = RandomForestClassifier(2, random_state=0).fit(x, y)
        tree = forest.estimators_[1].tree_
        state = tree.__getstate__()
        state["nodes"] = state["nodes"].copy()
        state["nodes"][column][0] = value
        tree.__setstate__(state)
        tidemill.sklearn.save_model(forest, tmp_path / str(number))
        with pytest.raises(InvalidParameter, match="damaged or forged"):
            tidemill.sklearn.load_model(tmp_path / str(number))


def test_a_forest_that_says_it_is_narrower_than_its_trees_is_refused(iris: tuple[Any, Any], tmp_path: Path) -> None:
    forest = RandomForestClassifier(2, random_state=0).fit(*iris)
    forest.n_features_in_ = 1
    tidemill.sklearn.save_model(forest, tmp_path / "m")
    with pytest.raises(InvalidParameter, match="damaged or forged"):
        tidemill.sklearn.load_model(tmp_path / "m")


def test_the_folder_is_not_asked_whom_to_trust(iris: tuple[Any, Any], tmp_path: Path) -> None:
    tidemill.sklearn.save_model(Mine(max_iter=50).fit(*iris), tmp_path / "m")
    kind = f"{Mine.__module__}.Mine"
    said = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    assert said["flavors"]["sklearn"]["skops_trusted_types"] == [kind]
    with pytest.raises(Untrusted, match=r"load it with trusted=\["):
        tidemill.sklearn.load_model(tmp_path / "m")
    with pytest.raises(Untrusted, match=kind):
        tidemill.pyfunc.load_model(tmp_path / "m")
    assert isinstance(tidemill.sklearn.load_model(tmp_path / "m", trusted=[kind]), Mine)
    assert isinstance(tidemill.sklearn.load_model(tmp_path / "m", allow_pickle=True), Mine)
    loaded = tidemill.pyfunc.load_model(tmp_path / "m", trusted=[kind])
    assert loaded.predict(iris[0]).tolist() == Mine(max_iter=50).fit(*iris).predict(iris[0]).tolist()


def test_types_that_are_not_known_to_be_harmless_are_named(iris: tuple[Any, Any], tmp_path: Path) -> None:
    near = KNeighborsClassifier().fit(*iris)
    tidemill.sklearn.save_model(near, tmp_path / "m")
    with pytest.raises(Untrusted, match=r"sklearn\.neighbors\._kd_tree\.KDTree") as refused:
        tidemill.sklearn.load_model(tmp_path / "m")
    named = eval(str(refused.value).partition("trusted=")[2].rstrip("."))
    assert tidemill.sklearn.load_model(tmp_path / "m", trusted=named).predict(iris[0]).tolist()


def test_pickles_that_call_the_shell_are_not_read(pipeline: Any, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            import os

            return os.mkdir, (str(tmp_path / "done"),)

    tidemill.sklearn.save_model(pipeline, tmp_path / "m", serialization_format="cloudpickle")
    import cloudpickle

    (tmp_path / "m" / "model.pkl").write_bytes(cloudpickle.dumps(Evil()))
    for load in (tidemill.sklearn.load_model, tidemill.pyfunc.load_model):
        with pytest.raises(Untrusted):
            load(tmp_path / "m")
    assert not (tmp_path / "done").exists()


def test_what_skops_cannot_write_is_said(iris: tuple[Any, Any], tmp_path: Path) -> None:
    model = LogisticRegression(max_iter=50).fit(*iris)
    model.keep = (one for one in range(3))
    with pytest.raises(InvalidParameter, match="cloudpickle"):
        tidemill.sklearn.save_model(model, tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "options", [{"serialization_format": "joblib"}, {"pyfunc_predict_fn": "__class__"}], ids=["format", "method"]
)
def test_wrong_options_are_refused(options: dict[str, Any], pipeline: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="must be"):
        tidemill.sklearn.save_model(pipeline, tmp_path / "m", **options)


def test_a_folder_cannot_name_another_method_or_file(pipeline: Any, iris: tuple[Any, Any], tmp_path: Path) -> None:
    tidemill.sklearn.save_model(pipeline, tmp_path / "m")
    text = (tmp_path / "m" / "MLmodel").read_text()
    (tmp_path / "m" / "MLmodel").write_text(text.replace("predict_fn: predict", "predict_fn: set_params"))
    with pytest.raises(InvalidParameter, match="set_params"):
        tidemill.pyfunc.load_model(tmp_path / "m")
    (tmp_path / "model.skops").write_bytes((tmp_path / "m" / "model.skops").read_bytes())
    (tmp_path / "m" / "MLmodel").write_text(text.replace("pickled_model: model.skops", "pickled_model: ../model.skops"))
    with pytest.raises(InvalidParameter, match="outside"):
        tidemill.sklearn.load_model(tmp_path / "m")
    (tmp_path / "m" / "MLmodel").write_text(text)
    (tmp_path / "m" / "model.skops").unlink()
    with pytest.raises(NotFound):
        tidemill.sklearn.load_model(tmp_path / "m")


def test_a_model_that_cannot_predict_is_no_pyfunc(tmp_path: Path, iris: tuple[Any, Any]) -> None:
    tidemill.sklearn.save_model(StandardScaler().fit(iris[0]), tmp_path / "m")
    assert tidemill.sklearn.load_model(tmp_path / "m").mean_.shape == (4,)
    with pytest.raises(InvalidParameter, match="cannot be called"):
        tidemill.pyfunc.load_model(tmp_path / "m")
