"""Searching runs: the filter, the order, the page, and no more of each run than was asked for."""

from typing import Any

import msgspec

from tidemill.api import codec
from tidemill.api.codec import Encoded
from tidemill.errors import InvalidParameter
from tidemill.store.experiments import lifecycle
from tidemill.store.filters import RunFilter, experiment_numbers, runs_order
from tidemill.store.pages import Column, Order, Where, fetch, make_token, read_token
from tidemill.store.run_documents import Selection, documents, read
from tidemill.store.transaction import Row, Tx
from tidemill.types import runs as t


class _Documents(msgspec.Struct, omit_defaults=True):
    runs: list[Any] = []
    next_page_token: str | None = None


def search(tx: Tx, arg: t.SearchRuns) -> Encoded[t.RunPage]:
    """See the operation `runs.search`."""
    _check_search(arg)
    experiments = experiment_numbers(arg.experiment_ids)
    filters = RunFilter(tx, experiments)
    where, few = filters.where(arg.filter)
    # The plus keeps SQLite off the experiment's index where the filter itself leads to a few runs.
    where.append(f"{'+' if few else ''}r.{filters.within}", experiments)
    where.append(*lifecycle(arg.run_view_type, "r.deleted_at"))
    order = runs_order(tx, arg.order_by)
    after = read_token(arg.page_token, order)
    rows = _ordered(tx, where, order, arg, after, experiments, few) if experiments else []
    token = None
    if len(rows) > arg.max_results:
        del rows[arg.max_results :]
        token = make_token(order, rows[-1][2:])
    if not arg.select:
        found: list[Any] = documents(tx, [(row[0], row[1]) for row in rows])
    else:
        runs = read(tx, [row[0] for row in rows], Selection(arg.select))
        found = [msgspec.Raw(codec.encode(runs[row[0]])) for row in rows]
    return Encoded(msgspec.json.encode(_Documents(found, token)))


_PARTS = {"info", "metrics", "params", "tags", "inputs", "outputs"}


def _check_search(arg: t.SearchRuns) -> None:
    if arg.max_results < 1:
        raise InvalidParameter(
            f"Invalid value {arg.max_results} for parameter 'max_results' supplied. It must be a positive integer"
        )
    if arg.max_results > 50_000:
        raise codec.wrong_type(arg.max_results, "max_results")
    for item in arg.select:
        part, dot, key = item.partition(".")
        if part not in _PARTS or (dot and (part not in ("metrics", "params", "tags") or not key)):
            raise InvalidParameter(
                f"Invalid value '{item}' for parameter 'select' supplied. Name parts of a run: {', '.join(sorted(_PARTS))}, "
                "or one key such as metrics.loss"
            )


def _ordered(
    tx: Tx, where: Where, order: Order, arg: t.SearchRuns, after: list[Any] | None, experiments: list[int], few: bool
) -> list[Row]:
    """One row more than the page holds: pk, rev, ordering keys.

    Ordered first by a metric, runs that have a value are read off that metric's index, in order, and the rest only
    where the page is not full yet; unless the filter leaves so few runs that sorting those is quicker.
    """
    limit = arg.max_results + 1
    ranked = bool(arg.order_by) and order.columns[0].sql.startswith("CASE WHEN o0.run_pk IS NULL THEN 2")
    if not ranked or few or len(experiments) != 1:
        return fetch(tx, "r.pk, r.rev", "runs r", where, order, limit, after)
    rows: list[Row] = []
    if after is None or after[0] == 0:
        rows = _by_value(tx, where, order, limit, after, experiments[0])
        after = None
    if len(rows) < limit:
        rest = Where()
        rest.append(where.sql(), where.params)
        rest.append("o0.value IS NULL")
        rows += fetch(tx, "r.pk, r.rev", "runs r", rest, order, limit - len(rows), after)
    return rows


def _by_value(tx: Tx, where: Where, order: Order, limit: int, after: list[Any] | None, experiment: int) -> list[Row]:
    """The runs that have a value of the first ordering metric, by the index on it."""
    joins = order.joins.replace(" LEFT JOIN metric_latest o0 ON o0.run_pk = r.pk AND o0.name_id = ?", "", 1)
    value = Column("o0.value", order.columns[1].descending)
    walk = Order((value, *order.columns[2:]), joins, order.join_params[1:])
    valued = Where()
    valued.append(
        "o0.experiment_id = ? AND o0.name_id = ? AND o0.value IS NOT NULL", (experiment, order.join_params[0])
    )
    valued.append(where.sql(), where.params)
    return fetch(
        tx,
        "r.pk, r.rev, 0",
        # SQLite keeps the order of a CROSS JOIN; PostgreSQL chooses for itself.
        f"metric_latest o0 {'CROSS JOIN' if tx.dialect.name == 'sqlite' else 'JOIN'} runs r ON r.pk = o0.run_pk",
        valued,
        walk,
        limit,
        None if after is None else after[1:],
    )
