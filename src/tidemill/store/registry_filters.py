"""Conditions and orderings on registered models (`m`) and model versions (`v`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.search.fields import MODEL_VERSIONS, REGISTERED_MODELS, Noun
from tidemill.search.grammar import And, Comparison, Expr, Not, Op, parse_filter, parse_order_by
from tidemill.store.filters import PREFIX, Clause, compare, compile_tree, having, number_sql, numeric
from tidemill.store.pages import Column, Order, Where
from tidemill.store.registry_limits import PROMPT_TAG
from tidemill.store.transaction import Tx, marks

_FEW = 1000
"""Up to so many matches of a tag or a name are looked up first; more are met soon enough in the order of the page."""

_MODEL_COLUMNS = {"name": "m.name", "last_updated_timestamp": "m.updated"}
_VERSION_COLUMNS = {
    "name": "v.name",
    "run_id": "v.run_id",
    "source_path": "v.source",
    "version_number": "v.version",
    "creation_timestamp": "v.created",
    "last_updated_timestamp": "v.updated",
}


class _Filter:
    """Conditions on the rows of `table`, called `row` in the query, whose tags lie in `tags` by `owner`."""

    def __init__(self, tx: Tx, noun: Noun, columns: Mapping[str, str], row: str, tags: str, owner: str) -> None:
        self.tx, self.noun, self.columns = tx, noun, columns
        self.row, self.tags, self.owner = row, tags, owner

    def where(self, text: str) -> Where:
        where = Where()
        tree = parse_filter(text, self.noun)
        items = () if tree is None else tree.items if isinstance(tree, And) else (tree,)
        for item in items:
            narrow = self.narrow(item) if isinstance(item, Comparison) else None
            where.append(*(narrow or compile_tree(item, self.leaf)))
        if not any(map(_names_prompts, items)):
            where.append(f"{self.row}.prompt = 0")
        return where

    def leaf(self, item: Comparison) -> Clause:
        """One comparison."""
        key, op, value = item.field.key, item.op, item.value
        if item.field.kind == "attribute":
            return compare(self.tx.dialect, self.columns[key], op, value)
        wanted = _prompts_wanted(item)
        if wanted is not None:
            return f"{self.row}.prompt = ?", [wanted]
        exists = f"SELECT 1 FROM {self.tags} g WHERE g.{self.owner} = {self.row}.pk AND g.key = ?"
        column = number_sql(self.tx.dialect, "g.value") if numeric(value) else "g.value"
        return having(op, exists, [key], compare(self.tx.dialect, column, op, value))

    def narrow(self, item: Comparison) -> Clause | None:
        """The condition as a list of keys where it leaves few rows: an index finds those, wherever they are in the order."""
        if item.field.kind != "tag" or item.op is not Op.EQ or not isinstance(item.value, str):
            return None
        if _prompts_wanted(item) is not None:
            return None
        sql = f"SELECT g.{self.owner} FROM {self.tags} g WHERE g.key = ? AND substr(g.value, 1, {PREFIX}) = ?"
        params: list[Any] = [item.field.key, item.value[:PREFIX]]
        if len(item.value) >= PREFIX:
            sql += " AND g.value || '' = ?"
            params.append(item.value)
        return self.listed(f"{self.row}.pk", sql, params)

    def listed(self, column: str, sql: str, params: list[Any]) -> Clause | None:
        found = self.tx.rows(f"{sql} LIMIT {_FEW + 1}", params)
        if len(found) > _FEW:
            return None
        return (f"{column} IN ({marks(len(found))})", [pk for (pk,) in found]) if found else ("1 = 0", [])


class _VersionFilter(_Filter):
    """Versions have their model's name, of which there are fewer."""

    def narrow(self, item: Comparison) -> Clause | None:
        if item.field.kind == "attribute" and item.field.key == "name" and item.op is not Op.EQ:
            test, params = compare(self.tx.dialect, "m.name", item.op, item.value)
            return self.listed("v.model_pk", f"SELECT m.pk FROM registered_models m WHERE {test}", params)
        return super().narrow(item)


def _names_prompts(expr: Expr) -> bool:
    if isinstance(expr, Comparison):
        return _prompts_wanted(expr) is not None
    return any(map(_names_prompts, (expr.item,) if isinstance(expr, Not) else expr.items))


def _prompts_wanted(item: Comparison) -> int | None:
    """1 where a comparison asks for prompts, 0 where for what is none, None where for something else."""
    if item.field.kind != "tag" or item.field.key != PROMPT_TAG or not isinstance(item.value, str):
        return None
    value = item.value.lower()
    if item.op not in (Op.EQ, Op.NE) or value not in ("true", "false"):
        return None
    return int((value == "true") == (item.op is Op.EQ))


def models_filter(tx: Tx, text: str) -> Where:
    """The conditions for a filter on registered models; prompts are left out unless it asks for them."""
    return _Filter(tx, REGISTERED_MODELS, _MODEL_COLUMNS, "m", "registered_model_tags", "model_pk").where(text)


def versions_filter(tx: Tx, text: str) -> Where:
    """The conditions for a filter on versions."""
    return _VersionFilter(tx, MODEL_VERSIONS, _VERSION_COLUMNS, "v", "model_version_tags", "version_pk").where(text)


def models_order(clauses: Sequence[str]) -> Order:
    """The ordering of a search for registered models; by name in the end."""
    columns = [
        Column(_MODEL_COLUMNS[item.field.key], item.descending) for item in parse_order_by(clauses, REGISTERED_MODELS)
    ]
    return _unique(columns, [Column("m.name")])


def versions_order(clauses: Sequence[str]) -> Order:
    """The ordering of a search for versions: by default the last updated first; then name, then the highest first."""
    columns = [
        Column(_VERSION_COLUMNS[item.field.key], item.descending) for item in parse_order_by(clauses, MODEL_VERSIONS)
    ]
    if not columns:
        columns = [Column("v.updated", True)]
    return _unique(columns, [Column("v.name"), Column("v.version", True)])


def _unique(columns: list[Column], last: Sequence[Column]) -> Order:
    named = {column.sql for column in columns}
    return Order((*columns, *(column for column in last if column.sql not in named)))


def check_most(asked: int, most: int) -> None:
    """Refuse a page size that MLflow refuses, in its words."""
    if asked > most:
        raise InvalidParameter(
            f"Invalid value \"{asked}\" for parameter 'max_results' supplied:  Hint: Value was of type 'str'. "
            "See the API docs for more information about request parameters."
        )
    if asked < 1:
        raise InvalidParameter(f"Invalid value for max_results. It must be a positive integer, but got {asked}")
