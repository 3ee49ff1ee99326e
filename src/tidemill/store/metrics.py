"""Metric points and their histories, in the database."""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from tidemill.api import codec
from tidemill.errors import BadRequest, InvalidParameter
from tidemill.store import limits, metric_rules, points
from tidemill.store.compaction import note_logged
from tidemill.store.curves import curves as curves
from tidemill.store.transaction import Tx, marks
from tidemill.types import metrics as t

Logged = tuple[str, float, int, int]
"""key, value, timestamp, step"""

_BULK_POINTS = 25_000
_RUNS_AT_ONCE = 20
_SEE_DOCS = "See the API docs for more information about request parameters."
_NEWER = (
    "(excluded.step, excluded.timestamp, COALESCE(excluded.value, 0)) > "
    "(metric_latest.step, metric_latest.timestamp, COALESCE(metric_latest.value, 0))"
)
_KEPT = "{0} = CASE WHEN metric_latest.{0} IS NULL OR excluded.{0} {1} metric_latest.{0} THEN " + (
    "COALESCE(excluded.{0}, metric_latest.{0}) ELSE metric_latest.{0} END"
)
_UPSERT = (
    "INSERT INTO metric_latest (run_pk, name_id, experiment_id, value, timestamp, step, low, high) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_pk, name_id) DO UPDATE SET "
    + ", ".join(
        f"{column} = CASE WHEN {_NEWER} THEN excluded.{column} ELSE metric_latest.{column} END"
        for column in ("value", "timestamp", "step")
    )
    + f", {_KEPT.format('low', '<')}, {_KEPT.format('high', '>')}"
)


def append(tx: Tx, run_pk: int, experiment: int, logged: Sequence[Logged]) -> None:
    """Add points to a run: one row for all of them, and the newest of each series where search looks."""
    if not logged:
        return
    keys, values, timestamps, steps = zip(*logged, strict=True)
    ids = tx.names.find_or_make(tx, dict.fromkeys(keys))
    append_columns(tx, run_pk, experiment, [ids[key] for key in keys], values, timestamps, steps)


def append_columns(
    tx: Tx,
    run_pk: int,
    experiment: int,
    columns: Sequence[int],
    values: Sequence[float],
    timestamps: Sequence[int],
    steps: Sequence[int],
) -> None:
    """As `append`, for points in columns: ids of names, values, timestamps, steps. There is at least one."""
    tx.run(
        "INSERT INTO metric_log (run_pk, points, data) VALUES (?, ?, ?)",
        (run_pk, len(columns), points.pack_log(columns, values, timestamps, steps)),
    )
    newest: dict[int, tuple[int, int, float, float]] = {}
    low: dict[int, float] = {}
    high: dict[int, float] = {}
    for name, value, timestamp, step in zip(columns, values, timestamps, steps, strict=True):
        # NaN counts as 0 in this comparison, as in MLflow.
        real = value == value
        point = (step, timestamp, value if real else 0.0, value)
        if name not in newest or point > newest[name]:
            newest[name] = point
        if real:
            if name not in low:
                low[name] = high[name] = value
            elif value < low[name]:
                low[name] = value
            elif value > high[name]:
                high[name] = value
    # Sorted, so that two transactions with the same series do not wait for each other.
    tx.many(
        _UPSERT,
        [
            (
                *(run_pk, name, experiment, value if value == value else None, timestamp, step),
                *(low.get(name), high.get(name)),
            )
            for name, (step, timestamp, _, value) in sorted(newest.items())
        ],
    )
    if experiment in tx.site.rules:
        metric_rules.check(tx, run_pk, experiment, columns, values, steps)
    tx.touched.add(run_pk)
    note_logged(tx.site, run_pk, len(columns))


def append_to_model(tx: Tx, run_id: str, logged: Sequence[Any]) -> None:
    """Add points (`LogMetric` or `MetricPoint`) to the logged models that they name. Raises BadRequest for an unknown one."""
    named = sorted({point.model_id for point in logged})
    models: dict[str, int] = dict(
        tx.rows(f"SELECT model_id, pk FROM logged_models WHERE model_id IN ({marks(len(named))})", named)
    )
    rows = []
    for point in logged:
        limits.check_length("dataset_name", point.dataset_name, 500)
        limits.check_length("dataset_digest", point.dataset_digest, 36)
        if point.model_id not in models:
            raise BadRequest(
                f"Logged model with ID '{point.model_id}' not found. Create it before logging its metrics."
            )
        value = limits.metric_value(point.value)
        real = value == value
        stored = (value if real else 0.0, 0 if real else 1)
        dataset = (point.dataset_name, point.dataset_digest)
        rows.append((models[point.model_id], point.key, point.timestamp, point.step, *stored, run_id, *dataset))
    tx.many(
        "INSERT INTO logged_model_metrics "
        "(model_pk, key, timestamp, step, value, is_nan, run_id, dataset_name, dataset_digest) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        rows,
    )


def histories(tx: Tx, run_ids: Sequence[str], key: str) -> Iterator[tuple[str, list[points.Point]]]:
    """Run by run, in the order given, all points of one series, sorted, each once. Empty where run or key is unknown.

    A few runs are read at a time, so that neither the statements nor the points in memory become too many.
    """
    name = tx.names.find(tx, key)
    for start in range(0, len(run_ids), _RUNS_AT_ONCE):
        part = run_ids[start : start + _RUNS_AT_ONCE]
        pks: dict[str, int] = {}
        if name >= 0:
            pks = dict(tx.rows(f"SELECT run_id, pk FROM runs WHERE run_id IN ({marks(len(part))})", part))
        series = _series(tx, list(pks.values()), name) if pks else {}
        for run_id in part:
            yield run_id, points.in_order(series.get(pks.get(run_id, -1), []))


