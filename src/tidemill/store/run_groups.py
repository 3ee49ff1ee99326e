"""Groups of runs that agree in some columns, and how the numbers of the others are spread."""

import math
from collections.abc import Iterator, Sequence

import msgspec

from tidemill.api.codec import Encoded
from tidemill.errors import InvalidParameter
from tidemill.store.limits import number_of
from tidemill.store.run_columns import Cell, TableColumn, read_columns, values_of
from tidemill.store.run_table import matching
from tidemill.store.transaction import Tx
from tidemill.types import runs as t

_MOST_GROUPS = 5_000
_CHUNK = 2_000


class _Sums:
    """What a spread is made of, updated value by value (Welford's method: no large squares that cancel out)."""

    __slots__ = ("count", "high", "low", "mean", "squares")

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0
        self.low, self.high = math.inf, -math.inf

    def add(self, value: float) -> None:
        self.count += 1
        off = value - self.mean
        self.mean += off / self.count
        self.squares += off * (value - self.mean)
        self.low = min(self.low, value)
        self.high = max(self.high, value)

    def spread(self) -> t.Spread | None:
        if not self.count:
            return None
        std = math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else 0.0
        return t.Spread(self.count, self.mean, std if math.isfinite(std) else 0.0, self.low, self.high)


def groups(tx: Tx, arg: t.GetRunGroups) -> Encoded[t.RunGroups]:
    """See the operation `runs.groups`."""
    if not 1 <= arg.max_results <= _MOST_GROUPS:
        raise InvalidParameter(
            f"Invalid value {arg.max_results} for parameter 'max_results' supplied. It must be 1 to {_MOST_GROUPS}."
        )
    by, columns = read_columns(arg.group_by, "group_by"), read_columns(arg.columns, "columns")
    counts: dict[tuple[Cell, ...], int] = {}
    sums: dict[tuple[Cell, ...], list[_Sums]] = {}
    for key, values in _rows(tx, arg, by, columns):
        counts[key] = counts.get(key, 0) + 1
        if key not in sums:
            sums[key] = [_Sums() for _ in columns]
        for one, column, value in zip(sums[key], columns, values, strict=True):
            number = _number(column, value)
            if number is not None:
                one.add(number)
    # A stable order where sizes are equal: the order in which the newest run of each was found.
    ranked = sorted(counts, key=lambda key: -counts[key])[: arg.max_results]
    found = [t.RunGroup(list(key), counts[key], [one.spread() for one in sums[key]]) for key in ranked]
    return Encoded(msgspec.json.encode(t.RunGroups(len(counts), found)))


def _rows(
    tx: Tx, arg: t.GetRunGroups, by: Sequence[TableColumn], columns: Sequence[TableColumn]
) -> Iterator[tuple[tuple[Cell, ...], tuple[Cell, ...]]]:
    """Run by run, newest first: the values to group by, and those of the other columns."""
    experiments, where = matching(tx, arg.experiment_ids, arg.filter, arg.run_view_type)
    if not experiments:
        return
    query = f"SELECT r.pk FROM runs r WHERE {where.sql()} ORDER BY r.start_time DESC, r.run_id"
    pks = [row[0] for row in tx.rows(query, where.params)]
    for start in range(0, len(pks), _CHUNK):
        part = pks[start : start + _CHUNK]
        values = values_of(tx, part, [*by, *columns])
        for row in zip(*values, strict=True):
            yield row[: len(by)], row[len(by) :]


def _number(column: TableColumn, value: Cell) -> float | None:
    if value is None or value == "NaN":
        return None
    if column.is_metric:
        return float(value)
    return number_of(str(value))
