"""What predictions are worth: metrics, tables and pictures from what is true and what was predicted.

Needs NumPy alone, so that every framework can use it. The metrics are scikit-learn's, by its names and definitions:
precision, recall and F1 averaged by the classes' weights, `roc_auc` one-versus-one for three classes and more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidemill.tracking.autolog import pictures

if TYPE_CHECKING:
    from tidemill.tracking.autolog.session import Session

MOST_CLASSES = 200
"""With more classes there are metrics only, no tables and pictures."""
_MOST_DRAWN = 40
_MOST_CURVES = 10
_MOST_POINTS = 200
_MOST_ROWS = 1000
_BINS = 10

Columns = dict[str, list[Any]]


@dataclass(slots=True)
class Evaluation:
    """`metrics` by name, `tables` by name as columns, `pictures` by name as the functions that draw them."""

    metrics: dict[str, float] = field(default_factory=dict)
    tables: dict[str, Columns] = field(default_factory=dict)
    pictures: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def log(self, session: "Session", prefix: str = "") -> None:
        """Write everything, each name with `prefix` before it."""
        session.metrics({prefix + name: value for name, value in self.metrics.items()})
        for name, columns in self.tables.items():
            session.table(columns, f"{prefix}{name}.json")
        for name, (draw, *args) in self.pictures.items():
            session.picture(draw, f"{prefix}{name}.png", *args)


def classification(
    true: Any, predicted: Any, shares: Any = None, classes: Sequence[Any] | None = None, weights: Any = None
) -> Evaluation:
    """Evaluate a classifier. `true` and `predicted`: one label a row; `weights`: one number a row, default 1 each.

    `shares` (rows × classes, in the order of `classes`, by default the sorted labels) are the predicted probabilities;
    without them there are no curves. Raises ValueError where the shapes do not fit.
    """
    import numpy as np

    true, predicted = np.asarray(true).ravel(), np.asarray(predicted).ravel()
    if len(true) != len(predicted) or not len(true):
        raise ValueError(f"There are {len(true)} labels and {len(predicted)} predictions.")
    weight = np.ones(len(true)) if weights is None else np.asarray(weights, float).ravel()
    labels = np.unique(np.concatenate([true, predicted]) if classes is None else np.asarray(classes))
    rows, answers = np.searchsorted(labels, true), np.searchsorted(labels, predicted)
    if rows.max() >= len(labels) or answers.max() >= len(labels) or (labels[rows] != true).any():
        raise ValueError("There are labels that are not among the classes.")
    count = len(labels)
    confusion = np.bincount(rows * count + answers, weight, count * count).reshape(count, count)
    names = [str(one) for one in labels.tolist()]
    found = Evaluation()
    per_class = _per_class(confusion)
    found.metrics = _averages(confusion, per_class)
    if count <= MOST_CLASSES:
        found.tables["per_class"] = {"class": names, **{key: value.tolist() for key, value in per_class.items()}}
        found.tables["confusion_matrix"] = _confusion_table(names, confusion)
    if count <= _MOST_DRAWN:
        found.pictures["confusion_matrix"] = (pictures.confusion, names, confusion)
    if shares is not None:
        _add_curves(found, names, rows, np.asarray(shares, float), weight, weights is not None)
    return found


def _per_class(confusion: Any) -> dict[str, Any]:
    import numpy as np

    right, said, support = np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1)
    return {
        "precision": _ratio(right, said),
        "recall": _ratio(right, support),
        "f1_score": _ratio(2 * right, said + support),
        "support": support,
        "predicted": said,
    }


def _ratio(above: Any, below: Any) -> Any:
    import numpy as np

    return np.divide(above, below, out=np.zeros_like(above, float), where=below != 0)


def _averages(confusion: Any, per_class: Mapping[str, Any]) -> dict[str, float]:
    support, total = per_class["support"], confusion.sum()
    averages = {
        f"{key if key == 'f1_score' else key + '_score'}": float((per_class[key] * support).sum() / total)
        for key in ("precision", "recall", "f1_score")
    }
    return {**averages, "accuracy_score": float(confusion.trace() / total)}


def _confusion_table(names: list[str], confusion: Any) -> Columns:
    """One row a true class, one column a predicted one."""
    whole = (confusion == confusion.round()).all()
    counts = confusion.astype("int64") if whole else confusion
    return {"true": names, **{f"predicted {name}": counts[:, place].tolist() for place, name in enumerate(names)}}


def _add_curves(found: Evaluation, names: list[str], rows: Any, shares: Any, weight: Any, is_weighted: bool) -> None:
    import numpy as np

    if shares.ndim == 1:
        shares = np.column_stack([1 - shares, shares])
    if shares.shape != (len(rows), len(names)):
        raise ValueError(f"Probabilities of shape {shares.shape} do not fit {len(rows)} rows and {len(names)} classes.")
    total = shares.sum(axis=1, keepdims=True)
    certain = shares[np.arange(len(rows)), rows] / np.where(total[:, 0] > 0, total[:, 0], 1)
    tiny = np.finfo(shares.dtype).eps
    found.metrics["log_loss"] = float(np.average(-np.log(np.clip(certain, tiny, 1 - tiny)), weights=weight))
    is_binary = len(names) == 2
    present = set(np.unique(rows).tolist())
    if is_binary and len(present) == 2:
        found.metrics["roc_auc"] = _area(rows == 1, shares[:, 1], weight)
    elif len(names) > 2 and len(present) == len(names) <= MOST_CLASSES and not is_weighted:
        found.metrics["roc_auc"] = _area_by_pairs(rows, shares)
    shown = [1] if is_binary else list(range(len(names)))[:MOST_CLASSES]
    shown = [place for place in shown if place in present and len(present) > 1]
    if not shown or len(names) > MOST_CLASSES:
        return
    curves = {names[place]: _threshold_curve(rows == place, shares[:, place], weight) for place in shown}
    bins = {names[place]: _calibration(rows == place, shares[:, place], weight) for place in shown}
    for name, keys, draw in (
        ("roc_curve", ("false_positive_rate", "true_positive_rate"), pictures.roc),
        ("precision_recall_curve", ("recall", "precision"), pictures.precision_recall),
    ):
        found.tables[name] = _long(
            {label: {k: curve[k] for k in (*keys, "threshold")} for label, curve in curves.items()}
        )
        found.pictures[name] = (draw, dict(list(curves.items())[:_MOST_CURVES]))
    found.tables["calibration_curve"] = _long(bins)
    found.pictures["calibration_curve"] = (pictures.calibration, dict(list(bins.items())[:_MOST_CURVES]))


def _long(by_class: Mapping[str, Mapping[str, Any]]) -> Columns:
    """Several curves as one table, with a column that says of which class a row is."""
    found: Columns = {"class": []}
    for name, columns in by_class.items():
        for key, column in columns.items():
            found.setdefault(key, []).extend(column.tolist())
        found["class"] += [name] * len(next(iter(columns.values())))
    return found


def _counts(is_it: Any, score: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Weights of right and of wrong hits where everything from each distinct score upwards is taken, highest first."""
    import numpy as np

    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    right = np.cumsum(weight[order] * is_it[order])[ends]
    wrong = np.cumsum(weight[order] * ~is_it[order])[ends]
    return right, wrong, score[order][ends]