def _series(tx: Tx, pks: Sequence[int], name: int) -> dict[int, list[points.Point]]:
    """The points of one series in each of some runs (by pk), out of blocks and log, as they come."""
    within = f"run_pk IN ({marks(len(pks))})"
    series: dict[int, list[points.Point]] = {}
    blocks = f"SELECT run_pk, data FROM metric_blocks WHERE {within} AND name_id = ? ORDER BY run_pk, seq"
    for pk, data in tx.rows(blocks, [*pks, name]):
        series.setdefault(pk, []).extend(points.unpack_block(data))
    for pk, data in tx.rows(f"SELECT run_pk, data FROM metric_log WHERE {within} ORDER BY id", pks):
        ids, values, timestamps, steps = points.unpack_log(data)
        if len(ids) == 1:
            if ids[0] == name:
                series.setdefault(pk, []).append((timestamps[0], steps[0], values[0]))
        else:
            series.setdefault(pk, []).extend(
                (timestamp, step, value)
                for one, value, timestamp, step in zip(ids, values, timestamps, steps, strict=True)
                if one == name
            )
    return series


def get_history(tx: Tx, arg: t.GetMetricHistory) -> codec.Encoded[t.MetricHistory]:
    """See the operation `metrics.get_history`."""
    if arg.max_results is not None and arg.max_results < 1:
        raise InvalidParameter(
            f"Invalid value {arg.max_results} for parameter 'max_results' supplied. It must be a positive integer."
        )
    ((_, found),) = histories(tx, [arg.run_id], arg.metric_key)
    start = bisect_right(found, points.place(_read_token(arg.page_token)), key=points.place) if arg.page_token else 0
    end = len(found) if arg.max_results is None else start + arg.max_results
    part = found[start:end] if start or end < len(found) else found
    token = _make_token(part[-1]) if end < len(found) else None
    return codec.Encoded(codec.encode(t.MetricHistory(metrics=_entities(arg.metric_key, part), next_page_token=token)))


def get_history_bulk(tx: Tx, arg: t.GetMetricHistoryBulk) -> t.BulkMetricHistory:
    """See the operation `metrics.get_history_bulk`."""
    if not arg.run_id:
        raise InvalidParameter("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(arg.run_id) > 100:
        raise InvalidParameter(
            f"GetMetricHistoryBulk request cannot specify more than 100 run_ids. Received {len(arg.run_id)} run_ids."
        )
    if not arg.metric_key:
        raise InvalidParameter("GetMetricHistoryBulk request must specify a metric_key.")
    most = _BULK_POINTS if arg.max_results is None else max(0, min(arg.max_results, _BULK_POINTS))
    answer: list[t.Metric] = []
    for run_id, found in histories(tx, sorted(set(arg.run_id)), arg.metric_key):
        answer += _entities(arg.metric_key, found[: most - len(answer)], run_id)
        if len(answer) >= most:
            break
    return t.BulkMetricHistory(metrics=answer)


def get_history_interval(tx: Tx, arg: t.GetMetricHistoryInterval) -> t.MetricHistory:
    """See the operation `metrics.get_history_interval`."""
    _check_interval(arg)
    answer: list[t.Metric] = []
    for run_id, found in histories(tx, arg.run_ids, arg.metric_key):
        if arg.start_step is not None and arg.end_step is not None:
            found = [point for point in found if arg.start_step <= point[1] <= arg.end_step]
        by_step = sorted(found, key=lambda point: point[1])
        answer += _entities(arg.metric_key, _thinned(by_step, arg.max_results), run_id)
    return t.MetricHistory(metrics=answer)


def _check_interval(arg: t.GetMetricHistoryInterval) -> None:
    if len(arg.run_ids) > 100:
        raise InvalidParameter(
            "GetMetricHistoryBulkInterval request must specify at most 100 run_ids. "
            f"Received {len(arg.run_ids)} run_ids. {_SEE_DOCS}"
        )
    if not 1 <= arg.max_results <= 2500:
        raise InvalidParameter(f"max_results must be between 1 and 2500. {_SEE_DOCS}")
    if (arg.start_step is None) != (arg.end_step is None):
        raise InvalidParameter("If either start step or end step are specified, both must be specified.")
    if arg.start_step is not None and arg.end_step is not None and arg.start_step > arg.end_step:
        raise InvalidParameter(
            f"end_step must be greater than start_step. Found start_step={arg.start_step} and end_step={arg.end_step}."
        )


def _thinned(found: list[points.Point], most: int) -> list[points.Point]:
    """The first point of each of `most` parts as equal as can be, the longer ones in front; of the last, the last."""
    if len(found) <= most:
        return found
    size, longer = divmod(len(found), most)
    starts = [place * size + min(place, longer) for place in range(most - 1)]
    return [found[start] for start in starts] + [found[-1]]


def _entities(
    key: str, found: Iterable[points.Point], run_id: str | msgspec.UnsetType = msgspec.UNSET
) -> list[t.Metric]:
    if isinstance(run_id, str):
        return [t.Metric(key=key, value=v, timestamp=ts, step=step, run_id=run_id) for ts, step, v in found]
    return [t.Metric(key, v, ts, step) for ts, step, v in found]


def _make_token(point: points.Point) -> str:
    timestamp, step, value = point
    return base64.urlsafe_b64encode(msgspec.json.encode([timestamp, step, repr(value)])).decode()


def _read_token(token: str) -> points.Point:
    try:
        timestamp, step, value = msgspec.json.decode(
            base64.b64decode(token.encode(), altchars=b"-_", validate=True), type=tuple[int, int, str]
        )
        return timestamp, step, float(value)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise InvalidParameter("Invalid page token: it cannot be read. Start again without a token.") from None
