import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tidemill

pytestmark = pytest.mark.skipif(not all(map(importlib.util.find_spec, ["keras", "torch"])), reason="needs keras, torch")

PROGRAM = """
import sys, keras, numpy, tidemill
from tidemill.keras import TidemillCallback, autolog

mode = sys.argv[1]
if mode in ("autolog", "off"): autolog()
if mode == "off": autolog(disable=True)
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, activation="relu"), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
x, y = numpy.random.rand(32, 4), numpy.random.rand(32, 1)
callbacks = [] if mode in ("autolog", "off") else [TidemillCallback(run_name="net", every_n_batches=2)]
if mode == "early" or mode == "autolog":
    callbacks.append(keras.callbacks.EarlyStopping(monitor="loss", min_delta=1e9, patience=1, restore_best_weights=True))
history = model.fit(x, y, epochs=4, batch_size=8, validation_data=(x, y), callbacks=callbacks, verbose=0)
assert tidemill.active_run() is None
"""


def trained(tmp_path: Path, mode: str) -> "list[tidemill.entities.Run]":
    (tmp_path / "fit.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "fit.py", mode],
        capture_output=True,
        text=True,
        timeout=250,
        env={**os.environ, "KERAS_BACKEND": "torch"},
    )
    assert done.returncode == 0, done.stderr
    assert "Autologging of" not in done.stderr, done.stderr
    found: list[tidemill.entities.Run] = tidemill.search_runs(output_format="list")
    return found


def test_a_training_is_logged(tmp_path: Path) -> None:
    (run,) = trained(tmp_path, "plain")
    assert (run.info.status, run.info.run_name) == ("FINISHED", "net")
    assert run.data.params["epochs"] == "4"
    assert run.data.params["optimizer/name"] == "adam"
    assert float(run.data.params["optimizer/learning_rate"]) == pytest.approx(0.01)
    assert run.data.params["loss"] == "mse"
    client = tidemill.Client()
    for name in ("loss", "mae", "val_loss", "val_mae"):
        assert [point.step for point in client.get_metric_history(run.info.run_id, name)] == [0, 1, 2, 3]
    steps = [point.step for point in client.get_metric_history(run.info.run_id, "batch/loss")]
    assert steps == list(range(0, 16, 2))
    assert "stopped_epoch" not in run.data.metrics
    assert "Dense" in tidemill.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt")


def test_an_early_end_is_noted(tmp_path: Path) -> None:
    (run,) = trained(tmp_path, "early")
    assert run.data.metrics["stopped_epoch"] == 1


def test_autologging_needs_no_callback(tmp_path: Path) -> None:
    (run,) = trained(tmp_path, "autolog")
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.autologging"] == "keras"
    assert run.data.params["optimizer/name"] == "adam"
    assert run.data.params["batch_size"] == "8"
    assert {"loss", "val_mae", "stopped_epoch", "best_epoch"} <= set(run.data.metrics)
    (dataset,) = run.inputs.dataset_inputs
    assert dataset.dataset.digest


def test_switched_off_again_nothing_is_logged(tmp_path: Path) -> None:
    assert trained(tmp_path, "off") == []
