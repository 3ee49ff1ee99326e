"""How well logged models do on other data: `model.score(X_val, y_val)` and metrics of `sklearn.metrics` afterwards.

Such a value goes to the run that its model was logged in, as `<metric>_<data>`, where `<data>` is the name of the
variable that the caller has the data in. The second of the same name is `<metric>-2_<data>`.
"""

import inspect
import sys
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidemill.tracking.autolog import values
from tidemill.tracking.client import Client

if TYPE_CHECKING:
    from tidemill.tracking.autolog.core import Call, Framework
    from tidemill.tracking.autolog.session import Session

UNKNOWN = "unknown_dataset"
_NO_METRICS = ("check_scoring", "get_scorer", "get_scorer_names", "make_scorer")
_PREDICTIONS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
_lock = threading.Lock()


@dataclass(slots=True)
class _Logged:
    """The run that a model was logged in, and what was measured there so far."""

    client: Client
    run_id: str
    names: dict[str, int] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)


class _ByObject:
    """Values by object, as long as the object lives; for objects that need not be hashable."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def put(self, key: Any, value: Any) -> None:
        """Remember a value of an object; nothing happens where the object cannot be referred to weakly."""
        place = id(key)
        try:
            self._found[place] = (weakref.ref(key, lambda _: self._found.pop(place, None)), value)
        except TypeError:
            return

    def get(self, key: Any) -> Any:
        """The value of an object, or None."""
        found = self._found.get(id(key))
        return found[1] if found is not None and found[0]() is key else None


_models = _ByObject()
_predictions = _ByObject()


def remember(model: Any, session: "Session") -> None:
    """Note that a model was logged in a session's run."""
    options = session.framework.options
    if options is not None and options.log_post_training_metrics:
        _models.put(model, _Logged(session.client, session.run_id))


def watch_methods(framework: "Framework") -> dict[str, str]:
    """The keys of the methods by which estimators are judged, for `watch_classes`."""
    score = framework.watch("score", on_score, wants=is_logged)
    predict = framework.watch("predict", on_predict, wants=is_logged)
    return {"score": score, **dict.fromkeys(_PREDICTIONS, predict)}


def is_logged(call: "Call") -> bool:
    """Whether this is a call of a method of a model that was logged."""
    return _models.get(call.owner) is not None


def on_predict(framework: "Framework", call: "Call") -> Iterator[None]:
    """Note of whom and on what a prediction is."""
    name = _variable(call.argument("X", 1))
    yield
    _predictions.put(call.result, (_models.get(call.owner), name))


def on_score(framework: "Framework", call: "Call") -> Iterator[None]:
    """Log what `model.score` answers."""
    data, targets = call.argument("X", 1), call.argument("y", 2)
    name = _variable(data)
    yield
    kind = type(call.owner).__name__
    arguments = f"X={name}, y={_variable(targets)}" if targets is not None else f"X={name}"
    _log(_models.get(call.owner), f"{kind}_score", name, call.result, f"{kind}.score({arguments})")


def watch_metrics(framework: "Framework") -> None:
    """Watch the functions of `sklearn.metrics`, and what the main script has imported of them already."""
    from sklearn import metrics

    names = [name for name in metrics.__all__ if name not in _NO_METRICS and not name.startswith("plot_")]
    main = sys.modules.get("__main__")
    for name in names:
        function = getattr(metrics, name)
        if not inspect.isfunction(function):
            continue
        key = framework.watch(f"metrics.{name}", on_metric, wants=_is_of_prediction)
        framework.watch_function(metrics, name, key)
        if main is not None and vars(main).get(name) is function:
            framework.watch_function(main, name, key)


def _is_of_prediction(call: "Call") -> bool:
    return any(_predictions.get(one) is not None for one in (*call.args[:3], *call.kwargs.values()))


def on_metric(framework: "Framework", call: "Call") -> Iterator[None]:
    """Log what a metric says about predictions of a logged model."""
    found = [_predictions.get(one) for one in (*call.args[:3], *call.kwargs.values())]
    logged, name = next(one for one in found if one is not None)
    yield
    metric = call.original.__name__
    given = [_variable(one, "…") for one in call.args]
    given += [f"{key}={_variable(one, values.shown(one)[:40])}" for key, one in call.kwargs.items()]
    _log(logged, metric, name, call.result, f"{metric}({', '.join(given)})")


def _log(logged: _Logged | None, metric: str, dataset: str, value: Any, shown: str) -> None:
    number = values.number(value)
    if logged is None or number is None:
        return
    with _lock:
        base = f"{metric}_{dataset}"
        logged.names[base] = logged.names.get(base, 0) + 1
        times = logged.names[base]
        key = values.key(base if times == 1 else f"{metric}-{times}_{dataset}")
        logged.calls[key] = shown
    logged.client.log_metric(logged.run_id, key, number)
    logged.client.log_dict(logged.run_id, dict(logged.calls), "metric_info.json")


def _variable(value: Any, otherwise: str = UNKNOWN) -> str:
    """What the caller calls an object: the name of a variable of the nearest function outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("tidemill.tracking.autolog"):
        frame = frame.f_back
    for variables in (frame.f_locals, frame.f_globals):
        for name, one in list(variables.items()):
            if one is value and not name.startswith("_"):
                return name
    return otherwise
