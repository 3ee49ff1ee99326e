"""How well logged models do on other data: `model.score(X_val, y_val)` and metrics of `sklearn.metrics` afterwards.

Such a value goes to the run that its model was logged in, as `<metric>_<data>`, where `<data>` is the name of the
variable that the caller has the data in. The second call of a metric is `<metric>-2_<data>`, as in MLflow, unless it is the
same call again, as in a loop: that is the metric's next step. With the first value on some data goes a whole
evaluation, with names that start with `<data>_`.
"""

import contextlib
import inspect
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any

from tidemill.tracking.autolog import rows, values

if TYPE_CHECKING:
    from tidemill.tracking.autolog.core import Call, Framework
    from tidemill.tracking.autolog.session import Session

UNKNOWN = "unknown_dataset"
_MOST_OF_A_NAME = 10
_REFERENCES = 3
_NO_METRICS = ("check_scoring", "get_scorer", "get_scorer_names", "make_scorer")
_PREDICTIONS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
_lock = threading.Lock()

Evaluate = Callable[["Session", Any, Any, Any, str], None]
"""How to evaluate a model: (session, model, data, targets, the data's name)."""


@dataclass(slots=True)
class _Logged:
    """The session that a model was logged in, and what was measured of the model since."""

    session: "Session"
    evaluate: "Evaluate | None" = None
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    data: "dict[str, weakref.ref[Any]]" = field(default_factory=dict)
    evaluated: set[str] = field(default_factory=set)

    def name_of(self, data: Any, variable: str) -> str:
        """The variable's name, with `-2`, `-3` and so on for other data that was in a variable of that name before.

        After ten of them (batches, for instance) there are no more names.
        """
        for number in range(1, _MOST_OF_A_NAME + 1):
            name = variable if number == 1 else f"{variable}-{number}"
            known = self.data.get(name)
            if known is None:
                with contextlib.suppress(TypeError):
                    self.data[name] = weakref.ref(data)
                return name
            if known() is data:
                return name
        return variable

    def key_of(self, metric: str, dataset: str, call: str) -> tuple[str, int]:
        """Under which key to log a metric, and at which step: the same call again is the next step of the same."""
        known = self.keys.get((metric, call))
        if known is None:
            times = self.times[metric] = self.times.get(metric, 0) + 1
            known = values.key(f"{metric}_{dataset}" if times == 1 else f"{metric}-{times}_{dataset}")
            self.keys[metric, call] = known
        step = self.times[known] = self.times.get(known, -1) + 1
        return known, step


@dataclass(frozen=True, slots=True)
class _Prediction:
    """By which model, and on what data, under which name, a prediction was made."""

    model: "weakref.ref[Any]"
    data: "weakref.ref[Any] | None"
    name: str


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


def remember(model: Any, session: "Session", evaluate: "Evaluate | None" = None) -> None:
    """Note that a model was logged in a session. `evaluate` is for models that are no estimators."""
    options = session.framework.options
    if options is not None and options.log_post_training_metrics:
        _models.put(model, _Logged(session, evaluate))


def watch_methods(framework: "Framework") -> dict[str, str]:
    """Watch what judges estimators of any class; answers the keys of their own methods, for `watch_classes`."""
    score = framework.watch("score", on_score, wants=is_logged)
    predict = framework.watch("predict", on_predict, wants=is_logged)
    watch_metrics(framework)
    return {"score": score, **dict.fromkeys(_PREDICTIONS, predict)}


def is_logged(call: "Call") -> bool:
    """Whether this is a call of a method of a model that was logged, and is remembered."""
    return _models.get(call.owner) is not None


def on_predict(framework: "Framework", call: "Call") -> Iterator[None]:
    """Note of whom and on what a prediction is."""
    data, logged = call.argument("X", 1, call.kwargs.get("data")), _models.get(call.owner)
    name = logged.name_of(data, _variable(data)) if logged is not None else UNKNOWN
    yield
    try:
        kept = weakref.ref(data)
    except TypeError:
        kept = None
    _predictions.put(call.result, _Prediction(weakref.ref(call.owner), kept, name))


