"""The filter tree as SQL conditions, and orderings as SQL keys."""

from collections.abc import Callable, Sequence
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.search.fields import EXPERIMENTS, RUNS
from tidemill.search.grammar import And, Comparison, Expr, Not, Op, parse_filter, parse_order_by
from tidemill.store.dialects import Dialect
from tidemill.store.limits import MAX_DOUBLE
from tidemill.store.pages import Column, Order, Where
from tidemill.store.transaction import Tx, marks
from tidemill.types.runs import RunStatus

Clause = tuple[str, list[Any]]
Compile = Callable[[Comparison], Clause]

PREFIX = 100
"""How many characters of a param or tag value its index holds."""

_LIKE_PATTERN = 8000
"""As long as the longest text. SQLite's own limit is 50,000 bytes, and folding case may turn one byte into three."""

STATUSES = list(RunStatus)
_STATUS_SQL = "CASE r.status " + " ".join(f"WHEN {n} THEN '{s}'" for n, s in enumerate(STATUSES, 1)) + " END"
_RUN_ATTRIBUTES = {
    "run_id": "r.run_id",
    "run_name": "r.name",
    "user_id": "r.user_id",
    "status": _STATUS_SQL,
    "artifact_uri": "r.artifact_uri",
    "start_time": "r.start_time",
    "end_time": "r.end_time",
    "duration": "(r.end_time - r.start_time)",
    "experiment_id": "CAST(r.experiment_id AS TEXT)",
    "lifecycle_stage": "CASE WHEN r.deleted_at IS NULL THEN 'active' ELSE 'deleted' END",
}
_EXPERIMENT_ATTRIBUTES = {
    "name": "e.name",
    "experiment_id": "CAST(e.id AS TEXT)",
    "artifact_location": "e.artifact_location",
    "creation_time": "e.creation_time",
    "last_update_time": "e.last_update_time",
    "lifecycle_stage": "CASE WHEN e.deleted_at IS NULL THEN 'active' ELSE 'deleted' END",
}


def experiment_numbers(ids: Sequence[str]) -> list[int]:
    """The experiments' keys, sorted, without those that cannot exist. Raises InvalidParameter for what is no number."""
    for one in ids:
        try:
            int(one)
        except ValueError:
            raise InvalidParameter(f"Invalid experiment ID '{one}'. Experiment ID must be a valid integer.") from None
    return sorted({int(one) for one in ids if one.isascii() and one.isdecimal() and len(one) < 19})


def run_attribute(key: str) -> str:
    """The SQL of a run's attribute (`r`), by its canonical name."""
    return _RUN_ATTRIBUTES[key]


def compile_tree(expr: Expr, leaf: Compile) -> Clause:
    """The condition for a tree; `leaf` knows the tables."""
    if isinstance(expr, Comparison):
        return leaf(expr)
    if isinstance(expr, Not):
        text, params = compile_tree(expr.item, leaf)
        return f"({text}) IS NOT TRUE", params
    word = " AND " if isinstance(expr, And) else " OR "
    parts = [compile_tree(item, leaf) for item in expr.items]
    return "(" + word.join(part[0] for part in parts) + ")", [value for part in parts for value in part[1]]


def compare(dialect: Dialect, sql: str, op: Op, value: Any) -> Clause:
    """One comparison of an SQL expression."""
    if op is Op.IS_NULL:
        return f"{sql} IS NULL", []
    if op is Op.IS_NOT_NULL:
        return f"{sql} IS NOT NULL", []
    if op in (Op.IN, Op.NOT_IN):
        return f"{sql} {op.value} ({marks(len(value))})", list(value)
    pattern = {
        Op.LIKE: dialect.like,
        Op.NOT_LIKE: dialect.like,
        Op.ILIKE: dialect.ilike,
        Op.NOT_ILIKE: dialect.ilike,
        Op.RLIKE: dialect.regexp,
        Op.NOT_RLIKE: dialect.regexp,
    }.get(op)
    if pattern is None:
        return f"{sql} {'<>' if op is Op.NE else op.value} ?", [value]
    if len(value) > _LIKE_PATTERN:
        raise InvalidParameter(f"A pattern of LIKE may have at most {_LIKE_PATTERN} characters.")
    text = pattern.format(sql, "?")
    return (f"NOT ({text})" if op in (Op.NOT_LIKE, Op.NOT_ILIKE, Op.NOT_RLIKE) else text), [value]


