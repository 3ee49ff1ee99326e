"""Thresholds on metrics: an event when a run's metric crosses one.

Which experiments have rules is kept in memory (`Site.rules`), so that logging where there are none costs one look at an
empty dictionary. A rule is told once a crossing: `metric_rule_hits` holds the runs whose metric fulfils it now.
"""

import operator
from collections.abc import Callable, Sequence

from tidemill.api import codec
from tidemill.errors import InvalidParameter
from tidemill.store.database import Database
from tidemill.store.experiments import experiment_key
from tidemill.store.limits import check_name
from tidemill.store.outbox import emit
from tidemill.store.transaction import Site, Tx
from tidemill.types.webhooks import MetricRule

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_MOST_RULES = 100
KIND = "run.metric_crossed"


def replace(tx: Tx, sink: str, rules: Sequence[MetricRule]) -> None:
    """Make `rules` those of a sink."""
    if len(rules) > _MOST_RULES:
        raise InvalidParameter(f"At most {_MOST_RULES} rules are possible here, not {len(rules)}.")
    tx.run("DELETE FROM metric_rules WHERE sink = ?", (sink,))
    for number, rule in enumerate(rules):
        if not rule.experiment_id or not rule.key:
            raise codec.missing(f"rules[{number}].{'key' if rule.experiment_id else 'experiment_id'}")
        if rule.comparison not in _COMPARISONS or rule.value != rule.value:
            raise InvalidParameter(
                f"'{rule.comparison} {rule.value}' cannot be checked. Compare by one of {', '.join(_COMPARISONS)} with a number."
            )
        check_name(rule.key, f"rules[{number}].key", "Metric name")
        tx.names.find_or_make(tx, [rule.key])  # so that its number is known where rules are loaded
        tx.run(
            "INSERT INTO metric_rules (sink, experiment_id, key, comparison, value) VALUES (?, ?, ?, ?, ?)",
            (sink, experiment_key(rule.experiment_id), rule.key, rule.comparison, rule.value),
        )


def of_sink(tx: Tx, sink: str) -> list[MetricRule]:
    """The rules of a sink."""
    rows = tx.rows("SELECT experiment_id, key, comparison, value FROM metric_rules WHERE sink = ? ORDER BY id", (sink,))
    return [MetricRule(str(row[0]), *row[1:]) for row in rows]


def reload(database: Database, site: Site) -> None:
    """Bring `site.rules` up to date."""
    found: dict[int, dict[int, list[tuple[int, str, MetricRule]]]] = {}
    with database.read(site) as tx:
        rows = tx.rows("SELECT id, sink, experiment_id, key, comparison, value FROM metric_rules ORDER BY id")
        for number, sink, experiment, key, comparison, value in rows:
            by_key = found.setdefault(experiment, {})
            rule = MetricRule(str(experiment), key, comparison, value)
            by_key.setdefault(tx.names.find(tx, key), []).append((number, sink, rule))
    site.rules = found


def check(
    tx: Tx, run_pk: int, experiment: int, names: Sequence[int], values: Sequence[float], steps: Sequence[int]
) -> None:
    """Look at points that are being logged, in their order, and tell of the rules that they cross."""
    by_key = tx.site.rules[experiment]
    for name in by_key.keys() & set(names):
        for number, sink, rule in by_key[name]:
            if tx.row("SELECT 1 FROM metric_rules WHERE id = ?", (number,)) is None:
                continue  # removed, and this process has not heard of it yet
            where = (number, run_pk)
            before = tx.row("SELECT 1 FROM metric_rule_hits WHERE rule_id = ? AND run_pk = ?", where) is not None
            met = before
            fulfils = _COMPARISONS[rule.comparison]
            for at, value, step in zip(names, values, steps, strict=True):
                if at == name and fulfils(value, rule.value) != met:
                    met = not met
                    if met:
                        _tell(tx, run_pk, sink, rule, value, step)
            if met and not before:
                tx.run("INSERT INTO metric_rule_hits (rule_id, run_pk) VALUES (?, ?) ON CONFLICT DO NOTHING", where)
            elif before and not met:
                tx.run("DELETE FROM metric_rule_hits WHERE rule_id = ? AND run_pk = ?", where)


def _tell(tx: Tx, run_pk: int, sink: str, rule: MetricRule, value: float, step: int) -> None:
    row = tx.row("SELECT run_id, name FROM runs WHERE pk = ?", (run_pk,))
    assert row is not None
    data = {
        "run_id": row[0],
        "experiment_id": rule.experiment_id,
        "run_name": row[1],
        "key": rule.key,
        "value": value,
        "step": step,
        "comparison": rule.comparison,
        "threshold": rule.value,
        "sink": sink,
    }
    emit(tx, KIND, f"run/{row[0]}", data)
