"""Tables of runs: a part of a long list, and of each run only what the table shows."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tidemill.api.codec import Encoded, wrong_type
from tidemill.errors import InvalidParameter
from tidemill.search.fields import RUNS
from tidemill.search.grammar import parse_order_by
from tidemill.store.experiments import lifecycle
from tidemill.store.filters import STATUSES, RunFilter, experiment_numbers, run_attribute
from tidemill.store.pages import Column, Order, Where
from tidemill.store.run_columns import read_column, read_columns, values_of
from tidemill.store.transaction import Row, Tx, marks
from tidemill.types import runs as t
from tidemill.types.page import ViewType

_MOST_ROWS = 10_000
_MOST_KEYS = 10
_CHUNK = 500
_PARENT = "mlflow.parentRunId"
_INFO = "r.pk, r.run_id, r.name, r.experiment_id, r.user_id, r.status, r.deleted_at, r.start_time, r.end_time"


def table(tx: Tx, arg: t.GetRunTable) -> Encoded[t.RunTable]:
    """See the operation `runs.table`."""
    _check_range("max_results", arg.max_results, 0, _MOST_ROWS)
    _check_range("offset", arg.offset, 0, 2**53)
    columns = read_columns(arg.columns, "columns")
    experiments, where = matching(tx, arg.experiment_ids, arg.filter, arg.run_view_type)
    order = _order(tx, arg.order_by)
    rows: list[Row] = []
    total = 0
    if experiments:
        ((total,),) = tx.rows(f"SELECT count(*) FROM runs r WHERE {where.sql()}", where.params)
        if arg.max_results:
            keys = ", ".join(column.text() for column in order.columns)
            rows = tx.rows(
                f"SELECT {_INFO} FROM runs r{order.joins} WHERE {where.sql()} ORDER BY {keys} LIMIT ? OFFSET ?",
                [*order.join_params, *where.params, arg.max_results, arg.offset],
            )
    pks = [row[0] for row in rows]
    run_ids = [row[1] for row in rows]
    found = t.RunTable(
        total=total,
        run_ids=run_ids,
        run_names=[row[2] for row in rows],
        experiment_ids=[str(row[3]) for row in rows],
        user_ids=[row[4] for row in rows],
        statuses=[STATUSES[row[5] - 1] for row in rows],
        lifecycle_stages=["active" if row[6] is None else "deleted" for row in rows],
        start_times=[row[7] for row in rows],
        end_times=[row[8] for row in rows],
        parents=values_of(tx, pks, [read_column(f"tags.{_PARENT}", "columns")])[0],  # type: ignore[arg-type]
        children=_children(tx, experiments, run_ids),
        columns=values_of(tx, pks, columns),
    )
    # Not `codec.encode`, to which null would be a number that JSON lacks.
    return Encoded(msgspec.json.encode(found))


def matching(tx: Tx, experiment_ids: list[str], text: str, view: ViewType) -> tuple[list[int], Where]:
    """The experiments as keys, and the conditions for their runs `r` that match. Raises FilterError, InvalidParameter."""
    experiments = experiment_numbers(experiment_ids)
    filters = RunFilter(tx, experiments)
    where, few = filters.where(text)
    where.append(f"{'+' if few else ''}r.{filters.within}", experiments)
    where.append(*lifecycle(view, "r.deleted_at"))
    return experiments, where


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if value < low:
        raise InvalidParameter(f"Invalid value {value} for parameter '{name}' supplied. It must be at least {low}.")
    if value > high:
        raise wrong_type(value, name)


def _order(tx: Tx, keys: Sequence[t.OrderKey]) -> Order:
    """The ordering. Runs without the column come last; among params numbers come before texts."""
    _check_range("order_by", len(keys), 0, _MOST_KEYS)
    joins, params, columns = "", [], []
    for place, key in enumerate(keys):
        if key.column.startswith("attributes."):
            (item,) = parse_order_by([key.column], RUNS)
            sql = run_attribute(item.field.key)
            columns += [Column(f"CASE WHEN {sql} IS NULL THEN 1 ELSE 0 END"), Column(sql, key.descending)]
            continue
        column = read_column(key.column, "order_by")
        o = f"o{place}"
        joins += f" LEFT JOIN {column.table} {o} ON {o}.run_pk = r.pk AND {o}.name_id = ?"
        params.append(tx.names.find(tx, column.key))
        value = Column(f"{o}.{column.column}", key.descending)
        if column.table == "params":
            rank = f"CASE WHEN {o}.run_pk IS NULL THEN 2 WHEN {o}.number IS NULL THEN 1 ELSE 0 END"
            columns += [Column(rank), Column(f"{o}.number", key.descending), value]
        else:
            rank = f"CASE WHEN {o}.run_pk IS NULL THEN 2 WHEN {value.sql} IS NULL THEN 1 ELSE 0 END"
            columns += [Column(rank), value]
    columns += [Column("r.start_time", True), Column("r.run_id")]
    return Order(tuple(columns), joins, tuple(params))


def _children(tx: Tx, experiments: Sequence[int], run_ids: Sequence[str]) -> list[int]:
    """How many runs name each of `run_ids` as their parent."""
    name = tx.names.find(tx, _PARENT)
    counts: dict[str, Any] = {}
    if name >= 0:
        for start in range(0, len(run_ids), _CHUNK):
            part = run_ids[start : start + _CHUNK]
            # By the index on the first characters of a tag's value; ids are shorter than those.
            counts.update(
                tx.rows(
                    f"SELECT substr(value, 1, 100), count(*) FROM tags WHERE experiment_id IN ({marks(len(experiments))}) "
                    f"AND name_id = ? AND substr(value, 1, 100) IN ({marks(len(part))}) GROUP BY 1",
                    [*experiments, name, *part],
                )
            )
    return [counts.get(run_id, 0) for run_id in run_ids]
