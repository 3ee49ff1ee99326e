"""Checks: what a model's metrics must reach, by themselves and against another model's."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tidemill.errors import InvalidParameter


@dataclass(frozen=True)
class MetricThreshold:
    """What a metric must reach. MLflow's name and fields.

    `threshold`: the value to reach, or not to exceed where smaller is better. `min_absolute_change` and
    `min_relative_change` (0.05: 5 %): by how much it must be better than the baseline's. `greater_is_better`: None takes
    what is known of the metric.
    """

    threshold: float | None = None
    min_absolute_change: float | None = None
    min_relative_change: float | None = None
    greater_is_better: bool | None = None

    def __post_init__(self) -> None:
        if self.threshold is None and not self.needs_baseline:
            raise InvalidParameter(
                "A MetricThreshold needs threshold, min_absolute_change or min_relative_change; it has none of them."
            )
        for name in ("min_absolute_change", "min_relative_change"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise InvalidParameter(f"'{name}' says how much better to be, so it must not be negative: {value}.")

    @property
    def needs_baseline(self) -> bool:
        """Whether there must be something to compare with."""
        return self.min_absolute_change is not None or self.min_relative_change is not None


@dataclass(frozen=True)
class Check:
    """One metric, whether it passed, and why not. `baseline` is the other model's value, None where there is none."""

    metric: str
    value: float
    passed: bool
    reason: str
    baseline: float | None = None


def check_all(
    thresholds: Mapping[str, MetricThreshold | float],
    metrics: Mapping[str, float],
    baseline: Mapping[str, float] | None,
    lower_is_better: frozenset[str],
) -> list[Check]:
    """Check each metric that a threshold names, with `*` and `?` for several. `metrics` includes those of slices.

    Raises InvalidParameter where a threshold names none, or needs a baseline that is not there.
    """
    found = []
    for name, given in thresholds.items():
        wanted = given if isinstance(given, MetricThreshold) else MetricThreshold(threshold=float(given))
        named = [name] if name in metrics else [one for one in metrics if fnmatchcase(one, name)]
        if not named:
            raise InvalidParameter(f"There is no metric '{name}' to check; there are: {', '.join(metrics)}.")
        if wanted.needs_baseline and baseline is None:
            raise InvalidParameter(
                f"The check of '{name}' compares with a baseline; pass baseline_model, or a baseline result."
            )
        for one in named:
            lower = not wanted.greater_is_better if wanted.greater_is_better is not None else one in lower_is_better
            found.append(_check(one, wanted, metrics[one], (baseline or {}).get(one), lower))
    return found


def _check(name: str, wanted: MetricThreshold, value: float, baseline: float | None, lower: bool) -> Check:
    sign = -1.0 if lower else 1.0
    if math.isnan(value):
        return Check(name, value, False, "it is not a number", baseline)
    reasons = []
    if wanted.threshold is not None and sign * value < sign * wanted.threshold:
        reasons.append(f"it is {value:.6g}, {'above' if lower else 'below'} {wanted.threshold:.6g}")
    if wanted.needs_baseline:
        reasons += _against(wanted, value, baseline, sign)
    return Check(name, value, not reasons, "; ".join(reasons), baseline)


def _against(wanted: MetricThreshold, value: float, baseline: float | None, sign: float) -> list[str]:
    if baseline is None or math.isnan(baseline):
        return ["the baseline has no such value"]
    better = sign * (value - baseline)
    reasons = []
    if wanted.min_absolute_change is not None and better < wanted.min_absolute_change:
        reasons.append(f"it is better by {better:.6g}, not by {wanted.min_absolute_change:.6g}")
    if wanted.min_relative_change is not None:
        share = better / abs(baseline) if baseline else (math.inf if better > 0 else 0.0)
        if share < wanted.min_relative_change:
            reasons.append(f"it is better by {share:.2%}, not by {wanted.min_relative_change:.2%}")
    return reasons
