"""The checks of a request: metrics against numbers or against the version that holds the place now, and the signature."""

import operator
from collections.abc import Callable

from tidemill.store.model_holds import ALIAS
from tidemill.store.registry_limits import STAGES
from tidemill.store.signatures import cannot_replace
from tidemill.store.transaction import Tx
from tidemill.store.version_facts import Facts, gather
from tidemill.types.approvals import CheckResult, MetricCheck, Policy

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def in_words(check: MetricCheck) -> str:
    """A check as people write it: `accuracy on test >= 0.9`, `loss < current`."""
    on = f" on {check.dataset}" if check.dataset else ""
    return f"{check.metric}{on} {check.operator} {'current' if check.value is None else format(check.value, 'g')}"


def holder(tx: Tx, model_pk: int, kind: int, place: str) -> int | None:
    """The version that holds an alias, or the highest one in a stage."""
    if kind == ALIAS:
        row = tx.row("SELECT version FROM model_aliases WHERE model_pk = ? AND alias = ?", (model_pk, place))
    else:
        row = tx.row(
            "SELECT max(version) FROM model_versions WHERE model_pk = ? AND stage = ?", (model_pk, STAGES.index(place))
        )
    return None if row is None else row[0]


def look(tx: Tx, policy: Policy | None, model_pk: int, kind: int, place: str, version: str) -> list[CheckResult]:
    """All checks of a policy for a version of its registered model that is to take the place."""
    if policy is None or not version or not (policy.metrics or policy.signature):
        return []
    candidate = gather(tx, policy.name, version)
    number = holder(tx, model_pk, kind, place)
    current = None if number is None or str(number) == version else gather(tx, policy.name, str(number))
    found = [_metric(check, candidate, current) for check in policy.metrics]
    return [*found, _signature(tx, candidate, current)] if policy.signature else found


def _metric(check: MetricCheck, candidate: Facts, current: Facts | None) -> CheckResult:
    words = in_words(check)
    value = candidate.metric(check.metric, check.dataset)
    if value is None:
        return CheckResult(words, False, f"version {candidate.version.version} has no such metric")
    shown = f"{check.metric} = {value:g}"
    limit = check.value
    if limit is None:
        if current is None:
            return CheckResult(words, True, f"{shown}; no other version holds the place")
        limit = current.metric(check.metric, check.dataset)
        if limit is None:
            return CheckResult(words, True, f"{shown}; version {current.version.version} has no such metric")
        shown += f", version {current.version.version} has {limit:g}"
    return CheckResult(words, COMPARISONS[check.operator](value, limit), shown)


def _signature(tx: Tx, candidate: Facts, current: Facts | None) -> CheckResult:
    words = "signature fits"
    if current is None:
        return CheckResult(words, True, "no other version holds the place")
    before = current.files(tx)
    if before.signature is None:
        return CheckResult(words, True, f"version {current.version.version} has no signature")
    reasons = cannot_replace(before, candidate.files(tx))
    return CheckResult(words, not reasons, "; ".join(reasons) or f"it fits that of version {current.version.version}")
