"""Metrics, as the client has them: logging points and reading their history."""

import json
import operator
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tidemill.api import metrics as history_ops
from tidemill.api import runs as ops
from tidemill.api.codec import missing
from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter
from tidemill.store.limits import check_name, check_timestamp, known_names
from tidemill.tracking.connection import Connection
from tidemill.tracking.entities import Metric, RunOperations
from tidemill.tracking.runs import BATCH, done
from tidemill.types.metrics import GetMetricHistory, MetricPoint
from tidemill.types.page import Tag
from tidemill.types.runs import LogBatch, LogMetric, Param

POINTS = 1000
"""Most metrics, and most things in all, in one request."""
HISTORY_PAGE = 25_000


class MetricCalls(Connection):
    """The client's methods about metrics."""

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: Any,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> RunOperations | None:
        """Log one point of a metric.

        `value` is anything that stands for one number (a NumPy or torch scalar too), kept as a 64-bit float; NaN is
        kept. `timestamp` is in ms since the epoch, default now; `step` any whole number, default 0. With `model_id`
        the point belongs to that logged model as well, measured on the named data set.
        """
        if timestamp is None:
            timestamp = now_ms()
        if type(value) is not float:
            value = number(value, key, timestamp)
        whole_step = 0 if step is None else step if type(step) is int else whole(step, "step")
        if self._log_points is not None and type(key) is str and not (model_id or dataset_name or dataset_digest):
            self._append(run_id, (key,), (value,), timestamp, whole_step)
            return None if synchronous is None else done(synchronous)
        self.backend.call(
            ops.log_metric,
            LogMetric(
                run_id=run_id,
                key=key,
                value=value,
                timestamp=timestamp,
                step=whole_step,
                model_id=model_id or "",
                dataset_name=dataset_name or "",
                dataset_digest=dataset_digest or "",
            ),
        )
        return None if synchronous is None else done(synchronous)

    def log_metrics(
        self,
        run_id: str,
        metrics: Mapping[str, Any],
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> RunOperations | None:
        """Log one point of each of many metrics; see `log_metric`."""
        if not isinstance(metrics, Mapping):
            raise InvalidParameter(f"'metrics' must be a dict of key to number, not a {type(metrics).__name__}.")
        at = now_ms() if timestamp is None else timestamp
        if self._log_points is not None and not (model_id or dataset_name or dataset_digest):
            values = list(metrics.values())
            for value in values:
                if type(value) is not float:
                    values = [number(value, key, at) for key, value in metrics.items()]
                    break
            self._append(
                run_id,
                tuple(metrics),
                values,
                at,
                0 if step is None else step if type(step) is int else whole(step, "step"),
            )
            return None if synchronous is None else done(synchronous)
        where = (at, whole(step or 0, "step"), model_id or "", dataset_name or "", dataset_digest or "")
        points = [MetricPoint(str(key), number(value, key, at), *where) for key, value in metrics.items()]
        self._send(run_id, points, [], [])
        return done(synchronous)

    def _append(self, run_id: str, keys: tuple[Any, ...], values: Sequence[float], at: int, step: int) -> None:
        """Into the journal. What the store would refuse is refused here, as far as that is cheap to know."""
        assert self._log_points is not None
        known = known_names()
        for key in keys:
            if key not in known:
                if not isinstance(key, str):
                    self._append(run_id, tuple(map(str, keys)), values, at, step)
                    return
                if not key:
                    raise missing("key")
                check_name(key, "name", "Metric name")
        if at < 0 and keys:
            check_timestamp(keys[0], values[0], at)
        if not keys:
            return
        try:
            self._log_points(run_id, keys, values, at, step)
        except struct.error:
            raise InvalidParameter(
                f"The timestamp {at!r} and the step {step!r} must be whole numbers of at most 64 bits."
            ) from None

    def log_batch(
        self,
        run_id: str,
        metrics: Iterable[Any] = (),
        params: Iterable[Any] = (),
        tags: Iterable[Any] = (),
        synchronous: bool | None = None,
    ) -> RunOperations | None:
        """Log metrics, params and tags together: one request, or several for more than 1000 metrics, 100 params or 100 tags.

        Metrics have the attributes `key`, `value`, `timestamp` and `step` (as `tidemill.entities.Metric` has), params
        and tags `key` and `value`. Each request is written as a whole or not at all.
        """
        texts = [Param(str(param.key), str(param.value)) for param in params]
        labels = [Tag(str(tag.key), str(tag.value)) for tag in tags]
        self._send(run_id, [point(metric) for metric in metrics], texts, labels)
        return done(synchronous)

    def _send(self, run_id: str, points: list[MetricPoint], params: list[Param], tags: list[Tag]) -> None:
        first = True
        while first or points or params or tags:  # an empty batch goes too: the store says whether the run takes it
            first = False
            room = POINTS - len(params[:BATCH]) - len(tags[:BATCH])
            self.call(ops.log_batch, LogBatch(run_id, points[:room], params[:BATCH], tags[:BATCH]))
            points, params, tags = points[room:], params[BATCH:], tags[BATCH:]

    def get_metric_history(self, run_id: str, key: str) -> Sequence[Metric]:
        """Every point of one metric of a run, by timestamp, step and value. Empty for an unknown run or key."""
        found: list[Metric] = []
        token: str | None = ""
        while token is not None:
            arg = GetMetricHistory(run_id, metric_key=key, max_results=HISTORY_PAGE, page_token=token)
            page = self.call(history_ops.get_history, arg)
            found += page.metrics
            token = page.next_page_token or None
        return found


def point(metric: Any) -> MetricPoint:
    """Anything with MLflow's attributes of a metric as the wire's struct."""
    at = whole(metric.timestamp, "timestamp")
    return MetricPoint(
        key=str(metric.key),
        value=number(metric.value, metric.key, at),
        timestamp=at,
        step=whole(metric.step or 0, "step"),
        model_id=getattr(metric, "model_id", None) or "",
        dataset_name=getattr(metric, "dataset_name", None) or "",
        dataset_digest=getattr(metric, "dataset_digest", None) or "",
    )


def number(value: Any, key: object, timestamp: int) -> float:
    """The 64-bit float that `value` stands for. Raises InvalidParameter, in the wire's words, where it is none."""
    if type(value) is float:
        return value
    try:
        # NumPy and torch know best how an array of one element becomes a number.
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        shown = json.dumps(value, default=repr)
        shown = shown if len(shown) <= 200 else shown[:200] + "…"
        raise InvalidParameter(
            f"Invalid value {shown} for parameter 'value' supplied: metric '{key}' (timestamp={timestamp}). "
            "Please specify value as a valid double (64-bit floating point)"
        ) from None


def whole(value: Any, name: str) -> int:
    """`value` as a whole number; floats such as 3.0 are taken. Raises InvalidParameter."""
    try:
        return operator.index(value)
    except TypeError:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise InvalidParameter(f"'{name}' must be a whole number, not {value!r}.") from None
