import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tidemill

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ["torch", "lightning"])), reason="needs torch, lightning"
)

PROGRAM = """
import warnings
warnings.simplefilter("ignore")
import sys, torch, tidemill
if sys.argv[1] == "lightning":
    import lightning.pytorch as pl
else:
    import pytorch_lightning as pl
from tidemill.lightning import TidemillLogger

class Net(pl.LightningModule):
    def __init__(self, width=4, extra=None):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, _):
        if mode == "fail" and self.global_step == 3: raise ValueError("broken")
        loss = self.layer(batch[0]).pow(2).mean()
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss
    def validation_step(self, batch, _):
        self.log("val_loss", self.layer(batch[0]).pow(2).mean())
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)

mode = sys.argv[2]
data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(32, 4)), batch_size=8)
def fit(logger):
    checkpoint = pl.callbacks.ModelCheckpoint(monitor="val_loss", save_top_k=1)
    trainer = pl.Trainer(max_epochs=2, logger=logger, log_every_n_steps=1, accelerator="cpu", callbacks=[checkpoint],
        enable_progress_bar=False, enable_model_summary=False)
    try:
        trainer.fit(Net(extra={"a": {"b": 1}}), data, data)
    except ValueError:
        pass
    return logger.run_id

if mode == "autolog":
    tidemill.autolog(silent=False)
    stop = pl.callbacks.EarlyStopping("val_loss", patience=1, min_delta=1e9)
    trainer = pl.Trainer(max_epochs=4, logger=len(sys.argv) > 3, log_every_n_steps=1, accelerator="cpu", callbacks=[stop],
        enable_progress_bar=False, enable_model_summary=False)
    before = list(trainer.loggers)
    trainer.fit(Net(), data, data)
    assert trainer.loggers == before
    print(trainer.checkpoint_callback.best_model_path)
elif mode == "active":
    with tidemill.start_run() as run:
        assert fit(TidemillLogger(prefix="p")) == run.info.run_id
        assert tidemill.active_run() is run
else:
    print(fit(TidemillLogger(experiment_name="nets", run_name="one", tags={"t": 1}, log_checkpoints=True)))
    assert tidemill.active_run() is None
"""


def fitted(tmp_path: Path, package: str, mode: str) -> tidemill.entities.Run:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"needs {package}")
    (tmp_path / "fit.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, "fit.py", package, mode], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    (run,) = tidemill.search_runs(output_format="list", search_all_experiments=True)
    found: tidemill.entities.Run = run
    return found


@pytest.mark.parametrize("package", ["lightning", "pytorch_lightning"])
def test_a_training_is_logged(tmp_path: Path, package: str) -> None:
    run = fitted(tmp_path, package, "own")
    assert (run.info.status, run.info.run_name, run.data.tags["t"]) == ("FINISHED", "one", "1")
    assert tidemill.get_experiment(run.info.experiment_id).name == "nets"
    assert run.data.params["width"] == "4"
    assert run.data.params["extra/a/b"] == "1"
    assert run.data.params["model_parameters"] == "5"
    client: Any = tidemill.Client()
    steps = [point.step for point in client.get_metric_history(run.info.run_id, "train_loss_step")]
    assert steps == list(range(8))
    assert {"val_loss", "train_loss_epoch", "epoch", "best_model_score"} <= set(run.data.metrics)
    names = [one.path for one in client.list_artifacts(run.info.run_id)]
    assert {"model_summary.txt", "checkpoints"} <= set(names)
    (checkpoint,) = client.list_artifacts(run.info.run_id, "checkpoints")
    assert checkpoint.path.endswith(".ckpt")
    assert run.data.tags["best_model_path"] == Path(checkpoint.path).name


@pytest.mark.parametrize("package", ["lightning", "pytorch_lightning"])
def test_autologging_needs_no_logger(tmp_path: Path, package: str) -> None:
    run = fitted(tmp_path, package, "autolog")
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.autologging"] == package
    assert {"train_loss_step", "val_loss", "stopped_epoch", "best_val_loss"} <= set(run.data.metrics)
    assert run.data.params["optimizer"] == "SGD"
    assert run.data.params["optimizer/lr"] == "0.01"
    assert run.data.params["width"] == "4"
    assert run.data.params["patience"] == "1"
    assert list((tmp_path / "checkpoints").glob("*.ckpt"))  # where they lie without a logger


def test_the_active_run_is_used_and_left_open(tmp_path: Path) -> None:
    run = fitted(tmp_path, "lightning", "active")
    assert "p/train_loss_step" in run.data.metrics


def test_a_training_that_fails_ends_its_run_so(tmp_path: Path) -> None:
    assert fitted(tmp_path, "lightning", "fail").info.status == "FAILED"
