from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes

import tidemill
from tidemill.errors import InvalidParameter, Untrusted

keras = pytest.importorskip("keras")


@pytest.fixture(scope="module")
def rows() -> Any:
    return load_diabetes().data.astype("float32")


@pytest.fixture(scope="module")
def model(rows: Any) -> Any:
    """A regression, one epoch into its training."""
    layers = [keras.Input((10,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)]
    made = keras.Sequential(layers)
    made.compile(loss="mse")
    made.fit(rows, load_diabetes().target, verbose=0)
    return made


def test_mlflow_loads_what_tidemill_saves(model: Any, rows: Any, peer: Any, tmp_path: Path) -> None:
    tidemill.keras.save_model(model, tmp_path / "m", input_example=rows[:2])
    native, pyfunc = peer.loads("keras", tmp_path / "m", rows, "model.predict(given, verbose=0)")
    assert native == pyfunc
    np.testing.assert_allclose(native, model.predict(rows, verbose=0), rtol=1e-5)


SAVE = """
import keras, mlflow.keras

model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
mlflow.keras.save_model(model, folder, pip_requirements=["keras"])
result = model.predict(given, verbose=0)
"""


def test_tidemill_loads_what_mlflow_saves(rows: Any, peer: Any, tmp_path: Path) -> None:
    said = peer.run(SAVE, folder=tmp_path / "m", given=rows)
    again = tidemill.keras.load_model(tmp_path / "m")
    np.testing.assert_allclose(again.predict(rows, verbose=0), said, rtol=1e-5)
    loaded = tidemill.pyfunc.load_model(tmp_path / "m")
    np.testing.assert_allclose(loaded.predict(rows), said, rtol=1e-5)
    framed = loaded.predict(pd.DataFrame(rows, index=range(7, 7 + len(rows))))
    np.testing.assert_allclose(framed.to_numpy(), said, rtol=1e-5)
    assert framed.index[0] == 7


def test_a_layer_with_code_needs_trust(rows: Any, tmp_path: Path) -> None:
    made = keras.Sequential([keras.Input((10,)), keras.layers.Lambda(lambda x: x * 2, output_shape=(10,))])
    tidemill.keras.save_model(made, tmp_path / "m")
    for load in (tidemill.keras.load_model, tidemill.pyfunc.load_model):
        with pytest.raises(Untrusted, match="allow_pickle=True"):
            load(tmp_path / "m")
    again = tidemill.keras.load_model(tmp_path / "m", allow_pickle=True)
    np.testing.assert_allclose(again.predict(rows, verbose=0), rows * 2)


def test_classes_of_ones_own_are_handed_in(rows: Any, tmp_path: Path) -> None:
    class Double(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 2

    tidemill.keras.save_model(keras.Sequential([keras.Input((10,)), Double()]), tmp_path / "m")
    again = tidemill.keras.load_model(tmp_path / "m", custom_objects={"Double": Double})
    np.testing.assert_allclose(again.predict(rows, verbose=0), rows * 2)
    loaded = tidemill.pyfunc.load_model(tmp_path / "m", custom_objects={"Double": Double})
    np.testing.assert_allclose(loaded.predict(rows, {"batch_size": 50}), rows * 2)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="no Keras model"):
        tidemill.keras.save_model(1, tmp_path / "m")
