"""Slices: the rows of one kind, such as those of one region, to see where a model does worse than on the whole."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.evaluation.rows import Rows
from tidemill.tracking.autolog import values

MOST = 100
"""Most slices of one kind."""
_DISTINCT = 10
_QUARTERS = (0.25, 0.5, 0.75)

Chosen = Mapping[str, Any] | Sequence[Any] | str


def masks_of(rows: Rows, chosen: Chosen | None) -> Iterator[tuple[str, Any]]:
    """For each slice its name, `<kind>/<value>`, and an array that says of each row whether it belongs to it.

    `chosen` are columns of the data, by name: one slice a value, or a quarter of the rows each where the column has
    more than ten different numbers. A dict names kinds of its own: to a column, to one value a row (texts, numbers or
    truth values), or to a function that answers such values for the data. Empty slices are left out.
    """
    if chosen is None:
        return
    named = {chosen: chosen} if isinstance(chosen, str) else chosen
    if not isinstance(named, Mapping):
        named = {str(getattr(one, "__name__", one)): one for one in named}
    for kind, given in named.items():
        yield from _of_kind(rows, str(kind), given)


def _of_kind(rows: Rows, kind: str, given: Any) -> Iterator[tuple[str, Any]]:
    import numpy as np

    column = _column(rows, kind, given)
    if column.dtype == bool:
        yield from _named(kind, [("true", column), ("false", ~column)] if given is kind else [("", column)])
        return
    missing = _missing(column)
    present = column[~missing]
    distinct = np.unique(present.astype(str) if present.dtype == object else present)
    parts: list[tuple[str, Any]]
    if np.issubdtype(column.dtype, np.number) and len(distinct) > _DISTINCT:
        parts = _quarters(column, present)
    elif len(distinct) > MOST:
        raise InvalidParameter(
            f"The slices '{kind}' would be {len(distinct)}, one for each value; the most is {MOST}. Group the values: "
            "pass a dict with a function."
        )
    else:
        texts = column.astype(str) if column.dtype == object else column
        parts = [(str(value), (texts == value) & ~missing) for value in distinct.tolist()]
    yield from _named(kind, [*parts, ("missing", missing)])


def _quarters(column: Any, present: Any) -> list[tuple[str, Any]]:
    import numpy as np

    edges = sorted(set(np.quantile(present, _QUARTERS).tolist()))
    place = np.searchsorted(np.asarray(edges), column, side="left")
    shown = [f"{edge:.4g}" for edge in edges]
    names = [f"to {shown[0]}", *(f"{a} to {b}" for a, b in pairwise(shown)), f"above {shown[-1]}"]
    known = ~_missing(column)
    return [(name, (place == number) & known) for number, name in enumerate(names)]


def _named(kind: str, parts: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for value, mask in parts:
        if mask.any():
            yield (values.key(f"{kind}/{value.replace('/', '_')}") if value else values.key(kind)), mask


def _missing(column: Any) -> Any:
    import numpy as np

    return np.asarray([one is None or one != one for one in column.tolist()], bool)


def _column(rows: Rows, kind: str, given: Any) -> Any:
    import numpy as np

    if isinstance(given, str):
        if rows.frame is None or given not in rows.frame.columns:
            known = "none" if rows.frame is None else ", ".join(map(str, rows.frame.columns))
            raise InvalidParameter(f"The slices '{kind}' name the column '{given}', but the columns are: {known}.")
        found = rows.frame[given].to_numpy()
    elif callable(given):
        found = np.asarray(given(rows.features if rows.frame is None else rows.frame))
    else:
        found = np.asarray(given)
    if found.ndim != 1 or len(found) != rows.size:
        raise InvalidParameter(f"The slices '{kind}' must say one value for each of the {rows.size} rows.")
    return found.astype(object) if found.dtype.kind in "US" else found
