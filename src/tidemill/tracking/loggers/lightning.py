"""A logger for Lightning: `Trainer(logger=TidemillLogger())`. Works with `lightning` and `pytorch_lightning`."""

import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from tidemill.errors import MissingDependency
from tidemill.tracking.client import Client
from tidemill.tracking.loggers import torch
from tidemill.tracking.loggers.writer import RunWriter, Writer, harmless

try:
    if "pytorch_lightning" in sys.modules and "lightning" not in sys.modules:
        from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
        from pytorch_lightning.utilities import rank_zero_only
    else:
        try:
            from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
            from lightning.pytorch.utilities import rank_zero_only
        except ImportError:
            from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
            from pytorch_lightning.utilities import rank_zero_only
except ImportError:
    raise MissingDependency("lightning", "lightning", "TidemillLogger") from None

_STATUS = {"success": "FINISHED", "finished": "FINISHED", "failed": "FAILED", "aborted": "KILLED"}


class TidemillLogger(Logger):
    """Logs hyperparameters, metrics, the model's summary and, if asked, checkpoints; on rank zero alone.

    `run_id`, `run_name`, `experiment_name` and `tags` say which run: by default the active one, or a new one that ends
    with the training. `log_checkpoints`: True keeps the checkpoints that remain at the end as files of the run in
    `checkpoints/`, "all" each as soon as it is saved. `prefix` goes before the names of metrics.
    """

    def __init__(
        self,
        experiment_name: str | None = None,
        run_name: str | None = None,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        log_checkpoints: bool | str = False,
        prefix: str = "",
        writer: Writer | None = None,
    ) -> None:
        super().__init__()
        self._own = RunWriter(run_id=run_id, run_name=run_name, experiment_name=experiment_name, tags=tags)
        self._writer: Writer = writer or self._own
        self._prefix = f"{prefix}{self.group_separator}" if prefix else ""
        self._log_checkpoints = log_checkpoints
        self._checkpoints: Any = None
        self._sent: set[str] = set()

    @property
    @rank_zero_experiment  # type: ignore[untyped-decorator, unused-ignore]
    def experiment(self) -> Client:
        """The client of the run's store, for whatever else is to be logged: `logger.experiment.log_text(logger.run_id, …)`."""
        return self._own.client

    @property
    def run_id(self) -> str | None:
        """The run's id; None on other ranks."""
        return self._own.run_id if rank_zero_only.rank == 0 else None

    @property
    def name(self) -> str | None:
        """The experiment's id, which Lightning makes a folder of."""
        active = self._own.open() if rank_zero_only.rank == 0 else None
        return None if active is None else active.info.experiment_id

    @property
    def version(self) -> str | None:
        """The run's id, which Lightning makes a folder of."""
        return self.run_id

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    @harmless
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """Log params; nested ones get `/` between their names, those that the run has already stay."""
        self._writer.params(vars(params) if isinstance(params, Namespace) else params)

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    @harmless
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log one point of each metric."""
        self._writer.metrics({f"{self._prefix}{name}": value for name, value in metrics.items()}, step)

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    @harmless
    def log_graph(self, model: Any, input_array: Any = None) -> None:
        """Write the model's summary as the run's file `model_summary.txt`."""
        torch.log_summary(model, writer=self._writer)

    @harmless
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Keep checkpoints, at once or at the end."""
        self._checkpoints = checkpoint_callback
        if self._log_checkpoints == "all":
            self._send_checkpoints()

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    @harmless
    def finalize(self, status: str) -> None:
        """End the run if it is this logger's own."""
        if self._log_checkpoints and self._checkpoints is not None:
            self._send_checkpoints()
        self._note_best()
        self._writer.flush()
        if self._own.is_open:
            self._own.close(_STATUS.get(status, "FINISHED"))

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    def _send_checkpoints(self) -> None:
        found = self._checkpoints
        paths = {*getattr(found, "best_k_models", ()), getattr(found, "best_model_path", ""), found.last_model_path}
        for path in sorted(filter(None, paths)):
            sign = f"{path}@{os.path.getmtime(path)}" if os.path.exists(path) else ""
            if sign and sign not in self._sent:
                self._sent.add(sign)
                self._own.files(path, "checkpoints")

    def _note_best(self) -> None:
        score = getattr(self._checkpoints, "best_model_score", None)
        if score is not None:
            self._writer.metrics({"best_model_score": score})
            self._writer.tags({"best_model_path": os.path.basename(self._checkpoints.best_model_path)})
