"""Autologging for fastai: `Learner.fit` and all that calls it."""

from collections.abc import Iterator, Mapping
from typing import Any

from tidemill.tracking.autolog.core import Call, Framework, Options
from tidemill.tracking.autolog.imports import when_imported
from tidemill.tracking.autolog.session import Session


def autolog(
    *,
    log_params: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, Any] | None = None,
) -> None:
    """Log what a Learner is fitted with, its losses and metrics of each epoch, and the model's summary.

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
    from fastai.learner import Learner

    fit = framework.watch("fit", _on_fit, trains=True, wants=_is_wanted, nests=True)
    framework.watch_function(Learner, "fit", fit)
    whole = framework.watch("fine_tune", _on_fine_tune, trains=True)
    # Two fits, one training. The method comes with another module.
    when_imported("fastai.callback.schedule", lambda: framework.watch_function(Learner, "fine_tune", whole))


framework = Framework("fastai", "fastai.learner", _install)
_CALLBACK = "fastai_callback"


def _given(call: Call) -> list[Any]:
    given = call.argument("cbs", 4)
    if given is None:
        return []
    return list(given) if hasattr(given, "__iter__") else [given]


def _is_wanted(call: Call) -> bool:
    from fastai.torch_core import rank_distrib

    known = {type(one).__name__ for one in [*_given(call), *call.owner.cbs]}
    return not known & {"TidemillCallback", "LRFinder"} and rank_distrib() == 0


def _on_fine_tune(session: Session, call: Call) -> Iterator[None]:
    yield


def _on_fit(session: Session, call: Call) -> Iterator[None]:
    from tidemill.tracking.loggers.fastai import TidemillCallback

    # One for the training, which counts its steps through all its fits; kept with the session, so that it goes with it.
    kept = vars(session)
    callback = kept.get(_CALLBACK)
    if callback is None:
        callback = kept[_CALLBACK] = TidemillCallback(writer=session)
    call.put("cbs", 4, [*_given(call), callback])
    yield
