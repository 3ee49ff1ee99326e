"""A callback for Keras 3: `model.fit(…, callbacks=[TidemillCallback()])`, with any backend."""

from collections.abc import Mapping
from typing import Any

from tidemill.errors import MissingDependency
from tidemill.tracking.loggers.writer import RunWriter, Writer, harmless

try:
    from keras.callbacks import Callback
except ImportError:
    raise MissingDependency("keras", "keras", "TidemillCallback for Keras") from None


class TidemillCallback(Callback):
    """Logs the optimizer's settings, the loss and the metrics of each epoch, the model's summary, and an early end.

    `run_id`, `run_name`, `experiment_name` and `tags` say which run: by default the active one, or a new one that ends
    with the training. `every_n_batches`: log within epochs too, as `batch/<name>`, every so many batches.
    """

    def __init__(
        self,
        experiment_name: str | None = None,
        run_name: str | None = None,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        every_n_batches: int | None = None,
        writer: Writer | None = None,
    ) -> None:
        super().__init__()
        self._own = RunWriter(run_id=run_id, run_name=run_name, experiment_name=experiment_name, tags=tags)
        self._writer: Writer = writer or self._own
        self._every = every_n_batches
        self._batches = 0
        self._epoch = -1

    @harmless
    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Log what the training begins with."""
        self._batches, self._epoch = 0, -1
        optimizer = getattr(self.model, "optimizer", None)
        found: dict[str, Any] = {name: self.params[name] for name in ("epochs", "steps") if self.params.get(name)}
        if optimizer is not None:
            settings = optimizer.get_config()
            found |= {f"optimizer/{name}": value for name, value in settings.items() if value is not None}
        loss = getattr(self.model, "loss", None)
        found["loss"] = getattr(loss, "__name__", None) or getattr(loss, "name", None) or loss
        self._writer.params({name: value for name, value in found.items() if value is not None})
        lines: list[str] = []
        if self.model.built:
            self.model.summary(print_fn=lambda line, *_, **__: lines.append(line), line_length=100)
            self._writer.text("\n".join(lines) + "\n", "model_summary.txt")
        self._writer.flush()

    @harmless
    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log values within an epoch, where asked for."""
        if self._every and self._batches % self._every == 0:
            self._writer.metrics({f"batch/{name}": value for name, value in (logs or {}).items()}, self._batches)
        self._batches += 1

    @harmless
    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the epoch's values."""
        self._epoch = epoch
        self._writer.metrics(logs or {}, epoch)

    @harmless
    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Log an early end, and end the run if it is this callback's own."""
        if self._epoch + 1 < (self.params.get("epochs") or 0):
            self._writer.metrics({"stopped_epoch": self._epoch})
        self._writer.flush()
        if self._writer is self._own:
            self._own.close(forget=True)