def _area(is_it: Any, score: Any, weight: Any) -> float:
    """The area under the ROC curve."""
    right, wrong, _ = _counts(is_it, score, weight)
    if right[-1] == 0 or wrong[-1] == 0:
        return float("nan")
    return _under(wrong, right) / float(right[-1] * wrong[-1])


def _under(x: Any, y: Any) -> float:
    """The area under the lines through (0, 0) and the points."""
    import numpy as np

    across, up = np.append(0, x), np.append(0, y)
    return float((np.diff(across) * (up[1:] + up[:-1]) / 2).sum())


def _area_by_pairs(rows: Any, shares: Any) -> float:
    """The mean area over all pairs of classes, weighted by how many rows a pair has (Hand and Till)."""
    import numpy as np

    areas, sizes = [], []
    for one in range(shares.shape[1]):
        for other in range(one + 1, shares.shape[1]):
            pair = (rows == one) | (rows == other)
            weight = np.ones(int(pair.sum()))
            is_one = rows[pair] == one
            areas.append((_area(is_one, shares[pair, one], weight) + _area(~is_one, shares[pair, other], weight)) / 2)
            sizes.append(len(weight))
    return float(np.average(areas, weights=sizes))


def _threshold_curve(is_it: Any, score: Any, weight: Any) -> dict[str, Any]:
    """Rates at (at most 200 of) the thresholds, highest threshold first, with the areas under both curves."""
    import numpy as np

    right, wrong, threshold = _counts(is_it, score, weight)
    recall = right / right[-1] if right[-1] else np.zeros_like(right)
    false = wrong / wrong[-1] if wrong[-1] else np.zeros_like(wrong)
    precision = right / (right + wrong).clip(min=1e-300)
    average = float((np.diff(np.append(0, recall)) * precision).sum())
    keep = np.unique(np.linspace(0, len(right) - 1, min(len(right), _MOST_POINTS)).round().astype(int))
    return {
        "false_positive_rate": np.append(0, false[keep]),
        "true_positive_rate": np.append(0, recall[keep]),
        "recall": np.append(0, recall[keep]),
        "precision": np.append(1, precision[keep]),
        "threshold": np.append(np.inf, threshold[keep]),
        "roc_auc": _under(false, recall),
        "average_precision": average,
    }


