"""Columns of run tables: where each lies, and the values of some of them for some runs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from tidemill.errors import InvalidParameter
from tidemill.store.transaction import Tx, marks

Cell = str | float | None

_CHUNK = 500
_MOST = 500
_PLACES = {
    "metrics": ("metric_latest", "value"),
    "metrics_min": ("metric_latest", "low"),
    "metrics_max": ("metric_latest", "high"),
    "params": ("params", "value"),
    "tags": ("tags", "value"),
}


class TableColumn(NamedTuple):
    """A column by its parts: `metrics_min` and the key, and the database's table and column."""

    part: str
    key: str
    table: str
    column: str

    @property
    def is_metric(self) -> bool:
        """Whether its values are numbers."""
        return self.table == "metric_latest"


def read_column(text: str, field: str) -> TableColumn:
    """A column from its name. Raises InvalidParameter, which names the request's `field`."""
    part, dot, key = text.partition(".")
    if not dot or not key or part not in _PLACES:
        raise InvalidParameter(
            f"Invalid value '{text}' for parameter '{field}' supplied. Name a column such as metrics.loss, "
            "metrics_min.loss, metrics_max.loss, params.lr or tags.team."
        )
    return TableColumn(part, key, *_PLACES[part])


def read_columns(texts: Sequence[str], field: str) -> list[TableColumn]:
    """Columns from their names. Raises InvalidParameter where one is none, or where they are too many."""
    if len(texts) > _MOST:
        raise InvalidParameter(f"A table has at most {_MOST} columns, not {len(texts)}; name fewer in '{field}'.")
    return [read_column(one, field) for one in texts]


def values_of(tx: Tx, pks: Sequence[int], columns: Sequence[TableColumn]) -> list[list[Cell]]:
    """For each column one entry a run, in the order of `pks`: None where the run lacks it, NaN as the text `NaN`."""
    rows = {pk: place for place, pk in enumerate(pks)}
    found: list[list[Cell]] = [[None] * len(pks) for _ in columns]
    ids = tx.names.find_all(tx, {column.key for column in columns})
    for table in ("metric_latest", "params", "tags"):
        wanted: dict[int, list[tuple[int, int]]] = {}
        kinds = sorted({column.column for column in columns if column.table == table})
        for place, column in enumerate(columns):
            if column.table == table and column.key in ids:
                wanted.setdefault(ids[column.key], []).append((kinds.index(column.column), place))
        if wanted:
            _fill(tx, table, kinds, wanted, rows, found)
    return found


def _fill(
    tx: Tx,
    table: str,
    kinds: list[str],
    wanted: dict[int, list[tuple[int, int]]],
    rows: dict[int, int],
    found: list[list[Cell]],
) -> None:
    """Read one table's part of `found`. `wanted`: for each name id, which of `kinds` goes into which column."""
    pks, names = list(rows), list(wanted)
    empty: Any = "NaN" if table == "metric_latest" else ""
    for start in range(0, len(pks), _CHUNK):
        part = pks[start : start + _CHUNK]
        query = (
            f"SELECT run_pk, name_id, {', '.join(kinds)} FROM {table} "
            f"WHERE run_pk IN ({marks(len(part))}) AND name_id IN ({marks(len(names))})"
        )
        for pk, name, *values in tx.rows(query, [*part, *names]):
            row = rows[pk]
            for kind, place in wanted[name]:
                value = values[kind]
                found[place][row] = empty if value is None else value
