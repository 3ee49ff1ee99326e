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
if mode != "callback": autolog()
torch.manual_seed(0)
rows = [(torch.randn(4), torch.randn(1)) for _ in range(32)]
dls = DataLoaders(DataLoader(rows, bs=8), DataLoader(rows, bs=8))
learn = Learner(dls, torch.nn.Linear(4, 1), loss_func=torch.nn.functional.mse_loss, metrics=mae)
if mode == "callback": learn.add_cb(TidemillCallback(run_name="net", every_n_batches=2))
with learn.no_bar(), learn.no_logging():
    learn.lr_find(show_plot=False, num_it=20, suggest_funcs=[])
    assert tidemill.active_run() is None
    if mode == "fine_tune": learn.fine_tune(2, 0.01)
    else: learn.fit_one_cycle(3, 0.01)
    assert tidemill.active_run() is None
"""


@pytest.mark.parametrize("mode", ["callback", "autolog", "fine_tune"])
def test_a_training_is_logged(tmp_path: Path, mode: str) -> None:
    (tmp_path / "fit.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, "-W", "ignore", "fit.py", mode], capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    assert "Autologging of" not in done.stderr, done.stderr
    (run,) = tidemill.search_runs(output_format="list")
    assert run.info.status == "FINISHED"
    assert run.data.params["epochs"] == ("1" if mode == "fine_tune" else "3")
    assert mode != "fine_tune" or run.data.params["fit_2/epochs"] == "2"
    assert run.data.params["batch_size"] == "8"
    assert run.data.params["optimizer"] == "Adam"
    assert run.data.params["loss"] == "mse_loss"
    client = tidemill.Client()
    for name in ("train_loss", "valid_loss", "mae"):
        assert [point.step for point in client.get_metric_history(run.info.run_id, name)] == [0, 1, 2]
    steps = [point.step for point in client.get_metric_history(run.info.run_id, "smooth_loss")]
    assert steps == {"callback": list(range(0, 12, 2)), "autolog": [0], "fine_tune": [0, 4]}[mode]
    assert {"lr", "mom"} <= set(run.data.metrics)
    assert "Linear" in tidemill.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt")
