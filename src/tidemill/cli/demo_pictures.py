"""The pictures of `tidemill demo`, drawn with matplotlib without a screen."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidemill.cli.demo_training import Split

_DPI = 80
_MOST_BARS = 15


def pictures(found: "Split", model: Any, curves: dict[str, list[float]]) -> dict[str, Any]:
    """Figures by name, of one run. `close` each when it is saved."""
    drawn = {"feature_importance": _importance(found, model)} if not hasattr(model, "coefs_") else {}
    if len(curves["val_loss"]) > 1:
        drawn["learning_curves"] = _curves(found, curves)
    if not found.is_classes:
        return {**drawn, "residuals": _residuals(found, model)}
    return {**drawn, "confusion_matrix": _confusion(found, model), "roc": _roc(found, model)}


def close(figure: Any) -> None:
    """Free a figure's memory."""
    figure.clear()


def _figure(width: float = 5, height: float = 4, columns: int = 1) -> tuple[Any, Any]:
    # Not pyplot: it keeps a list of all figures and may look for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns)


def _curves(found: "Split", curves: dict[str, list[float]]) -> Any:
    second = "accuracy" if found.is_classes else "r2"
    figure, axes = _figure(9, 3.5, 2)
    for axis, key in zip(axes, ("loss", second), strict=True):
        for part in ("train", "val"):
            axis.plot(curves[f"{part}_{key}"], label=part)
        axis.set(title=key, xlabel="step")
        axis.grid(alpha=0.3)
        axis.legend()
    return figure


def _importance(found: "Split", model: Any) -> Any:
    import numpy as np

    if hasattr(model, "feature_importances_"):
        weights, label = model.feature_importances_, "importance"
    else:
        weights, label = np.abs(np.atleast_2d(model.coef_)).mean(axis=0), "mean |coefficient|"
    order = np.argsort(weights)[-_MOST_BARS:]
    figure, axis = _figure(6, 4)
    axis.barh([found.features[place] for place in order], weights[order])
    axis.set_xlabel(label)
    return figure


def _confusion(found: "Split", model: Any) -> Any:
    from sklearn.metrics import confusion_matrix

    x, y = found.test
    counts = confusion_matrix(y, model.predict(x))
    figure, axis = _figure()
    axis.imshow(counts, cmap="Blues")
    places = range(len(found.classes))
    axis.set_xticks(places, found.classes, rotation=45 if len(found.classes[0]) > 2 else 0)
    axis.set_yticks(places, found.classes)
    for row in places:
        for column in places:
            dark = counts[row, column] > counts.max() / 2
            axis.text(
                column, row, str(counts[row, column]), ha="center", va="center", color="white" if dark else "black"
            )
    axis.set(xlabel="predicted", ylabel="true")
    return figure


def _roc(found: "Split", model: Any) -> Any:
    from sklearn.metrics import roc_auc_score, roc_curve

    x, y = found.test
    shares = model.predict_proba(x)
    figure, axis = _figure()
    axis.plot([0, 1], [0, 1], linestyle=":", color="grey")
    for place, name in enumerate(found.classes):
        if len(found.classes) == 2 and place == 0:
            continue
        wrong, right, _ = roc_curve(y == place, shares[:, place])
        axis.plot(wrong, right, label=f"{name} (AUC {roc_auc_score(y == place, shares[:, place]):.3f})")
    axis.set(xlabel="false positive rate", ylabel="true positive rate")
    axis.legend(fontsize=7, loc="lower right")
    return figure


def _residuals(found: "Split", model: Any) -> Any:
    x, y = found.test
    answer = model.predict(x)
    figure, axis = _figure()
    axis.scatter(answer, y - answer, s=14, alpha=0.7)
    axis.axhline(0, color="grey", linestyle=":")
    axis.set(xlabel="predicted", ylabel="true − predicted")
    return figure
