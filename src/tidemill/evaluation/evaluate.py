"""`tidemill.evaluate`: how good a model is, on which rows it is not, and whether that is good enough."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tidemill.errors import InvalidParameter, NotSupported
from tidemill.evaluation import slices as slicing
from tidemill.evaluation.checks import MetricThreshold, check_all
from tidemill.evaluation.measures import (
    CLASSIFIER,
    REGRESSOR,
    Judged,
    Metric,
    is_lower_better,
    judge,
    measure,
    metric_of,
)
from tidemill.evaluation.predictions import Predicted, ask, model_of
from tidemill.evaluation.record import Record, record
from tidemill.evaluation.result import EvaluationResult
from tidemill.evaluation.rows import Rows, rows_of
from tidemill.tracking.autolog.evaluation import Evaluation

_CONFIG = ("metric_prefix", "sample_weights")


def evaluate(
    model: Any = None,
    data: Any = None,
    *,
    model_type: str | None = None,
    targets: Any = None,
    predictions: Any = None,
    feature_names: Sequence[str] | None = None,
    sample_weights: Any = None,
    slices: slicing.Chosen | None = None,
    extra_metrics: Sequence[Metric | Callable[..., Any]] | None = None,
    custom_artifacts: Sequence[Callable[..., Any]] | None = None,
    validation_thresholds: Mapping[str, MetricThreshold | float] | None = None,
    baseline_model: Any = None,
    must_pass: bool = False,
    evaluators: str | Sequence[str] | None = None,
    evaluator_config: Mapping[str, Any] | None = None,
    dataset_name: str | None = None,
    model_id: str | None = None,
    model_config: Mapping[str, Any] | None = None,
    inference_params: Mapping[str, Any] | None = None,
    allow_pickle: bool = False,
) -> EvaluationResult:
    """Judge a model on data, write what comes out to the active run (or to one of its own), and answer it.

    `model`: an address (`models:/…`, `runs:/…`), what `log_model` or `load_model` answered, an estimator with `predict`, a
    function of the features, or None where `predictions` has the predictions already. `model_type`: `classifier`,
    `regressor`, or None for `extra_metrics` alone. `targets`, `predictions` and `sample_weights` are columns of `data` by
    name, or one value a row; see `rows_of` for what data may be and `masks_of` for `slices`, whose metrics come besides.

    `extra_metrics` are functions (see `make_metric`), `custom_artifacts` functions of (frame with the columns prediction
    and target, metrics, folder) that answer a dict of what to write. `validation_thresholds` say what metrics must reach,
    alone and against `baseline_model` (a model, or a result) on the same rows; with `must_pass` a failed check raises
    ChecksFailed once all is written. `evaluator_config` takes `metric_prefix` and `sample_weights`.

    Raises InvalidParameter for what does not fit together.
    """
    prefix, sample_weights = _config(evaluators, evaluator_config, sample_weights)
    extra = [metric_of(one) for one in extra_metrics or ()]
    _check_kind(model_type, extra)
    rows = rows_of(data, targets, predictions, sample_weights, feature_names, dataset_name)
    if rows.targets is None and model_type is not None:
        raise InvalidParameter(f"To judge a {model_type}, say what is true: pass targets.")
    options = (inference_params, model_config, allow_pickle)
    predicted, found_id = _predicted(model, rows, model_type == CLASSIFIER, options)
    masks = list(slicing.masks_of(rows, slices))
    whole, metrics, parts = _judged(rows, predicted, model_type, extra, masks)
    baseline = _baseline(baseline_model, rows, model_type, extra, masks, options)
    result = EvaluationResult(
        metrics={prefix + key: value for key, value in metrics.items()},
        slices={name: {prefix + key: value for key, value in part.items()} for name, part in parts.items()},
        tables={prefix + name: table for name, table in whole.tables.items()},
        baseline_metrics=None if baseline is None else _prefixed(baseline, prefix),
        dataset_name=rows.dataset.name,
        dataset_digest=rows.dataset.digest,
    )
    lower = frozenset(name for name in result.all_metrics if is_lower_better(_plain(name, prefix), extra))
    checks = check_all(validation_thresholds or {}, result.all_metrics, result.baseline_metrics, lower)
    with record(rows.dataset, model_id or found_id) as made:
        _write(made, result, whole, prefix)
        made.own(custom_artifacts or (), _frame(rows, predicted), result.metrics, prefix)
        if checks:
            made.checks(checks, prefix)
    result = EvaluationResult(
        result.metrics, result.slices, result.tables, made.artifacts, checks, result.baseline_metrics,
        made.run_id, made.model_id, result.dataset_name, result.dataset_digest, lower,
    )  # fmt: skip
    if must_pass:
        result.raise_if_failed()
    return result


def _config(evaluators: Any, config: Mapping[str, Any] | None, weights: Any) -> tuple[str, Any]:
    """The prefix of all names, and the weights, from MLflow's way of giving them."""
    named = [evaluators] if isinstance(evaluators, str) else list(evaluators or ())
    if set(named) - {"default"}:
        raise NotSupported(f"There is one evaluator, 'default', not {named}; pass functions as extra_metrics.")
    given = dict(config or {})
    given = dict(given.get("default", given))
    unknown = [key for key in given if key not in _CONFIG]
    if unknown:
        raise InvalidParameter(f"evaluator_config takes {' and '.join(_CONFIG)}, not {', '.join(unknown)}.")
    return str(given.get("metric_prefix") or ""), weights if weights is not None else given.get("sample_weights")


