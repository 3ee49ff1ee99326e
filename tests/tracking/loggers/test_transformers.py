import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import tidemill

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ["torch", "transformers", "accelerate"])),
    reason="needs transformers and accelerate",
)

PROGRAM = """
import sys, torch, tidemill
from transformers import BertConfig, BertForSequenceClassification, EarlyStoppingCallback, Trainer, TrainingArguments
from tidemill.transformers import TidemillCallback, autolog

class Rows(torch.utils.data.Dataset):
    def __len__(self): return 16
    def __getitem__(self, n):
        mask = torch.ones(6, dtype=torch.long)
        return {"input_ids": torch.arange(6) + n % 3, "attention_mask": mask, "labels": torch.tensor(n % 2)}

torch.manual_seed(0)
model = BertForSequenceClassification(BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1,
    num_attention_heads=2, intermediate_size=8))
mode = sys.argv[1]
if mode == "autolog": autolog()
arguments = TrainingArguments("out", num_train_epochs=4, per_device_train_batch_size=4, logging_steps=2, eval_strategy="epoch",
    save_strategy="epoch", use_cpu=True, report_to=[], disable_tqdm=True, load_best_model_at_end=True,
    metric_for_best_model="eval_loss", hub_token="hf_very_secret", learning_rate=0.0 if mode == "early" else 1e-3)
callbacks = [EarlyStoppingCallback(early_stopping_patience=1)] if mode == "early" else []
if mode != "autolog": callbacks.append(TidemillCallback(run_name="tiny", log_checkpoints=True))
trainer = Trainer(model=model, args=arguments, train_dataset=Rows(), eval_dataset=Rows(), callbacks=callbacks)
trainer.train()
assert tidemill.active_run() is None
if mode == "autolog":
    assert "TidemillCallback" not in trainer.callback_handler.callback_list
"""


def trained(tmp_path: Path, mode: str) -> tidemill.entities.Run:
    (tmp_path / "fit.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, "-W", "ignore", "fit.py", mode], capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    (run,) = tidemill.search_runs(output_format="list")
    found: tidemill.entities.Run = run
    return found


def test_a_training_is_logged(tmp_path: Path) -> None:
    run = trained(tmp_path, "plain")
    assert (run.info.status, run.info.run_name) == ("FINISHED", "tiny")
    assert run.data.params["num_train_epochs"] == "4"
    assert run.data.params["model/hidden_size"] == "8"
    assert "hf_very_secret" not in str(run.data.params)
    client = tidemill.Client()
    assert [point.step for point in client.get_metric_history(run.info.run_id, "loss")] == [2, 4, 6, 8, 10, 12, 14, 16]
    assert [point.step for point in client.get_metric_history(run.info.run_id, "eval_loss")] == [4, 8, 12, 16]
    assert {"best_metric", "train_runtime"} <= set(run.data.metrics)
    assert "stopped_step" not in run.data.metrics
    assert len(client.list_artifacts(run.info.run_id, "checkpoints")) == 4
    assert "BertLayer" not in tidemill.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt").split()[:4]


def test_an_early_end_is_noted(tmp_path: Path) -> None:
    run = trained(tmp_path, "early")
    assert run.data.metrics["stopped_step"] == 8


def test_autologging_needs_no_callback(tmp_path: Path) -> None:
    run = trained(tmp_path, "autolog")
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.autologging"] == "transformers"
    assert run.data.params["model/hidden_size"] == "8"
    assert "eval_loss" in run.data.metrics
