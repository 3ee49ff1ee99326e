"""A callback for the Trainer of transformers: `Trainer(…, callbacks=[TidemillCallback()])`."""

import os
from collections.abc import Mapping
from typing import Any

from tidemill.errors import MissingDependency
from tidemill.tracking.loggers import torch
from tidemill.tracking.loggers.writer import RunWriter, Writer, harmless

try:
    from transformers import TrainerCallback
except ImportError:
    raise MissingDependency("transformers", "transformers", "TidemillCallback for transformers") from None


class TidemillCallback(TrainerCallback):
    """Logs the training arguments and the model's configuration, whatever the Trainer logs, by global step, the
    model's summary, and how the training ended; in the main process alone.

    `run_id`, `run_name`, `experiment_name` and `tags` say which run: by default the active one, or a new one (named as
    the arguments say) that ends with the training. `log_checkpoints` keeps each saved checkpoint as files of the run.
    """

    def __init__(
        self,
        experiment_name: str | None = None,
        run_name: str | None = None,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        log_checkpoints: bool = False,
        writer: Writer | None = None,
    ) -> None:
        self._own = RunWriter(run_id=run_id, run_name=run_name, experiment_name=experiment_name, tags=tags)
        self._writer: Writer = writer or self._own
        self._log_checkpoints = log_checkpoints

    @harmless
    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Log what the training begins with."""
        if not state.is_world_process_zero:
            return
        given = {name: value for name, value in args.to_dict().items() if value not in (None, "", [], {})}
        self._writer.params({name: value for name, value in given.items() if not str(value).startswith("<")})
        config = getattr(model, "config", None)
        if config is not None:
            self._writer.params({f"model/{name}": value for name, value in config.to_diff_dict().items()})
        if model is not None:
            torch.log_summary(model, writer=self._writer)
        self._writer.flush()

    @harmless
    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Log the Trainer's values at its global step."""
        if state.is_world_process_zero:
            self._writer.metrics(logs or {}, state.global_step)

    @harmless
    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep the checkpoint that was saved."""
        path = os.path.join(args.output_dir, f"checkpoint-{state.global_step}")
        if state.is_world_process_zero and self._log_checkpoints and os.path.isdir(path):
            self._own.files(path, "checkpoints")

    @harmless
    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Log the best value and an early end, and end the run if it is this callback's own."""
        if not state.is_world_process_zero:
            return
        if state.best_metric is not None:
            self._writer.metrics({"best_metric": state.best_metric})
        if state.max_steps and state.global_step < state.max_steps:
            self._writer.metrics({"stopped_step": state.global_step})
        self._writer.flush()
        if self._writer is self._own:
            self._own.close(forget=True)
