"""The data that a model is judged on: what it is called with, what is true, and what rows are told apart by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidemill.data.dataset import Dataset
from tidemill.data.frames import from_numpy, from_pandas
from tidemill.errors import InvalidParameter, MissingDependency


@dataclass(frozen=True)
class Rows:
    """`features` as they were given, without what is not one; `targets`, `predictions` and `weights` one a row, or None.

    `frame` holds all columns (pandas), None where features and targets came as arrays.
    """

    features: Any
    targets: Any
    predictions: Any
    weights: Any
    frame: Any
    dataset: Dataset

    @property
    def size(self) -> int:
        """How many rows there are."""
        return int(self.features.shape[0])


def rows_of(
    data: Any,
    targets: Any = None,
    predictions: Any = None,
    weights: Any = None,
    feature_names: Sequence[str] | None = None,
    name: str | None = None,
) -> Rows:
    """Take data apart.

    `data` is a data frame (pandas or polars), a data set of `tidemill.data`, a dict of columns, a list of dicts, or an
    array. `targets`, `predictions` and `weights` name columns of a table, or are one value a row themselves. Features
    are `feature_names`, by default all other columns. Raises InvalidParameter where that does not fit together.
    """
    if data is None:
        raise InvalidParameter("There is nothing to evaluate on: pass data, a table or an array.")
    if isinstance(data, Dataset):
        name, data = name or data.name, data.data
    frame = _frame(data)
    if frame is None:
        return _of_array(data, targets, predictions, weights, name)
    taken = [one for one in (targets, predictions, weights) if isinstance(one, str)]
    chosen = list(feature_names) if feature_names is not None else [one for one in frame.columns if one not in taken]
    missing = [str(one) for one in (*taken, *chosen) if one not in frame.columns]
    if missing:
        known = ", ".join(map(str, frame.columns))
        raise InvalidParameter(f"The data has no column {', '.join(missing)}; it has: {known}.")
    named = targets if isinstance(targets, str) else None
    predicted = predictions if isinstance(predictions, str) else None
    dataset = from_pandas(frame, targets=named, predictions=predicted, name=name)
    true, said, weight = (_column(frame, one, what) for one, what in _named(targets, predictions, weights))
    return Rows(frame[chosen], true, said, weight, frame, dataset)


def _named(targets: Any, predictions: Any, weights: Any) -> list[tuple[Any, str]]:
    return [(targets, "targets"), (predictions, "predictions"), (weights, "sample_weights")]


def _of_array(data: Any, targets: Any, predictions: Any, weights: Any, name: str | None) -> Rows:
    import numpy as np

    for one, what in _named(targets, predictions, weights):
        if isinstance(one, str):
            raise InvalidParameter(f"'{what}' names a column, but the data is an array; pass the values themselves.")
    size = data.shape[0] if hasattr(data, "shape") else len(data)
    true, said, weight = (_checked(one, size, what) for one, what in _named(targets, predictions, weights))
    features = np.asarray(data) if not hasattr(data, "shape") else data
    dense = features.toarray() if hasattr(features, "toarray") else features
    dataset = from_numpy(np.asarray(dense), targets=true, name=name)
    return Rows(features, true, said, weight, None, dataset)


def _frame(data: Any) -> Any:
    """`data` as a pandas frame; None where it is no table."""
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return data
    is_records = isinstance(data, list) and data and isinstance(data[0], Mapping)
    if not (isinstance(data, Mapping) or is_records or hasattr(data, "to_pandas")):
        return None
    try:
        import pandas as pd
    except ImportError:
        raise MissingDependency("pandas", "models", "Evaluating on a table") from None
    if hasattr(data, "to_pandas"):
        return data.to_pandas()
    return pd.DataFrame(data)


def _column(frame: Any, given: Any, what: str) -> Any:
    if isinstance(given, str):
        return frame[given].to_numpy()
    return _checked(given, len(frame), what)


def _checked(given: Any, size: int, what: str) -> Any:
    if given is None:
        return None
    import numpy as np

    found = np.asarray(given)
    if not found.ndim or len(found) != size:
        raise InvalidParameter(f"There are {found.size} {what} for {size} rows of data; pass one for each row.")
    return found
