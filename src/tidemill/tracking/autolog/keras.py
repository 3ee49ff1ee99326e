"""Autologging for Keras 3: `Model.fit`, with any backend."""

from collections.abc import Iterator, Mapping
from typing import Any

from tidemill.tracking.autolog import boosting, rows
from tidemill.tracking.autolog.core import Call, Framework, Options
from tidemill.tracking.autolog.session import Session


def autolog(
    *,
    log_params: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, Any] | None = None,
) -> None:
    """Log what Keras models are fitted with, their metrics of each epoch, their summary and an early end.

    The options as in `tidemill.sklearn.autolog`.
    """
    if disable:
        framework.turn_off()
        return
    framework.turn_on(
        Options(
            log_params=log_params,
            log_datasets=log_datasets,
            exclusive=exclusive,
            silent=silent,
            extra_tags=dict(extra_tags or {}),
        )
    )


def _install(framework: Framework) -> None:
    from keras.src.models.model import Model

    fit = framework.watch("fit", _on_fit, trains=True, wants=_has_no_callback)
    for cls in Model.__mro__:
        if "fit" in vars(cls):  # the trainer of the backend, which all models share
            framework.watch_function(cls, "fit", fit)
            break
    framework.watch_classes(Model, {"fit": fit}, lambda cls: False)


framework = Framework("keras", "keras.src.models.model", _install)
_PARAMS = ("batch_size", "validation_split", "shuffle", "initial_epoch", "steps_per_epoch", "validation_steps")


def _has_no_callback(call: Call) -> bool:
    return not any(type(one).__name__ == "TidemillCallback" for one in _callbacks(call))


def _callbacks(call: Call) -> list[Any]:
    given = call.argument("callbacks", 6)
    if given is None:
        return []
    inner = getattr(given, "callbacks", given)  # a CallbackList
    return list(inner) if isinstance(inner, list | tuple) else [inner]


def _on_fit(session: Session, call: Call) -> Iterator[None]:
    from tidemill.tracking.loggers.keras import TidemillCallback

    given = call.argument("callbacks", 6)
    if hasattr(given, "append") and hasattr(given, "callbacks"):
        call.put("callbacks", 6, _extended(given, TidemillCallback(writer=session)))
    else:
        call.put("callbacks", 6, [*_callbacks(call), TidemillCallback(writer=session)])
    with session.part("the params"):
        known = boosting.arguments(call, ())
        session.params({name: known[name] for name in _PARAMS if known.get(name) is not None})
        session.flush()
    options = session.framework.options
    data, targets = call.argument("x", 1), call.argument("y", 2)
    if options is not None and options.log_datasets and hasattr(data, "shape"):
        with session.part("the data set"):
            described = rows.describe(data, targets)
            if described is not None:
                session.dataset(described, "train")
    yield
    with session.part("early stopping"):
        for one in _callbacks(call):
            if type(one).__name__ == "EarlyStopping" and one.stopped_epoch:
                session.metrics({"best_epoch": one.best_epoch, "best_" + one.monitor: one.best})


def _extended(given: Any, callback: Any) -> Any:
    """A CallbackList with one more, which knows the model and the params as the others do."""
    callback.set_params(given.params)
    callback.set_model(given.model)
    given.callbacks = [*(one for one in given.callbacks if type(one) is not type(callback)), callback]
    return given
