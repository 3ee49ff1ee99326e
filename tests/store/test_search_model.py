"""Searches against a model in plain Python: random runs, filters, orders and page sizes must give the same answers."""

import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidemill.api import runs
from tidemill.search.fields import RUNS
from tidemill.search.grammar import And, Comparison, Expr, Not, Op, Or, parse_filter, parse_order_by
from tidemill.store.backend import SqlBackend
from tidemill.store.limits import number_of
from tidemill.testing.factories import new_experiment, new_run, pages
from tidemill.types.runs import RunStatus, SearchRuns, UpdateRun

KEYS = "abc"
TEXTS = ["", "x", "X", "xy", "10", "9", "1e1", "-1", "%", "_", "x%", "it's", "10.0"]
NUMBERS = [0.0, 1.0, -1.0, 10.0, 0.5, math.nan, math.inf, -math.inf]
HIGHEST = 1.7976931348623157e308
CHECKED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@dataclass
class Known:
    """A run as the model knows it."""

    run_id: str
    start: int
    end: int | None
    status: str
    name: str
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def value(self, kind: str, key: str) -> Any:
        """What a field of it is worth, None where it has none."""
        if kind == "metric":
            return self.metrics.get(key)
        if kind in ("param", "tag"):
            return (self.params if kind == "param" else self.tags).get(key)
        return {
            "run_id": self.run_id,
            "start_time": self.start,
            "end_time": self.end,
            "status": self.status,
            "run_name": self.name,
            "duration": None if self.end is None else self.end - self.start,
        }[key]


def like(text: str, pattern: str, fold: bool) -> bool:
    body = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(body, text, re.DOTALL | (re.IGNORECASE if fold else 0)) is not None


COMPARE: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: lambda a, b: bool(a == b),
    Op.NE: lambda a, b: bool(a != b),
    Op.LT: lambda a, b: bool(a < b),
    Op.LE: lambda a, b: bool(a <= b),
    Op.GT: lambda a, b: bool(a > b),
    Op.GE: lambda a, b: bool(a >= b),
    Op.IN: lambda a, b: a in b,
    Op.NOT_IN: lambda a, b: a not in b,
    Op.LIKE: lambda a, b: like(a, b, False),
    Op.NOT_LIKE: lambda a, b: not like(a, b, False),
    Op.ILIKE: lambda a, b: like(a, b, True),
    Op.NOT_ILIKE: lambda a, b: not like(a, b, True),
}


def matches(run: Known, expr: Expr | None) -> bool:
    """Whether a filter finds a run. A comparison holds only where the field has a value; NaN differs from all numbers."""
    if expr is None:
        return True
    if isinstance(expr, Not):
        return not matches(run, expr.item)
    if isinstance(expr, And | Or):
        return (all if isinstance(expr, And) else any)(matches(run, item) for item in expr.items)
    assert isinstance(expr, Comparison)
    value = run.value(expr.field.kind, expr.field.key)
    if expr.op is Op.IS_NULL:
        return value is None
    if expr.op is Op.IS_NOT_NULL:
        return value is not None
    one = expr.value[0] if isinstance(expr.value, tuple) else expr.value
    if isinstance(value, str) and isinstance(one, int | float):
        value = number_of(value)
    if value is None:
        return False
    return COMPARE[expr.op](value, expr.value)


def in_order(known: list[Known], order_by: list[str]) -> list[str]:
    """Run ids as a search orders them."""
    items = parse_order_by(order_by, RUNS)

    def compare(one: Known, two: Known) -> int:
        for item in items:
            first, second = (run.value(item.field.kind, item.field.key) for run in (one, two))
            ranks = [2 if value is None else 1 if value != value else 0 for value in (first, second)]
            if ranks[0] != ranks[1]:
                return ranks[0] - ranks[1]
            if ranks[0] == 0 and first != second:
                return (1 if first > second else -1) * (-1 if item.descending else 1)
        return (two.start - one.start) or (1 if one.run_id > two.run_id else -1)

    return [run.run_id for run in sorted(known, key=cmp_to_key(compare))]


