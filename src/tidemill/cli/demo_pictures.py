"""The pictures of `tidemill demo` that autologging does not draw: curves, and importances by the features' names."""

from typing import TYPE_CHECKING, Any

from tidemill.tracking.autolog import pictures

if TYPE_CHECKING:
    from tidemill.cli.demo_training import Split


def learning_curves(found: "Split", curves: dict[str, list[float]]) -> Any:
    """How loss and accuracy (or R²) went on the rows to train on and to choose by."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((9, 3.5), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    second = "accuracy" if found.is_classes else "r2"
    for axis, key in zip(figure.subplots(1, 2), ("loss", second), strict=True):
        for part in ("train", "val"):
            axis.plot(curves[f"{part}_{key}"], label=part)
        axis.set(title=key, xlabel="step")
        axis.grid(alpha=0.3)
        axis.legend()
    return figure


def importance(found: "Split", model: Any) -> tuple[dict[str, float], Any]:
    """How much each feature weighs, largest first, and a picture of it. Nothing for networks."""
    import numpy as np

    if hasattr(model, "coefs_"):
        return {}, None
    if hasattr(model, "feature_importances_"):
        weights, kind = model.feature_importances_, "importance"
    else:
        weights, kind = np.abs(np.atleast_2d(model.coef_)).mean(axis=0), "mean |coefficient|"
    order = np.argsort(-weights)
    names = [found.features[place] for place in order]
    return dict(zip(names, weights[order].tolist(), strict=True)), pictures.importance(names, weights[order], kind)
