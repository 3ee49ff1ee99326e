"""What `tidemill demo` keeps of a model as plain data: numbers and texts that any language can read, never pickle.

`model/model.json` holds `features`, `classes` (empty for regression), `scaler` (mean and scale of each feature), and

    linear    coefficients (a row a class; one row for two classes or a number) and intercepts
    network   layers, each with weights (a row an input) and biases; rectified inside, softmax at the end
    trees     trees as parallel lists: feature (-1: a leaf), threshold (left where less or equal), left, right, value
              (at leaves: a probability a class, or a number), and `combine`: `mean`, or `sum` with rate and start
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidemill.cli.demo_training import Split

_ROWS = 50
_DIGITS = 7


def model_document(found: "Split", kind: str, model: Any) -> dict[str, Any]:
    """A fitted model as a JSON document; the module's text describes it."""
    head = {
        "kind": kind,
        "features": found.features,
        "classes": found.classes,
        "scaler": {"mean": found.scaler.mean_.tolist(), "scale": found.scaler.scale_.tolist()},
    }
    if hasattr(model, "coefs_"):
        layers = zip(model.coefs_, model.intercepts_, strict=True)
        return {**head, "layers": [{"weights": w.tolist(), "biases": b.tolist()} for w, b in layers]}
    if not hasattr(model, "estimators_"):
        return {**head, "coefficients": _rows(model.coef_), "intercepts": _flat(model.intercept_)}
    if hasattr(model, "init_"):
        trees = [_tree(one, sums=True) for one in model.estimators_[:, 0]]
        return {**head, "combine": "sum", "rate": model.learning_rate, "start": _start(found, model), "trees": trees}
    return {**head, "combine": "mean", "trees": [_tree(one) for one in model.estimators_]}


def _rows(values: Any) -> Any:
    return values.tolist() if values.ndim == 2 else [values.tolist()]


def _flat(values: Any) -> list[float]:
    import numpy as np

    found: list[float] = np.ravel(values).tolist()
    return found


def _start(found: "Split", model: Any) -> float:
    """Where boosting starts: the mean, or the log odds of the second class."""
    import numpy as np

    if not found.is_classes:
        return float(model.init_.constant_.ravel()[0])
    share = model.init_.class_prior_[1]
    return float(np.log(share / (1 - share)))


def _tree(estimator: Any, sums: bool = False) -> dict[str, list[Any]]:
    tree = estimator.tree_
    leaf = tree.children_left < 0
    values = []
    for place, is_leaf in enumerate(leaf):
        cell = tree.value[place, 0].round(_DIGITS).tolist() if is_leaf else None
        values.append(cell[0] if cell is not None and (sums or len(cell) == 1) else cell)
    return {
        "feature": [-1 if is_leaf else int(one) for one, is_leaf in zip(tree.feature, leaf, strict=True)],
        "threshold": [None if is_leaf else float(one) for one, is_leaf in zip(tree.threshold, leaf, strict=True)],
        "left": tree.children_left.tolist(),
        "right": tree.children_right.tolist(),
        "value": values,
    }


def tree_text(found: "Split", model: Any) -> str:
    """The first tree as rules to read; empty for models without trees."""
    if not hasattr(model, "estimators_"):
        return ""
    from sklearn.tree import export_text

    first = model.estimators_[0, 0] if hasattr(model, "init_") else model.estimators_[0]
    text: str = export_text(first, feature_names=found.features, max_depth=4)
    return text


def predictions(found: "Split", model: Any) -> dict[str, list[Any]]:
    """The first test rows: what is true, what the model says and how sure it is, as columns."""
    x, y = found.test[0][:_ROWS], found.test[1][:_ROWS]
    if not found.is_classes:
        answer = model.predict(x)
        return {"true": y.tolist(), "predicted": answer.tolist(), "error": (answer - y).tolist()}
    shares = model.predict_proba(x)
    chosen = shares.argmax(axis=1)
    return {
        "true": [found.classes[one] for one in y],
        "predicted": [found.classes[one] for one in chosen],
        "probability": shares.max(axis=1).tolist(),
        "right": (chosen == y).tolist(),
    }


def report(found: "Split", name: str, metrics: dict[str, float], about: str) -> str:
    """A page about a run, in Markdown."""
    lines = [
        f"# {name} on {found.name}",
        "",
        f"{about}. {len(found.train[1])} rows to train on, {len(found.val[1])} to choose by, "
        f"{len(found.test[1])} to judge by.",
        "",
        "| on the test rows | |",
        "|---|---|",
        *(f"| {key.removeprefix('test_')} | {value:.4g} |" for key, value in metrics.items()),
        "",
    ]
    return "\n".join(lines)