def having(op: Op, exists: str, params: list[Any], test: Clause) -> Clause:
    """A condition on one of several rows: `exists` is a query up to its WHERE conditions, `test` the last of them."""
    if op is Op.IS_NULL:
        return f"NOT EXISTS ({exists})", params
    if op is Op.IS_NOT_NULL:
        return f"EXISTS ({exists})", params
    return f"EXISTS ({exists} AND {test[0]})", params + test[1]


class RunFilter:
    """Conditions on runs (`r`) of some experiments."""

    def __init__(self, tx: Tx, experiments: Sequence[int]) -> None:
        self.tx = tx
        self.experiments = experiments
        self.within = f"experiment_id IN ({marks(len(experiments))})"

    def where(self, text: str) -> tuple[Where, bool]:
        """The conditions for a filter, and whether one of them, at the top, is likely to leave few runs."""
        where = Where()
        tree = parse_filter(text, RUNS)
        if tree is None:
            return where, False
        items = tree.items if isinstance(tree, And) else (tree,)
        for item in items:
            where.append(*compile_tree(item, self.leaf))
        few = any(
            isinstance(item, Comparison)
            and item.op in (Op.EQ, Op.IN)
            and (item.field.kind in ("param", "tag") or item.field.key == "run_id")
            for item in items
        )
        return where, few

    def leaf(self, item: Comparison) -> Clause:
        """One comparison."""
        kind, key, op, value = item.field.kind, item.field.key, item.op, item.value
        if kind == "attribute":
            if key == "experiment_id" and op is Op.EQ and isinstance(value, int | float):
                return "r.experiment_id = ?", [int(value)]
            return compare(self.tx.dialect, _RUN_ATTRIBUTES[key], op, value)
        if kind == "metric":
            exists = "SELECT 1 FROM metric_latest m WHERE m.run_pk = r.pk AND m.name_id = ?"
            text, params = compare(self.tx.dialect, "m.value", op, value)
            if op in (Op.NE, Op.NOT_IN):
                # NaN, which lies here as null, differs from every number.
                text = f"({text} OR m.value IS NULL)"
            return having(op, exists, [self.name(key)], (text, params))
        if kind == "dataset":
            column = {"name": "d.name", "digest": "d.digest", "context": "i.context"}[key]
            exists = "SELECT 1 FROM run_datasets i JOIN datasets d ON d.id = i.dataset_id WHERE i.run_pk = r.pk"
            return having(op, exists, [], compare(self.tx.dialect, column, op, value))
        return self.keyed_text("params" if kind == "param" else "tags", key, op, value)

    def keyed_text(self, table: str, key: str, op: Op, value: Any) -> Clause:
        """A comparison of a param or a tag, as text or, against a number, as a number."""
        name = self.name(key)
        if op is Op.EQ and isinstance(value, str):
            found = f"SELECT run_pk FROM {table} WHERE {self.within} AND name_id = ? AND substr(value, 1, {PREFIX}) = ?"
            params = [*self.experiments, name, value[:PREFIX]]
            if len(value) >= PREFIX:
                # Not plainly `value = ?`: SQLite would put that into the substr and miss the index.
                found += " AND value || '' = ?"
                params.append(value)
            return f"r.pk IN ({found})", params
        exists = f"SELECT 1 FROM {table} v WHERE v.run_pk = r.pk AND v.name_id = ?"
        if numeric(value):
            column = "v.number" if table == "params" else number_sql(self.tx.dialect, "v.value")
            return having(op, exists, [name], compare(self.tx.dialect, column, op, value))
        return having(op, exists, [name], compare(self.tx.dialect, "v.value", op, value))

    def name(self, key: str) -> int:
        """The id of a key, -1 where nothing has it."""
        return self.tx.names.find(self.tx, key)


