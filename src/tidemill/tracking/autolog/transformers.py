"""Autologging for transformers: `Trainer.train`."""

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
    """Log what a Trainer trains with, all that it logs by global step, the model's summary and how it ended.

    The options as in `tidemill.sklearn.autolog`.
    """
    if disable:
        framework.turn_off()
        return
    framework.turn_on(
        Options(
            log_params=log_params,
            exclusive=exclusive,
            silent=silent,
            extra_tags=dict(extra_tags or {}),
        )
    )


def _install(framework: Framework) -> None:
    from transformers.trainer import Trainer

    train = framework.watch("train", _on_train, trains=True, wants=_is_wanted)
    framework.watch_classes(Trainer, {"train": train}, lambda cls: False)


framework = Framework("transformers", "transformers.trainer", _install)


def _is_wanted(call: Call) -> bool:
    known = [type(one).__name__ for one in call.owner.callback_handler.callbacks]
    return "TidemillCallback" not in known and bool(call.owner.is_world_process_zero())


def _on_train(session: Session, call: Call) -> Iterator[None]:
    from tidemill.tracking.loggers.transformers import TidemillCallback

    callback = TidemillCallback(writer=session)
    call.owner.add_callback(callback)
    try:
        yield
    finally:
        call.owner.remove_callback(callback)
