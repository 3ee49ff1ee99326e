"""The metrics of an evaluation: MLflow's names, NumPy's arithmetic, and metrics of your own."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.evaluation.predictions import Predicted
from tidemill.tracking.autolog import evaluation

CLASSIFIER, REGRESSOR = "classifier", "regressor"
_LOWER_IS_BETTER = {
    "log_loss", "mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "max_error",
    "mean_absolute_percentage_error", "false_positives", "false_negatives",
}  # fmt: skip
_MEANINGS = {
    "predictions": "predictions", "prediction": "predictions", "predicted": "predictions", "y_pred": "predictions",
    "targets": "targets", "target": "targets", "true": "targets", "y_true": "targets", "labels": "targets",
    "probabilities": "probabilities", "y_score": "probabilities", "y_proba": "probabilities", "y_prob": "probabilities",
    "metrics": "metrics", "builtin_metrics": "metrics",
    "data": "data", "inputs": "data", "eval_df": "table",
    "weights": "weights", "sample_weight": "weights", "sample_weights": "weights",
}  # fmt: skip


@dataclass(frozen=True)
class Metric:
    """A metric of your own, made with `make_metric`. `function` answers one number."""

    function: Callable[..., Any]
    name: str
    greater_is_better: bool = True


@dataclass(frozen=True)
class Judged:
    """Rows to judge: what is true, what was predicted, weights or None, and the columns (or None) they came with."""

    targets: Any
    predicted: Predicted
    weights: Any
    data: Any


def make_metric(*, eval_fn: Callable[..., Any], greater_is_better: bool = True, name: str | None = None) -> Metric:
    """A metric of your own for `evaluate(extra_metrics=…)`.

    `eval_fn` is called with what its parameters are named after: `predictions` (or `y_pred`), `targets` (`y_true`),
    `probabilities` (`y_score`), `metrics` (a dict of the built-in ones), `data` (the rows), `sample_weight`. It answers a
    number. Functions of `sklearn.metrics` are such functions. `name` defaults to the function's.
    """
    found = str(name or getattr(eval_fn, "__name__", ""))
    if not found.isidentifier():
        raise InvalidParameter(f"A metric needs a name, and '{found}' is none; pass name='…'.")
    return Metric(eval_fn, found, greater_is_better)


def is_lower_better(name: str, extra: Sequence[Metric] = ()) -> bool:
    """Whether a smaller value of this metric is the better one."""
    last = name.rpartition("/")[2]
    return last in _LOWER_IS_BETTER or any(one.name == last and not one.greater_is_better for one in extra)


def judge(kind: str | None, rows: Judged) -> evaluation.Evaluation:
    """The built-in metrics, tables and pictures for a kind of model. Raises InvalidParameter for data that cannot be."""
    try:
        if kind == CLASSIFIER:
            found = _classification(rows)
        elif kind == REGRESSOR:
            found = _regression(rows)
        else:
            found = evaluation.Evaluation()
    except (ValueError, TypeError) as error:
        raise InvalidParameter(f"The predictions cannot be compared with the targets: {error}") from None
    found.metrics = {"example_count": float(len(rows.predicted.labels)), **found.metrics}
    return found


def measure(metrics: Sequence[Metric], rows: Judged, known: Mapping[str, float]) -> dict[str, float]:
    """The values of metrics of your own. Raises InvalidParameter where one answers no number, or fails."""
    found = {}
    for metric in metrics:
        try:
            value = metric.function(**_arguments(metric, rows, known))
            found[metric.name] = float(value.item() if hasattr(value, "item") else value)
        except InvalidParameter:
            raise
        except Exception as error:
            raise InvalidParameter(f"The metric '{metric.name}' failed: {type(error).__name__}: {error}") from error
    return found


def metric_of(given: Any) -> Metric:
    """What was given as an extra metric: a Metric or a function."""
    if isinstance(given, Metric):
        return given
    if callable(given):
        return make_metric(eval_fn=given)
    raise InvalidParameter(f"An extra metric is a function or made with make_metric, not a {type(given).__name__}.")


def _arguments(metric: Metric, rows: Judged, known: Mapping[str, float]) -> dict[str, Any]:
    there = {
        "predictions": rows.predicted.labels, "targets": rows.targets, "probabilities": rows.predicted.shares,
        "metrics": dict(known), "data": rows.data, "weights": rows.weights,
    }  # fmt: skip
    given = {}
    for name, parameter in inspect.signature(metric.function).parameters.items():
        value = there.get(_MEANINGS.get(name, ""))
        if value is not None:
            given[name] = value
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD,
        ):  # fmt: skip
            raise InvalidParameter(
                f"The metric '{metric.name}' wants '{name}', which there is not here; its parameters may be named "
                "predictions, targets, probabilities, metrics, data and sample_weight."
            )
    return given


def _classification(rows: Judged) -> evaluation.Evaluation:
    import numpy as np

    said = rows.predicted
    classes = np.unique(np.concatenate([rows.targets, said.labels]))
    shares = said.shares
    if shares is not None and said.classes is not None:
        # Of a slice, or of data in which a class is missing: the columns of the classes that are there.
        classes = np.unique(np.concatenate([classes, np.asarray(said.classes)]))
        if len(classes) != len(said.classes):
            shares = None
        elif shares.ndim == 2:
            shares = shares[:, np.argsort(np.asarray(said.classes), kind="stable")]
    found = evaluation.classification(rows.targets, said.labels, shares, classes.tolist(), rows.weights)
    if len(classes) == 2:
        found.metrics |= _binary(rows, classes)
        if shares is not None:
            found.metrics |= _area(rows.targets == classes[1], shares if shares.ndim == 1 else shares[:, 1])
    return found


def _binary(rows: Judged, classes: Any) -> dict[str, float]:
    """Of the second class, as MLflow has it: what was found of it, and how much of what was said to be it is."""
    import numpy as np

    weight = np.ones(len(rows.targets)) if rows.weights is None else np.asarray(rows.weights, float)
    true, said = rows.targets == classes[1], rows.predicted.labels == classes[1]
    hit, alarm = float(weight[true & said].sum()), float(weight[~true & said].sum())
    missed, quiet = float(weight[true & ~said].sum()), float(weight[~true & ~said].sum())
    return {
        "true_positives": hit,
        "false_positives": alarm,
        "false_negatives": missed,
        "true_negatives": quiet,
        "precision_score": hit / (hit + alarm) if hit + alarm else 0.0,
        "recall_score": hit / (hit + missed) if hit + missed else 0.0,
        "f1_score": 2 * hit / (2 * hit + alarm + missed) if hit + alarm + missed else 0.0,
    }


def _area(true: Any, score: Any) -> dict[str, float]:
    """The area under precision over recall, by trapezoids as scikit-learn's `auc` takes it."""
    import numpy as np

    if not true.any():
        return {}
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    hits = np.cumsum(true[order])[ends]
    precision, recall = np.append(1, hits / (ends + 1)), np.append(0, hits / hits[-1])
    return {"precision_recall_auc": float((np.diff(recall) * (precision[1:] + precision[:-1]) / 2).sum())}


def _regression(rows: Judged) -> evaluation.Evaluation:
    import numpy as np

    found = evaluation.regression(rows.targets, rows.predicted.labels, rows.weights)
    true, said = np.asarray(rows.targets, float), np.asarray(rows.predicted.labels, float)
    error = np.abs(true.reshape(len(true), -1) - said.reshape(len(said), -1))
    size = np.maximum(np.abs(true.reshape(len(true), -1)), np.finfo(float).eps)
    found.metrics |= {
        "max_error": float(error.max()),
        "mean_absolute_percentage_error": float(np.average(error / size, axis=0, weights=rows.weights).mean()),
        "sum_on_target": float(true.sum()),
        "mean_on_target": float(true.mean()),
    }
    return found
