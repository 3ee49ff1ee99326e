"""Training data of whatever kind (data frame, array, sparse matrix, list): its description, its features, its rows."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from time import perf_counter
from typing import Any

from tidemill.data import Dataset, from_numpy, from_pandas, from_polars

_MOST_CELLS = 5_000_000
_FEW = 2_000
_MANY = 10_000
_LEAST_SECONDS = 1.0


def count(data: Any) -> int:
    """How many rows there are; 0 where the data does not say."""
    if getattr(data, "shape", None):
        return int(data.shape[0])
    return len(data) if hasattr(data, "__len__") else 0


def features(data: Any, number: int) -> list[str]:
    """The names of `number` features: the data frame's columns, else `feature_0`, `feature_1`, …"""
    columns = getattr(data, "columns", None)
    if columns is not None and len(columns) == number:
        return [str(one) for one in columns]
    return [f"feature_{place}" for place in range(number)]


def taken(data: Any, places: Any) -> Any:
    """These rows of the data."""
    if data is None:
        return None
    if hasattr(data, "iloc"):
        return data.iloc[places]
    if hasattr(data, "shape"):
        return data[places]
    return [data[place] for place in places]


def describe(data: Any, targets: Any = None, name: str | None = None) -> Dataset | None:
    """The data as a data set of `tidemill.data`; None for what is no table of data.

    The digest covers every value up to 5 million cells (about a tenth of a second), beyond that evenly spread rows.
    """
    import numpy as np

    if hasattr(data, "tocsr") and hasattr(data, "indptr"):
        parts = {part: getattr(data, part) for part in ("data", "indices", "indptr")}
        return from_numpy({**parts, "shape": np.asarray(data.shape)}, targets=targets, name=name)
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return from_pandas(data, name=name, digest=_digest(data, targets, from_pandas))
    if hasattr(data, "to_pandas") and hasattr(data, "schema"):
        return from_polars(data, name=name, digest=_digest(data, targets, from_polars))
    array = data if isinstance(data, np.ndarray) else np.asarray(data)
    if array.ndim == 0:
        return None
    answers = None if targets is None else np.asarray(targets)
    digest = from_numpy(_thinned(array), targets=_thinned(answers)).digest if array.size > _MOST_CELLS else None
    return from_numpy(array, targets=answers, name=name, digest=digest)


def _digest(frame: Any, targets: Any, describe_frame: Callable[[Any], Dataset]) -> str:
    """The digest of a data frame's values and of what is to be learned from them."""
    import numpy as np

    text = f"{frame.shape} {describe_frame(_thinned(frame)).digest}"
    if targets is not None:
        text += from_numpy(_thinned(np.asarray(targets))).digest
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _thinned(data: Any) -> Any:
    if data is None:
        return None
    length = count(data)
    cells = length * (data.shape[1] if len(data.shape) > 1 else 1)
    return data if cells <= _MOST_CELLS else taken(data, spread(length, max(1, length * _MOST_CELLS // cells)))


def spread(length: int, number: int) -> Any:
    """`number` places of `length`, evenly spread: no random numbers, whose sequence is the training's."""
    import numpy as np

    return np.linspace(0, length - 1, min(number, length)).astype(int)


def affordable(predict: Callable[[Any], Any], data: Any, seconds: float) -> Any:
    """The places of the rows that `predict` manages within `seconds` (at least one second); None: all of them.

    Found by trying a few rows: evaluating a model must not take longer than training it did.
    """
    length = count(data)
    if length <= _MANY:
        return None
    times = []
    for number in (_FEW, _MANY):
        some = taken(data, spread(length, number))
        began = perf_counter()
        predict(some)
        times.append(perf_counter() - began)
    a_row = max(times[1] - times[0], 0.1 * times[1]) / (_MANY - _FEW)
    most = int(max(seconds, _LEAST_SECONDS) / a_row) if a_row > 0 else length
    return None if most >= length else spread(length, max(most, _MANY))


def names_of(columns: Sequence[Any]) -> list[str]:
    """Columns' names as texts."""
    return [str(one) for one in columns]
