"""A callback for fastai: `learn.fit(…, cbs=TidemillCallback())`."""

from collections.abc import Mapping
from typing import Any

from tidemill.errors import MissingDependency
from tidemill.tracking.loggers import torch
from tidemill.tracking.loggers.writer import RunWriter, Writer, harmless

try:
    from fastai.callback.core import Callback
    from fastai.learner import Recorder
    from fastai.torch_core import rank_distrib
except ImportError:
    raise MissingDependency("fastai", "fastai", "TidemillCallback for fastai") from None


class TidemillCallback(Callback):
    """Logs the learner's settings, the smoothed loss and hyperparameters every `every_n_batches`, the recorder's values
    of each epoch, and the model's summary; in the main process alone, and not while a learning rate is looked for.

    `run_id`, `run_name`, `experiment_name` and `tags` say which run: by default the active one, or a new one that ends
    with the training.
    """

    order = Recorder.order + 1

    def __init__(
        self,
        experiment_name: str | None = None,
        run_name: str | None = None,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        every_n_batches: int = 20,
        writer: Writer | None = None,
    ) -> None:
        super().__init__()
        self._own = RunWriter(run_id=run_id, run_name=run_name, experiment_name=experiment_name, tags=tags)
        self._writer: Writer = writer or self._own
        self._every = max(every_n_batches, 1)
        self._first_batch = self._first_epoch = self._fits = 0

    @harmless
    def before_fit(self) -> None:
        """Log what the training begins with."""
        learn = self.learn
        self.run = not hasattr(learn, "lr_finder") and not hasattr(learn, "gather_preds") and rank_distrib() == 0
        if not self.run:
            return
        self._fits += 1
        prefix = "" if self._fits == 1 else f"fit_{self._fits}/"
        found = {
            "epochs": learn.n_epoch,
            "lr": learn.lr,
            "wd": learn.wd,
            "batch_size": getattr(learn.dls, "bs", None),
            "optimizer": _name(learn.opt_func),
            "loss": _name(learn.loss_func),
            "callbacks": [type(one).__name__ for one in learn.cbs],
        }
        self._writer.params({f"{prefix}{name}": value for name, value in found.items()})
        if self._fits == 1:
            torch.log_summary(learn.model, writer=self._writer)
        self._writer.flush()

    @harmless
    def after_batch(self) -> None:
        """Log the smoothed loss and the hyperparameters."""
        learn = self.learn
        if learn.training and (learn.train_iter - 1) % self._every == 0:
            found = {"smooth_loss": learn.smooth_loss, **learn.opt.hypers[-1]}
            self._writer.metrics(found, self._first_batch + learn.train_iter - 1)

    @harmless
    def after_epoch(self) -> None:
        """Log the recorder's values: losses and metrics."""
        recorder = self.learn.recorder
        found = dict(zip(recorder.metric_names, recorder.log, strict=False))
        self._writer.metrics(
            {name: value for name, value in found.items() if name not in ("epoch", "time")},
            self._first_epoch + self.learn.epoch,
        )

    @harmless
    def after_cancel_fit(self) -> None:
        """Note that another callback ended the training early."""
        self._writer.metrics({"stopped_epoch": self._first_epoch + self.learn.epoch})

    @harmless
    def after_fit(self) -> None:
        """Go on with the steps in the next fit, and end the run if it is this callback's own."""
        if not self.run:
            self.run = True
            return
        self._first_batch += self.learn.train_iter
        self._first_epoch += self.learn.epoch + 1
        self._writer.flush()
        if self._writer is self._own:
            if self._own.is_own:  # the next fit gets another run
                self._first_batch = self._first_epoch = self._fits = 0
            self._own.close(forget=True)


def _name(one: Any) -> str:
    inner = getattr(one, "func", one)  # a partial
    return getattr(inner, "__qualname__", None) or type(inner).__name__