def numeric(value: Any) -> bool:
    """Whether a comparison's value (or list of values) is of numbers."""
    one = value[0] if isinstance(value, tuple) and value else value
    return isinstance(one, int | float)


def number_sql(dialect: Dialect, sql: str) -> str:
    """A text as a number, null where it is none: `limits.number_of` in SQL."""
    if dialect.name == "sqlite":
        return f"to_number({sql})"
    # By way of numeric, since float8 raises an error for what is too large or too small. ({0,1}: a ? is a placeholder.)
    number = f"({sql})::numeric"
    return (
        f"CASE WHEN {sql} ~ '^[+-]{{0,1}}([0-9]+[.]{{0,1}}[0-9]*|[.][0-9]+)([eE][+-]{{0,1}}[0-9]{{1,3}}){{0,1}}$' THEN "
        f"CASE WHEN abs({number}) > {MAX_DOUBLE!r} THEN NULL WHEN abs({number}) < 1e-307 THEN 0 ELSE {number}::float8 END END"
    )


_BY_START = (Column("r.start_time", True), Column("r.run_id"))


def runs_order(tx: Tx, clauses: Sequence[str]) -> Order:
    """The ordering of a run search. Runs without the field come last; for metrics: numbers, NaN, missing."""
    joins, params, columns = "", [], []
    items = parse_order_by(clauses, RUNS)
    for place, item in enumerate(items):
        kind, key, down = item.field.kind, item.field.key, item.descending
        if kind == "attribute":
            sql = _RUN_ATTRIBUTES[key]
            if key in ("end_time", "duration"):
                columns += [Column(f"CASE WHEN {sql} IS NULL THEN 1 ELSE 0 END"), Column(f"COALESCE({sql}, 0)", down)]
            else:
                columns.append(Column(sql, down))
            continue
        o = f"o{place}"
        table = {"metric": "metric_latest", "param": "params", "tag": "tags"}[kind]
        joins += f" LEFT JOIN {table} {o} ON {o}.run_pk = r.pk AND {o}.name_id = ?"
        params.append(tx.names.find(tx, key))
        if kind == "metric":
            rank = f"CASE WHEN {o}.run_pk IS NULL THEN 2 WHEN {o}.value IS NULL THEN 1 ELSE 0 END"
            columns += [Column(rank), Column(f"COALESCE({o}.value, 0)", down)]
        else:
            columns += [
                Column(f"CASE WHEN {o}.run_pk IS NULL THEN 1 ELSE 0 END"),
                Column(f"COALESCE({o}.value, '')", down),
            ]
    # Signed by the keys' names: a name that nothing has yet gets its id only when it is first logged.
    return Order((*columns, *_BY_START), joins, tuple(params), repr(items))


def experiments_filter(tx: Tx, text: str) -> Where:
    """Conditions on experiments (`e`)."""

    def leaf(item: Comparison) -> Clause:
        if item.field.kind == "attribute":
            sql = _EXPERIMENT_ATTRIBUTES[item.field.key]
            return compare(tx.dialect, sql, item.op, item.value)
        exists = "SELECT 1 FROM experiment_tags v WHERE v.experiment_id = e.id AND v.key = ?"
        column = number_sql(tx.dialect, "v.value") if numeric(item.value) else "v.value"
        return having(item.op, exists, [item.field.key], compare(tx.dialect, column, item.op, item.value))

    where = Where()
    tree = parse_filter(text, EXPERIMENTS)
    if tree is not None:
        where.append(*compile_tree(tree, leaf))
    return where


def experiments_order(clauses: Sequence[str]) -> Order:
    """The ordering of an experiment search."""
    columns = []
    named = set()
    for item in parse_order_by(clauses, EXPERIMENTS):
        named.add(item.field.key)
        sql = "e.id" if item.field.key == "experiment_id" else _EXPERIMENT_ATTRIBUTES[item.field.key]
        columns.append(Column(sql, item.descending))
    if not columns:
        return Order((Column("e.creation_time", True), Column("e.id")))
    if "experiment_id" not in named:
        columns.append(Column("e.id", True))
    return Order(tuple(columns))