def _calibration(is_it: Any, score: Any, weight: Any) -> dict[str, Any]:
    """In ten equal bins of the predicted probability: its mean, how often it came true, and the weight of the rows."""
    import numpy as np

    place = np.clip((score * _BINS).astype(int), 0, _BINS - 1)
    size = np.bincount(place, weight, _BINS)
    some = size > 0
    return {
        "predicted": np.bincount(place, weight * score, _BINS)[some] / size[some],
        "observed": np.bincount(place, weight * is_it, _BINS)[some] / size[some],
        "rows": size[some],
    }


def regression(true: Any, predicted: Any, weights: Any = None) -> Evaluation:
    """Evaluate a regressor. `true` and `predicted`: rows, or rows × outputs, over which metrics are averaged.

    Raises ValueError where the shapes do not fit.
    """
    import numpy as np

    true, predicted = np.asarray(true, float), np.asarray(predicted, float)
    true, predicted = true.reshape(len(true), -1), predicted.reshape(len(predicted), -1)
    if true.shape != predicted.shape or not len(true):
        raise ValueError(f"There are targets of shape {true.shape} and predictions of shape {predicted.shape}.")
    weight = None if weights is None else np.asarray(weights, float).ravel()
    error = true - predicted
    squared = np.average(error**2, axis=0, weights=weight)
    spread = np.average((true - np.average(true, axis=0, weights=weight)) ** 2, axis=0, weights=weight)
    explained = np.where(spread > 0, 1 - squared / np.where(spread > 0, spread, 1), np.where(squared > 0, 0.0, 1.0))
    found = Evaluation()
    found.metrics = {
        "mean_squared_error": float(squared.mean()),
        "mean_absolute_error": float(np.average(np.abs(error), axis=0, weights=weight).mean()),
        "r2_score": float(explained.mean()) if len(true) > 1 else float("nan"),
        "root_mean_squared_error": float(np.sqrt(squared.mean())),
    }
    if true.shape[1] == 1:
        keep = np.unique(np.linspace(0, len(true) - 1, min(len(true), _MOST_ROWS)).round().astype(int))
        points = {"true": true[keep, 0], "predicted": predicted[keep, 0], "residual": error[keep, 0]}
        found.tables["residuals"] = {"row": keep.tolist(), **{key: one.tolist() for key, one in points.items()}}
        found.tables["residual_quantiles"] = _quantiles(error[:, 0])
        found.pictures["residuals"] = (pictures.residuals, points)
        found.pictures["predicted_vs_actual"] = (pictures.predicted_vs_actual, points)
    return found


def _quantiles(error: Any) -> Columns:
    import numpy as np

    at = [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1]
    return {"quantile": list(at), "residual": np.quantile(error, at).tolist()}


def importance(
    session: "Session", names: Sequence[str], weights: Any, kind: str, stem: str = "feature_importance"
) -> None:
    """Write how much each feature weighs, as `<stem>.json` (a dict, largest first) and `<stem>.png`."""
    import numpy as np

    sizes = np.asarray(weights, float)
    sizes = np.abs(sizes).mean(axis=0) if sizes.ndim > 1 else sizes
    order = np.argsort(-np.abs(sizes), kind="stable")
    session.json({str(names[place]): float(sizes[place]) for place in order}, f"{stem}.json")
    session.picture(pictures.importance, f"{stem}.png", [str(names[place]) for place in order], sizes[order], kind)