def _check_kind(kind: str | None, extra: Sequence[Metric]) -> None:
    if kind not in (CLASSIFIER, REGRESSOR, None):
        raise InvalidParameter(
            f"The model type '{kind}' cannot be evaluated; use classifier or regressor, or None with extra_metrics."
        )
    if kind is None and not extra:
        raise InvalidParameter(
            "Without a model_type (classifier or regressor) there is nothing to measure but extra_metrics."
        )


def _predicted(model: Any, rows: Rows, is_classifier: bool, options: Any) -> tuple[Predicted, str | None]:
    if model is None:
        if rows.predictions is None:
            raise InvalidParameter("There is neither a model nor predictions; pass one of them.")
        return Predicted(rows.predictions), None
    asked = model_of(model, *options)
    found = ask(asked, rows.features, is_classifier)
    if len(found.labels) != rows.size:
        raise InvalidParameter(f"The model answered {len(found.labels)} predictions for {rows.size} rows.")
    return found, asked.model_id


def _judged(
    rows: Rows, predicted: Predicted, kind: str | None, extra: Sequence[Metric], masks: Sequence[tuple[str, Any]]
) -> tuple[Evaluation, dict[str, float], dict[str, dict[str, float]]]:
    """The evaluation of all rows, its metrics with the extra ones, and the metrics of each slice."""
    everything = Judged(rows.targets, predicted, rows.weights, rows.features)
    whole = judge(kind, everything)
    metrics = {**whole.metrics, **measure(extra, everything, whole.metrics)}
    parts = {}
    for name, mask in masks:
        part = _part(everything, mask)
        known = judge(kind, part).metrics
        parts[name] = {**known, **measure(extra, part, known)}
    return whole, metrics, parts


def _part(rows: Judged, mask: Any) -> Judged:
    """The rows of a slice."""

    def some(values: Any) -> Any:
        return None if values is None else values[mask]

    said = rows.predicted
    return Judged(
        some(rows.targets), Predicted(some(said.labels), some(said.shares), said.classes), some(rows.weights),
        some(rows.data),
    )  # fmt: skip


def _baseline(
    model: Any, rows: Rows, kind: str | None, extra: Sequence[Metric], masks: Sequence[tuple[str, Any]], options: Any
) -> dict[str, float] | None:
    """The metrics of another model on the same rows, those of slices included."""
    if model is None:
        return None
    if isinstance(model, EvaluationResult):
        return model.all_metrics
    predicted, _ = _predicted(model, rows, kind == CLASSIFIER, options)
    _, metrics, parts = _judged(rows, predicted, kind, extra, masks)
    return EvaluationResult(metrics, parts).all_metrics


def _prefixed(metrics: Mapping[str, float], prefix: str) -> dict[str, float]:
    """A baseline's metrics by the names that this evaluation has for them."""
    found = {}
    for name, value in metrics.items():
        before, slash, last = name.rpartition("/")
        found[name if last.startswith(prefix) and prefix else f"{before}{slash}{prefix}{last}"] = value
    return found


def _plain(name: str, prefix: str) -> str:
    return name.rpartition("/")[2].removeprefix(prefix)


def _write(made: Record, result: EvaluationResult, whole: Evaluation, prefix: str) -> None:
    made.metrics(result.all_metrics)
    made.evaluation(whole, prefix)
    if result.slices:
        keys = list(dict.fromkeys(key for part in result.slices.values() for key in part))
        columns: dict[str, list[Any]] = {"slice": list(result.slices)}
        columns |= {key: [part.get(key) for part in result.slices.values()] for key in keys}
        made.table(f"{prefix}slices", columns)


def _frame(rows: Rows, predicted: Predicted) -> Any:
    """Predictions and targets as a table, for functions of the caller's."""
    columns = {"prediction": predicted.labels} | ({} if rows.targets is None else {"target": rows.targets})
    try:
        import pandas as pd
    except ImportError:
        return columns
    return pd.DataFrame({name: list(values) for name, values in columns.items()})
