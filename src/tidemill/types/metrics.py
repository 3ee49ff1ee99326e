"""Metrics: numbers with a step and a time, and their history."""

import enum

import msgspec

from tidemill.types.page import Entity, Int64, Request


class Metric(msgspec.Struct, frozen=True):
    """One point: value (double), timestamp (ms since the epoch), step; the rest only where it is known."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    dataset_name: str | msgspec.UnsetType = msgspec.UNSET
    dataset_digest: str | msgspec.UnsetType = msgspec.UNSET
    model_id: str | msgspec.UnsetType = msgspec.UNSET
    run_id: str | msgspec.UnsetType = msgspec.UNSET


class MetricPoint(Request, frozen=True):
    """One point as sent in a batch."""

    key: str
    value: float
    timestamp: Int64
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""
    run_id: str = ""


class GetMetricHistory(Request, frozen=True):
    """All points of one metric of a run, by timestamp, step, value. `max_results` absent: everything."""

    run_id: str = ""
    run_uuid: str = ""
    metric_key: str = ""
    max_results: Int64 | None = None
    page_token: str = ""


class MetricHistory(Entity, frozen=True):
    """Points, and a token exactly when there are more."""

    metrics: list[Metric] = []
    next_page_token: str | None = None


class GetMetricHistoryBulk(Request, frozen=True):
    """All points of one metric of up to 100 runs, at most `max_results` (default and cap 25000)."""

    run_id: list[str] = []
    metric_key: str = ""
    max_results: Int64 | None = None


class BulkMetricHistory(msgspec.Struct, frozen=True):
    """Points of several runs; the list is there even where it is empty."""

    metrics: list[Metric] = []


class GetMetricHistoryInterval(Request, frozen=True):
    """One metric of up to 100 runs between two steps, each run thinned to `max_results` points (1 to 2500)."""

    run_ids: list[str] = []
    metric_key: str = ""
    start_step: Int64 | None = None
    end_step: Int64 | None = None
    max_results: Int64 = 2500


class CurveAxis(enum.StrEnum):
    """What a curve is drawn over: the step, the time (ms since the epoch), or the ms since the run's start."""

    STEP = "step"
    TIME = "time"
    RELATIVE = "relative"


class GetCurves(Request, frozen=True):
    """Read metrics of many runs for drawing, each curve thinned to `buckets` parts of the axis that holds no more.

    `start` and `end` bound the part of the axis that is read, both included; None: all of it.
    """

    run_ids: list[str] = []
    metric_keys: list[str] = []
    axis: CurveAxis = CurveAxis.STEP
    buckets: Int64 = 300
    start: float | None = None
    end: float | None = None


class Curve(Entity, frozen=True, kw_only=True, omit_defaults=False):
    """One metric of one run along the axis: `points` there are in the range.

    Where they are few enough, `x` and `y` are the points themselves and `low` and `high` are empty. Otherwise each
    entry is a part of the axis: where its first point lies, and the mean, least and greatest value in it. NaN is the
    text `NaN`; a part of nothing else has it in all three.
    """

    run_id: str
    metric_key: str
    points: int
    x: list[float]
    y: list[float]
    low: list[float]
    high: list[float]


class Curves(Entity, frozen=True, omit_defaults=False):
    """The curves that have at least one point in the range, run by run in the order asked for."""

    curves: list[Curve]
