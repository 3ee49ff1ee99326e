"""Autologging for Lightning: `Trainer.fit` of `lightning` and of `pytorch_lightning`."""

from collections.abc import Iterator, Mapping
from typing import Any

from tidemill.tracking.autolog.core import Call, Framework, Options
from tidemill.tracking.autolog.session import Session


def autolog(
    *,
    log_params: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, Any] | None = None,
) -> None:
    """Log what a Trainer fits, all that the module logs, the model's summary, optimizers and an early end.

    The options as in `tidemill.sklearn.autolog`.
    """
    options = Options(log_params=log_params, exclusive=exclusive, silent=silent, extra_tags=dict(extra_tags or {}))
    for one in (framework, older):
        if disable:
            one.turn_off()
        else:
            one.turn_on(options)


def _install(framework: Framework) -> None:
    from importlib import import_module

    trainer = import_module(framework.module).Trainer
    fit = framework.watch("fit", _on_fit, trains=True, wants=_is_wanted)
    framework.watch_classes(trainer, {"fit": fit}, lambda cls: False)


framework = Framework("lightning", "lightning.pytorch.trainer.trainer", _install)
older = Framework("pytorch_lightning", "pytorch_lightning.trainer.trainer", _install)
_PARAMS = ("max_epochs", "max_steps", "accumulate_grad_batches", "gradient_clip_val", "precision")


def _is_wanted(call: Call) -> bool:
    known = {type(one).__name__ for one in call.owner.loggers}
    return "TidemillLogger" not in known and bool(call.owner.is_global_zero)


def _on_fit(session: Session, call: Call) -> Iterator[None]:
    from tidemill.tracking.loggers.lightning import TidemillLogger

    class Unnamed(TidemillLogger):  # type: ignore[misc, unused-ignore]
        """Leaves checkpoints where they would lie without it."""

        name = version = ""

    trainer = call.owner
    before = list(trainer.loggers)
    trainer.loggers = [*before, Unnamed(run_id=session.run_id, writer=session)]
    try:
        with session.part("the params"):
            session.params(
                {name: getattr(trainer, name) for name in _PARAMS if getattr(trainer, name, None) is not None}
            )
            session.flush()
        yield
        with session.part("optimizers and early stopping"):
            _note_end(session, trainer)
    finally:
        trainer.loggers = before


def _note_end(session: Session, trainer: Any) -> None:
    for place, optimizer in enumerate(trainer.optimizers):
        prefix = "optimizer" if len(trainer.optimizers) == 1 else f"optimizer_{place}"
        settings = {f"{prefix}/{name}": value for name, value in optimizer.defaults.items() if value is not None}
        session.params({prefix: type(optimizer).__name__, **settings})
    for one in trainer.early_stopping_callbacks:
        session.params({"monitor": one.monitor, "patience": one.patience, "mode": one.mode})
        if one.stopped_epoch:
            session.metrics({"stopped_epoch": one.stopped_epoch, "best_" + one.monitor: one.best_score})
