import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import tidemill

pytestmark = pytest.mark.skipif(not all(map(importlib.util.find_spec, ["fastai"])), reason="needs fastai")

PROGRAM = """
import sys, torch, tidemill
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.learner import Learner
from fastai.metrics import mae
import fastai.callback.schedule
from tidemill.fastai import TidemillCallback, autolog

mode = sys.argv[1]
if mode == "autolog": autolog()
rows = [(torch.randn(4), torch.randn(1)) for _ in range(32)]
dls = DataLoaders(DataLoader(rows, bs=8), DataLoader(rows, bs=8))
learn = Learner(dls, torch.nn.Linear(4, 1), loss_func=torch.nn.functional.mse_loss, metrics=mae)
cbs = [] if mode == "autolog" else [TidemillCallback(run_name="net", every_n_batches=2)]
with learn.no_bar(), learn.no_logging():
    learn.lr_find(show_plot=False, num_it=2)
    assert tidemill.active_run() is None
    learn.fit_one_cycle(3, 0.01, cbs=cbs)
    assert tidemill.active_run() is None
"""


@pytest.mark.parametrize("mode", ["callback", "autolog"])
def test_a_training_is_logged(tmp_path: Path, mode: str) -> None:
    (tmp_path / "fit.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, "-W", "ignore", "fit.py", mode], capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    assert "Autologging of" not in done.stderr, done.stderr
    (run,) = tidemill.search_runs(output_format="list")
    assert run.info.status == "FINISHED"
    assert run.data.params["epochs"] == "3"
    assert run.data.params["batch_size"] == "8"
    assert run.data.params["optimizer"] == "Adam"
    assert run.data.params["loss"] == "mse_loss"
    client = tidemill.Client()
    for name in ("train_loss", "valid_loss", "mae"):
        assert [point.step for point in client.get_metric_history(run.info.run_id, name)] == [0, 1, 2]
    steps = [point.step for point in client.get_metric_history(run.info.run_id, "smooth_loss")]
    assert steps == (list(range(0, 12, 2)) if mode == "callback" else [0])
    assert {"lr", "mom"} <= set(run.data.metrics)
    assert "Linear" in tidemill.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt")
