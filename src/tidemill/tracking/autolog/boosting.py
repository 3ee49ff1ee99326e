"""What the gradient boosting libraries have in common: params of a call, a metric a round, early stopping."""

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tidemill.tracking.autolog import evaluation, scores
from tidemill.tracking.autolog.session import Session

if TYPE_CHECKING:
    from tidemill.tracking.autolog.core import Call


def arguments(call: "Call", left_out: Sequence[str]) -> dict[str, Any]:
    """The arguments that a function works with, defaults included, but for those `left_out`."""
    known = inspect.signature(call.original)
    bound = known.bind_partial(*call.args, **call.kwargs)
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if name not in left_out}


class Rounds:
    """The metrics of each round of a training, by step."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.seen: dict[int, dict[str, float]] = {}

    def add(self, values: Mapping[str, float], step: int) -> None:
        """Note what was measured in a round. Never raises."""
        with self.session.part("a round's metrics"):
            self.seen[step] = dict(values)
            self.session.metrics(values, step)

    @property
    def last(self) -> int:
        """The step of the last round, or -1."""
        return max(self.seen, default=-1)

    def stopped_early(self, best: int, best_shown: int, last_shown: int) -> None:
        """Note the best round (at step `best`) and its values once more after all others, as MLflow does.

        `best_shown` and `last_shown` are the best and the last round as the library counts them.
        """
        self.session.metrics({"best_iteration": best_shown, "stopped_iteration": last_shown})
        if best in self.seen:
            self.session.metrics(self.seen[best], self.last + 1)


_PLAIN = {"data", "iteration_range", "start_iteration", "num_iteration", "validate_features"}


def is_plain_prediction(call: "Call") -> bool:
    """Whether this asks a logged booster for predictions, and not for margins, leaves or contributions."""
    return len(call.args) <= 2 and call.kwargs.keys() <= _PLAIN and scores.is_logged(call)


def evaluate(session: Session, objective: str, predicted: Any, targets: Any, prefix: str) -> None:
    """Log what a booster's predictions are worth; nothing where its objective does not say what they mean."""
    import numpy as np

    predicted, targets = np.asarray(predicted), np.asarray(targets).ravel()
    if objective in ("binary:logistic", "binary"):
        found = evaluation.classification(targets, (predicted > 0.5).astype(int), predicted, [0, 1])
    elif objective in ("multi:softprob", "multiclass") and predicted.ndim == 2:
        classes = list(range(predicted.shape[1]))
        found = evaluation.classification(targets, predicted.argmax(axis=1), predicted, classes)
    elif objective.startswith(("reg:", "count:", "regression", "poisson", "huber", "quantile")):
        found = evaluation.regression(targets, predicted)
    else:
        return
    found.log(session, prefix)


def log_folds(session: Session, results: Any, early: bool) -> None:
    """Log what a cross-validation measured: mean and deviation over the folds, round by round, and as a table.

    `results` has a column a measure, each as long as there are rounds. `early`: the last round is the best.
    """
    columns = {
        name.replace(" ", "-"): [float(value) for value in values]
        for name, values in dict(results).items()
        if not hasattr(values, "boosters")
    }
    count = min(map(len, columns.values()), default=0)
    for step in range(count):
        session.metrics({name: values[step] for name, values in columns.items()}, step)
    session.table({"round": list(range(count)), **columns}, "cv_results.json")
    if early and count:
        session.metrics({"best_iteration": count - 1})


def log_importance(session: Session, kind: str, weights: Mapping[str, Any]) -> None:
    """Write how much each feature weighs by one of the library's measures."""
    if weights:
        with session.part(f"the feature importance by {kind}"):
            sizes = [_one(value) for value in weights.values()]
            stem = f"feature_importance_{kind}"
            evaluation.importance(session, list(weights), sizes, f"importance ({kind})", stem)


def _one(value: Any) -> float:
    """Linear boosters have a weight for each class: their mean size."""
    return sum(map(abs, value)) / len(value) if isinstance(value, list) else float(value)
