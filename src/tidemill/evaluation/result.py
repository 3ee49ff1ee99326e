"""What came out of an evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidemill.errors import ChecksFailed
from tidemill.evaluation.checks import Check, MetricThreshold, check_all


@dataclass(frozen=True)
class EvaluationResult:
    """`metrics` over all rows, by name; `slices`: the same of each slice, by its name `<kind>/<value>`.

    `tables` are columns (or one's own frames) by name, `artifacts` the paths of what was written to the run, by name.
    `checks` and `baseline_metrics` (slices included, as in `all_metrics`) are empty or None where none was asked for.
    """

    metrics: dict[str, float]
    slices: dict[str, dict[str, float]] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    baseline_metrics: dict[str, float] | None = None
    run_id: str | None = None
    model_id: str | None = None
    dataset_name: str = ""
    dataset_digest: str = ""
    lower_is_better: frozenset[str] = frozenset()

    @property
    def passed(self) -> bool:
        """Whether all checks passed; true where there was none."""
        return all(check.passed for check in self.checks)

    @property
    def all_metrics(self) -> dict[str, float]:
        """Those of slices too, as `slices/<kind>/<value>/<metric>`: the names that they are logged and checked by."""
        found = dict(self.metrics)
        for name, metrics in self.slices.items():
            found |= {f"slices/{name}/{key}": value for key, value in metrics.items()}
        return found

    def raise_if_failed(self) -> None:
        """Raises ChecksFailed, which says what failed and why."""
        failed = [check for check in self.checks if not check.passed]
        if failed:
            said = "; ".join(f"{check.metric}: {check.reason}" for check in failed)
            raise ChecksFailed(f"{len(failed)} of {len(self.checks)} checks failed. {said}.", failed)

    def to_frame(self) -> Any:
        """One row a metric and slice (`slice` is "" for all rows), as a pandas frame; a list of dicts without pandas."""
        baseline = self.baseline_metrics
        rows = []
        for name, metrics in ({"": self.metrics} | self.slices).items():
            for key, value in metrics.items():
                row: dict[str, Any] = {"slice": name, "metric": key, "value": value}
                if baseline is not None:
                    row["baseline"] = baseline.get(f"slices/{name}/{key}" if name else key)
                rows.append(row)
        try:
            import pandas as pd
        except ImportError:
            return rows
        return pd.DataFrame(rows)


def validate_evaluation_results(
    validation_thresholds: Mapping[str, MetricThreshold | float],
    candidate_result: EvaluationResult,
    baseline_result: EvaluationResult | None = None,
) -> list[Check]:
    """Check a result, against another one where a threshold compares. Raises ChecksFailed where a check fails."""
    baseline = None if baseline_result is None else baseline_result.all_metrics
    found = check_all(validation_thresholds, candidate_result.all_metrics, baseline, candidate_result.lower_is_better)
    EvaluationResult(candidate_result.metrics, checks=found).raise_if_failed()
    return found