def on_score(framework: "Framework", call: "Call") -> Iterator[None]:
    """Log what `model.score` answers."""
    data, targets, logged = call.argument("X", 1), call.argument("y", 2), _models.get(call.owner)
    name = logged.name_of(data, _variable(data)) if logged is not None else UNKNOWN
    arguments = f"X={name}, y={_variable(targets)}" if targets is not None else f"X={name}"
    yield
    kind = type(call.owner).__name__
    _log(call.owner, f"{kind}_score", name, call.result, f"{kind}.score({arguments})")
    _evaluate(call.owner, name, data, targets)


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
    return _prediction(call) is not None


def _prediction(call: "Call") -> _Prediction | None:
    found = (_predictions.get(one) for one in (*call.args[:3], *call.kwargs.values()))
    return next((one for one in found if one is not None), None)


def on_metric(framework: "Framework", call: "Call") -> Iterator[None]:
    """Log what a metric says about predictions of a logged model."""
    prediction = _prediction(call)
    metric = call.original.__name__
    given = [_variable(one, "…") for one in call.args]
    given += [f"{key}={_variable(one, values.shown(one)[:40])}" for key, one in call.kwargs.items()]
    yield
    model = prediction.model() if prediction is not None else None
    if prediction is None or model is None:
        return
    _log(model, metric, prediction.name, call.result, f"{metric}({', '.join(given)})")
    data = prediction.data() if prediction.data is not None else None
    _evaluate(model, prediction.name, data, call.argument("y_true", 0))


def _log(model: Any, metric: str, dataset: str, value: Any, shown: str) -> None:
    logged, number = _models.get(model), values.number(value)
    if logged is None or number is None:
        return
    with _lock:
        key, step = logged.key_of(metric, dataset, shown)
        calls = {name: call for (_, call), name in logged.keys.items()}
    logged.session.score(key, number, step)
    if step == 0:
        logged.session.json(calls, "metric_info.json")
        logged.session.close()


def _evaluate(model: Any, name: str, data: Any, targets: Any) -> None:
    """Link the data to the model's run, and evaluate the model on it as on its training data; once for each name."""
    from tidemill.tracking.autolog import estimators

    logged = _models.get(model)
    if logged is None or name == UNKNOWN or name in logged.evaluated or data is None or targets is None:
        return
    logged.evaluated.add(name)
    session = logged.session
    options = session.framework.options
    if options is not None and options.log_datasets and logged.evaluate is None:
        with session.part("the data set"):
            dataset = rows.describe(data, targets)
            if dataset is not None:
                session.dataset(dataset, "eval")
    with session.part(f"the evaluation on {name}"):
        if logged.evaluate is not None:
            logged.evaluate(session, model, data, targets, name)
        else:
            estimators.evaluate(session, model, data, targets, None, f"{name}_", 1.0)
    session.close()


def _variable(value: Any, otherwise: str = UNKNOWN) -> str:
    """What the caller calls an object: the name of a variable of the nearest function outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("tidemill.tracking.autolog"):
        frame = frame.f_back
    found = _name_in(frame.f_locals, value) or _name_in(frame.f_globals, value)
    _forget_locals(frame)
    return found or otherwise


def _name_in(variables: Mapping[str, Any], value: Any) -> str | None:
    names = (name for name, one in list(variables.items()) if one is value and not name.startswith("_"))
    return next(names, None)


def _forget_locals(frame: FrameType) -> None:
    """Before Python 3.13 a function's frame keeps what `f_locals` answered, and so all its variables, until it ends.

    Emptied here unless somebody else holds it too (who called `locals()`): the frame, `kept` and the call are three.
    """
    if sys.version_info < (3, 13) and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        kept = frame.f_locals
        if sys.getrefcount(kept) <= _REFERENCES:
            kept.clear()
