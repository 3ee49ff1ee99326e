"""Decision trees from a file that nobody vouches for: their node tables are checked before anyone predicts with them.

skops can say which *types* a file holds, not whether their content is sound. scikit-learn walks a tree's node table
without bounds checks, so that a forged table reads and writes outside of memory at the first prediction. skops
therefore trusts no tree. Here the table itself is checked: every child exists, comes after its parent and has one
parent only; every feature exists in the rows that will be handed in; the depth is not understated.
"""

from collections.abc import Iterator
from typing import Any

from tidemill.errors import InvalidParameter

TREE_TYPES = frozenset({"sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"})
"""The types that `check_trees` vouches for."""

_ENDLESS = 2**62


def check_trees(model: Any) -> None:
    """Raise InvalidParameter if a tree in `model`, at any depth, has a node table that is not sound."""
    seen: set[tuple[int, int]] = set()  # a tree that is reached in two ways is checked for each
    waiting: list[tuple[Any, int]] = [(model, _ENDLESS)]
    while waiting:
        one, width = waiting.pop()
        if (id(one), width) in seen or isinstance(one, (str, bytes, int, float, type(None))):
            continue
        seen.add((id(one), width))
        kind = f"{type(one).__module__}.{type(one).__qualname__}"
        if kind in TREE_TYPES:
            sound = _sound_histogram(one, width) if kind.endswith("Predictor") else _sound_tree(one, width)
            if not sound:
                raise InvalidParameter("The model's file is damaged or forged: a decision tree's nodes are not sound.")
            continue
        width = _width(one, width)
        waiting += [(part, width) for part in _parts(one)]


def _width(one: Any, given: int) -> int:
    """How many features the rows are sure to have when a tree in `one` sees them; an estimator checks its input."""
    from sklearn.ensemble._bagging import BaseBagging
    from sklearn.ensemble._forest import BaseForest
    from sklearn.ensemble._gb import BaseGradientBoosting
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
    from sklearn.tree import BaseDecisionTree

    if isinstance(one, (list, tuple, dict)) or type(one).__module__ == "numpy":
        return given
    own = int(getattr(one, "n_features_in_", 0))  # without it, scikit-learn would take rows of any width
    if isinstance(one, BaseDecisionTree):
        return min(given, own)
    if isinstance(one, (BaseForest, BaseGradientBoosting, BaseHistGradientBoosting)):
        return own
    if isinstance(one, BaseBagging):  # IsolationForest too, which hands rows on without a check
        return min(own, int(getattr(one, "_max_features", own)))
    return _ENDLESS


def _parts(one: Any) -> Iterator[Any]:
    import numpy as np

    if isinstance(one, dict):
        yield from one.values()
    elif isinstance(one, (list, tuple, set, frozenset)):
        yield from one
    elif isinstance(one, np.ndarray):
        yield from one.flat if one.dtype == object else ()
    elif hasattr(one, "__dict__") and not isinstance(one, type):
        yield from vars(one).values()


def _sound_tree(tree: Any, width: int) -> bool:
    state = tree.__getstate__()
    nodes = state["nodes"]
    left, right = nodes["left_child"], nodes["right_child"]
    inner = left != -1
    if len(nodes) != state["node_count"] or (left[~inner] != right[~inner]).any():
        return False
    features = nodes["feature"][inner]
    most = min(width, tree.n_features)
    if ((features < 0) | (features >= most)).any():
        return False
    return _sound_children(left, right, inner, int(state["max_depth"]))


def _sound_histogram(predictor: Any, width: int) -> bool:
    nodes = predictor.nodes
    inner = nodes["is_leaf"] == 0
    if nodes["is_categorical"][inner].any():
        return False  # those look into tables of categories as well, which nothing here vouches for
    features = nodes["feature_idx"][inner]
    if ((features < 0) | (features >= width)).any():
        return False
    return _sound_children(nodes["left"].astype("int64"), nodes["right"].astype("int64"), inner, None)


def _sound_children(left: Any, right: Any, inner: Any, depth: int | None) -> bool:
    """Whether children come after their parents, exist, belong to one parent only, and lie no deeper than `depth`."""
    import numpy as np

    parents = np.flatnonzero(inner)
    if len(inner) == 0:
        return False
    children = np.concatenate([left[inner], right[inner]])
    if (children <= np.concatenate([parents, parents])).any() or (children >= len(inner)).any():
        return False
    if len(np.unique(children)) != len(children):
        return False
    level, found = np.zeros(1, dtype="int64"), -1
    while len(level):
        found += 1
        going = level[inner[level]]
        level = np.concatenate([left[going], right[going]])
    return depth is None or found <= depth
