"""Conditions and orderings on logged models (`l`)."""

from collections.abc import Sequence
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.search.fields import LOGGED_MODELS, logged_model_order_field
from tidemill.search.grammar import Comparison, Expr, Not, Op, parse_filter
from tidemill.store.filters import Clause, compare, compile_tree, having, number_sql, numeric
from tidemill.store.pages import Column, Order, Where
from tidemill.store.transaction import Tx
from tidemill.types.logged_models import DatasetFilter, LoggedModelOrder, LoggedModelStatus

_STATUS = "CASE l.status " + " ".join(f"WHEN {n} THEN '{s}'" for n, s in enumerate(LoggedModelStatus)) + " END"
_ATTRIBUTES = {
    "name": "l.name",
    "model_id": "l.model_id",
    "model_type": "l.model_type",
    "status": _STATUS,
    "source_run_id": "l.source_run_id",
    "experiment_id": "CAST(l.experiment_id AS TEXT)",
    "artifact_uri": "l.artifact_uri",
    "creation_timestamp": "l.created",
    "last_updated_timestamp": "l.updated",
}


def _on_datasets(datasets: Sequence[DatasetFilter]) -> tuple[str, list[Any]]:
    """A condition on metric rows (`m`): on one of these data sets. Empty: any."""
    parts, params = [], []
    for one in datasets:
        if not one.dataset_name:
            raise InvalidParameter("`dataset_name` in the `datasets` clause must be specified.")
        part = "m.dataset_name = ?"
        params.append(one.dataset_name)
        if one.dataset_digest:
            part += " AND m.dataset_digest = ?"
            params.append(one.dataset_digest)
        parts.append(f"({part})")
    return (" AND (" + " OR ".join(parts) + ")" if parts else ""), params


def _metric_fields(expr: Expr | None) -> bool:
    if expr is None:
        return False
    if isinstance(expr, Comparison):
        return expr.field.kind == "metric"
    return any(map(_metric_fields, (expr.item,) if isinstance(expr, Not) else expr.items))


def models_filter(tx: Tx, text: str, datasets: Sequence[DatasetFilter]) -> Where:
    """The conditions for a filter; metric conditions look at any point, of the given data sets if any."""
    on, on_params = _on_datasets(datasets)

    def leaf(item: Comparison) -> Clause:
        kind, key, op, value = item.field.kind, item.field.key, item.op, item.value
        if kind == "attribute":
            return compare(tx.dialect, _ATTRIBUTES[key], op, value)
        if kind == "metric":
            exists = f"SELECT 1 FROM logged_model_metrics m WHERE m.model_pk = l.pk AND m.key = ?{on}"
            text, params = compare(tx.dialect, "m.value", op, value)
            # NaN differs from every number, and compares with none.
            text = f"({text} OR m.is_nan = 1)" if op in (Op.NE, Op.NOT_IN) else f"({text} AND m.is_nan = 0)"
            return having(op, exists, [key, *on_params], (text, params))
        table = "logged_model_params" if kind == "param" else "logged_model_tags"
        exists = f"SELECT 1 FROM {table} v WHERE v.model_pk = l.pk AND v.key = ?"
        column = "v.value"
        if numeric(value):
            column = "v.number" if kind == "param" else number_sql(tx.dialect, "v.value")
        return having(op, exists, [key], compare(tx.dialect, column, op, value))

    where = Where()
    tree = parse_filter(text, LOGGED_MODELS)
    if tree is not None:
        where.append(*compile_tree(tree, leaf))
    if datasets and not _metric_fields(tree):
        where.append(f"EXISTS (SELECT 1 FROM logged_model_metrics m WHERE m.model_pk = l.pk{on})", on_params)
    return where


def models_order(order_by: Sequence[LoggedModelOrder]) -> Order:
    """The ordering of a search: models without the field come last; ties by creation, newest first."""
    joins, params, columns = "", [], []
    for place, item in enumerate(order_by):
        found = logged_model_order_field(item.field_name)
        down = not item.ascending
        if found.kind == "attribute":
            columns.append(Column(_ATTRIBUTES[found.key], down))
            continue
        o = f"o{place}"
        on, on_params = _on_datasets(
            [DatasetFilter(item.dataset_name, item.dataset_digest)] if item.dataset_name else []
        )
        joins += (
            f" LEFT JOIN (SELECT m.model_pk, m.value, m.is_nan, row_number() OVER (PARTITION BY m.model_pk "
            f"ORDER BY m.timestamp DESC, m.step DESC) AS place FROM logged_model_metrics m WHERE m.key = ?{on}) {o} "
            f"ON {o}.model_pk = l.pk AND {o}.place = 1"
        )
        params += [found.key, *on_params]
        rank = f"CASE WHEN {o}.model_pk IS NULL THEN 2 ELSE {o}.is_nan END"
        columns += [Column(rank), Column(f"COALESCE({o}.value, 0)", down)]
    columns += [Column("l.created", True), Column("l.model_id")]
    return Order(tuple(columns), joins, tuple(params))