@pytest.fixture(scope="module")
def population(store: SqlBackend) -> tuple[str, list[Known]]:
    """Forty runs with few different values, so that there are many ties."""
    dice, experiment, known = random.Random(7), new_experiment(store), []
    for _ in range(40):
        values = {key: dice.choice(NUMBERS) for key in KEYS if dice.random() < 0.7}
        params, tags = ({key: dice.choice(TEXTS) for key in KEYS if dice.random() < 0.7} for _ in range(2))
        start, name = dice.randrange(5), dice.choice("xyz")
        run = new_run(store, experiment, start_time=start, name=name, tags=tags, params=params, values=values)
        status, end = dice.choice(list(RunStatus)), dice.choice([None, 3, 10])
        store.call(runs.update, UpdateRun(run, status=status, end_time=end))
        values = {key: max(min(value, HIGHEST), -HIGHEST) if value == value else value for key, value in values.items()}
        known.append(Known(run, start, end, status, name, values, params, tags))
    return experiment, known


def quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


text_value = st.sampled_from(TEXTS).map(quoted)
number_value = st.sampled_from(["0", "1", "-1", "10", "0.5", "1e308", "1e400", "-1e400", "9.99"])
ordering = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
texts_op = st.sampled_from(["=", "!=", "LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE", "like", "Not iLike"])
null = st.sampled_from(["IS NULL", "is not null"])
keyed = st.builds(
    "{}.{}".format, st.sampled_from(["params", "param", "tags", "tag"]), st.sampled_from([*KEYS, "never"])
)
metric = st.builds("metrics.{}".format, st.sampled_from([*KEYS, "never"]))
when = st.sampled_from(["start_time", "end_time", "attributes.duration", "created"])
named = st.sampled_from(["run_name", "status", "attribute.status"])


def listed(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=4).map(lambda found: f"({', '.join(found)})")


comparison = st.one_of(
    st.builds("{} {} {}".format, metric, ordering, number_value),
    st.builds("{} {} {}".format, keyed, texts_op, text_value),
    st.builds("{} {} {}".format, keyed, ordering, number_value),
    st.builds("{} {}".format, st.one_of(keyed, metric, when), null),
    st.builds(
        "{} {} {}".format, keyed, st.sampled_from(["IN", "NOT IN"]), st.one_of(listed(text_value), listed(number_value))
    ),
    st.builds("{} {} {}".format, when, ordering, number_value),
    st.builds(
        "{} {} {}".format, when, st.sampled_from(["IN", "not in"]), listed(st.sampled_from(["0", "3", "10", "2.5"]))
    ),
    st.builds("{} {} {}".format, named, texts_op, st.sampled_from(["'x'", "'FINISHED'", "'%I%'", "'RUNNING'", "''"])),
)
filters = st.recursive(
    comparison,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=6,
)
sort_field = st.one_of(
    metric, keyed, st.sampled_from(["start_time", "end_time", "status", "run_name", "attributes.duration", "run_id"])
)
orders = st.lists(
    st.builds("{} {}".format, sort_field, st.sampled_from(["ASC", "DESC"])),
    max_size=3,
    unique_by=lambda clause: next(iter(parse_order_by([clause], RUNS))).field,
)


@CHECKED
@given(filter=filters, order_by=orders, size=st.integers(1, 45))
def test_same_as_the_model(
    store: SqlBackend, population: tuple[str, list[Known]], filter: str, order_by: list[str], size: int
) -> None:
    experiment, known = population
    tree = parse_filter(filter, RUNS)
    wanted = in_order([run for run in known if matches(run, tree)], order_by)
    arg = SearchRuns([experiment], filter, order_by=order_by, max_results=size, select=["info"])
    found = [[run.info.run_id for run in page] for page in pages(store, runs.search, arg, "runs")]
    assert [one for page in found for one in page] == wanted
    assert all(len(page) == size for page in found[:-1])


@CHECKED
@given(filter=filters, order_by=orders)
def test_of_many_experiments(
    store: SqlBackend, population: tuple[str, list[Known]], filter: str, order_by: list[str]
) -> None:
    experiment, known = population
    tree = parse_filter(filter, RUNS)
    wanted = in_order([run for run in known if matches(run, tree)], order_by)
    arg = SearchRuns([experiment, "999999999"], filter, order_by=order_by)
    assert [run.info.run_id for run in store.call(runs.search, arg).runs] == wanted


@pytest.mark.deep
@settings(parent=CHECKED, max_examples=5000)
@given(filter=filters, order_by=orders, size=st.integers(1, 45))
def test_same_as_the_model_often(
    store: SqlBackend, population: tuple[str, list[Known]], filter: str, order_by: list[str], size: int
) -> None:
    test_same_as_the_model.hypothesis.inner_test(store, population, filter, order_by, size)  # type: ignore[attr-defined]
