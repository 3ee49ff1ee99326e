"""The pictures of an evaluation, drawn with matplotlib's Agg: no screen, no pyplot, none of its global state."""

from collections.abc import Mapping, Sequence
from typing import Any

_DPI = 90
_MOST_BARS = 20
_MOST_NUMBERS = 15
_LONGEST = 24


def _figure(width: float, height: float, left: float = 0.13, bottom: float = 0.13) -> tuple[Any, Any]:
    # Fixed margins: matplotlib's layout engines draw everything twice.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=_DPI)
    FigureCanvasAgg(figure)
    return figure, figure.add_axes((left, bottom, 0.96 - left, 0.92 - bottom))


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def confusion(names: Sequence[str], counts: Any) -> Any:
    """Rows: what is true, columns: what was predicted. Shades are shares of the row, numbers are rows of the data."""
    size, shown = len(names), [_short(name) for name in names]
    longest = min(0.3, 0.1 + 0.012 * max(map(len, shown)))
    figure, axis = _figure(max(5, 0.3 * size), max(4.5, 0.3 * size), longest, longest)
    total = counts.sum(axis=1, keepdims=True)
    shares = counts / (total + (total == 0))
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axis.set_xticks(range(size), shown, rotation=90 if max(map(len, shown)) > 4 else 0)
    axis.set_yticks(range(size), shown)
    if size <= _MOST_NUMBERS:
        for row in range(size):
            for column in range(size):
                color = "white" if shares[row, column] > 0.5 else "black"
                axis.text(column, row, f"{counts[row, column]:g}", ha="center", va="center", color=color, fontsize=8)
    axis.set(xlabel="predicted", ylabel="true", title="Confusion matrix")
    return figure


def roc(curves: Mapping[str, Mapping[str, Any]]) -> Any:
    """One ROC curve a class."""
    figure, axis = _figure(5, 4.5)
    axis.plot([0, 1], [0, 1], linestyle=":", color="grey")
    for name, curve in curves.items():
        label = f"{_short(name)} (AUC {curve['roc_auc']:.3f})"
        axis.plot(curve["false_positive_rate"], curve["true_positive_rate"], label=label)
    axis.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC curve")
    axis.legend(fontsize=7, loc="lower right")
    return figure


def precision_recall(curves: Mapping[str, Mapping[str, Any]]) -> Any:
    """One curve of precision over recall a class."""
    figure, axis = _figure(5, 4.5)
    for name, curve in curves.items():
        label = f"{_short(name)} (AP {curve['average_precision']:.3f})"
        axis.plot(curve["recall"], curve["precision"], drawstyle="steps-post", label=label)
    axis.set(xlabel="recall", ylabel="precision", title="Precision and recall", ylim=(0, 1.05))
    axis.legend(fontsize=7, loc="lower left")
    return figure


def calibration(bins: Mapping[str, Mapping[str, Any]]) -> Any:
    """How often what was predicted with some probability came true."""
    figure, axis = _figure(5, 4.5)
    axis.plot([0, 1], [0, 1], linestyle=":", color="grey")
    for name, one in bins.items():
        axis.plot(one["predicted"], one["observed"], marker="o", markersize=4, label=_short(name))
    axis.set(xlabel="predicted probability", ylabel="came true", title="Calibration")
    axis.legend(fontsize=7, loc="upper left")
    return figure


def residuals(points: Mapping[str, Any]) -> Any:
    """What was missed, over what was predicted."""
    figure, axis = _figure(5, 4, 0.16)
    axis.scatter(points["predicted"], points["residual"], s=10, alpha=0.6)
    axis.axhline(0, color="grey", linestyle=":")
    axis.set(xlabel="predicted", ylabel="true − predicted", title="Residuals")
    return figure


def predicted_vs_actual(points: Mapping[str, Any]) -> Any:
    """What was predicted, over what is true."""
    figure, axis = _figure(5, 4.5, 0.16)
    low = min(points["true"].min(), points["predicted"].min())
    high = max(points["true"].max(), points["predicted"].max())
    axis.plot([low, high], [low, high], linestyle=":", color="grey")
    axis.scatter(points["true"], points["predicted"], s=10, alpha=0.6)
    axis.set(xlabel="true", ylabel="predicted", title="Predicted and actual")
    return figure


def importance(names: Sequence[str], weights: Any, kind: str) -> Any:
    """The features that weigh most, the largest on top. `names` and `weights` come largest first."""
    shown = [_short(name) for name in names[:_MOST_BARS]][::-1]
    longest = 0.08 + 0.013 * max(map(len, shown), default=0)
    figure, axis = _figure(6, max(2, 0.9 + 0.22 * len(shown)), longest, 0.9 * 0.5 / max(2, 0.9 + 0.22 * len(shown)))
    axis.barh(range(len(shown)), weights[:_MOST_BARS][::-1])
    axis.set_yticks(range(len(shown)), shown, fontsize=8)
    rest = f" ({len(shown)} of {len(names)})" if len(names) > len(shown) else ""
    axis.set(xlabel=kind, title=f"Feature importance{rest}")
    return figure
