"""The contract of curves for charts, and of saved views."""

import math

import pytest

from tidemill.api import experiments, metrics, runs, views
from tidemill.api.columns import empty, pack
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter, NotFound
from tidemill.testing.factories import new_experiment, new_run
from tidemill.types.experiments import CreateExperiment
from tidemill.types.metrics import Curve, CurveAxis, GetCurves, MetricPoint
from tidemill.types.runs import IngestPoints, LogBatch, RunStatus, UpdateRun
from tidemill.types.views import DeleteView, ListViews, SaveView

BEGAN = 1_700_000_000_000


def ingest(backend: Backend, run_id: str, key: str, values: list[float], *, first: int = 0, every_ms: int = 10) -> None:
    """Log many values at steps `first`, `first` + 1, …, one each `every_ms` after BEGAN."""
    columns = empty()
    columns.keys.append(key)
    for n, value in enumerate(values):
        columns.indexes.append(0)
        columns.values.append(value)
        columns.timestamps.append(BEGAN + (first + n) * every_ms)
        columns.steps.append(first + n)
    backend.call(runs.ingest, IngestPoints(run_id, pack(columns)))


def curves(backend: Backend, run_ids: list[str], *keys: str, **fields: object) -> list[Curve]:
    """The curves of some runs."""
    asked = GetCurves(run_ids=run_ids, metric_keys=list(keys), **fields)  # type: ignore[arg-type]
    return backend.call(metrics.curves, asked).curves


class TestCurves:
    """`metrics.curves`."""

    def test_few_points_are_the_points(self, backend: Backend) -> None:
        run = new_run(backend, start_time=BEGAN)
        points = [
            MetricPoint(key, value, BEGAN + 5 * step, step)
            for step in (2, 0, 1)
            for key, value in (("a", step + 0.5), ("b", 1.0))
        ]
        backend.call(runs.log_batch, LogBatch(run_id=run, metrics=points))
        (a,) = curves(backend, [run], "a")
        assert (a.run_id, a.metric_key, a.points) == (run, "a", 3)
        assert (a.x, a.y, a.low, a.high) == ([0, 1, 2], [0.5, 1.5, 2.5], [], [])
        (timed,) = curves(backend, [run], "a", axis=CurveAxis.TIME)
        assert timed.x == [BEGAN, BEGAN + 5, BEGAN + 10]
        (relative,) = curves(backend, [run], "a", axis=CurveAxis.RELATIVE)
        assert relative.x == [0, 5, 10]

    def test_many_points_are_thinned_and_no_spike_is_lost(self, backend: Backend) -> None:
        run = new_run(backend)
        values = [math.sin(n / 500) for n in range(10_000)]
        values[3_333] = 99.0
        values[7_001] = -99.0
        ingest(backend, run, "m", values)
        backend.call(runs.update, UpdateRun(run_id=run, status=RunStatus.FINISHED))
        (found,) = curves(backend, [run], "m", buckets=100)
        assert found.points == 10_000
        assert len(found.x) == len(found.y) == len(found.low) == len(found.high) == 100
        assert (max(found.high), min(found.low)) == (99.0, -99.0)
        assert found.x == sorted(found.x)
        assert all(low <= mean <= high for low, mean, high in zip(found.low, found.y, found.high, strict=True))
        assert sum(found.y) / 100 == pytest.approx(sum(values) / 10_000, rel=1e-6)

    def test_a_range_brings_the_detail(self, backend: Backend) -> None:
        run = new_run(backend)
        ingest(backend, run, "m", [float(n) for n in range(5_000)])
        (found,) = curves(backend, [run], "m", buckets=100, start=2_000, end=2_050)
        assert found.points == 51
        assert found.y == [float(n) for n in range(2_000, 2_051)]
        assert curves(backend, [run], "m", start=9_000) == []

    def test_many_calls_and_keys_in_one_row(self, backend: Backend) -> None:
        run = new_run(backend)
        for start in range(0, 3_000, 300):
            points = [
                MetricPoint(key, float(step), step, step)
                for step in range(start, start + 300)
                for key in ("a", "b", "c")
            ]
            backend.call(runs.log_batch, LogBatch(run_id=run, metrics=points))
        found = curves(backend, [run], "c", "a", "never", buckets=5_000)
        assert [one.metric_key for one in found] == ["c", "a"]
        assert all(one.y == [float(n) for n in range(3_000)] for one in found)

    def test_nan_is_told_and_does_not_spread(self, backend: Backend) -> None:
        run = new_run(backend)
        ingest(backend, run, "few", [1.0, math.nan, 3.0])
        ingest(backend, run, "many", [math.nan if n % 2 or n > 900 else 2.0 for n in range(1_000)])
        few, many = curves(backend, [run], "few", "many", buckets=10)
        assert str(few.y[1]) in ("nan", "NaN")
        assert [few.y[0], few.y[2]] == [1.0, 3.0]
        assert many.y[:9] == [2.0] * 9
        assert str(many.y[9]).lower() == "nan" or many.y[9] == 2.0

    def test_the_largest_doubles_have_a_mean(self, backend: Backend) -> None:
        run = new_run(backend)
        ingest(backend, run, "m", [math.inf] * 100)
        (found,) = curves(backend, [run], "m", buckets=2)
        assert found.low == found.high == found.y

    def test_order_and_strangers(self, backend: Backend) -> None:
        one = new_experiment(backend)
        first, second, without = (new_run(backend, one) for _ in range(3))
        for run in (first, second):
            ingest(backend, run, "m", [1.0])
        found = curves(backend, [second, "0" * 32, first, without, second], "m")
        assert [curve.run_id for curve in found] == [second, first]

    @pytest.mark.parametrize(
        "fields",
        [{"buckets": 1}, {"buckets": 5_001}, {"run_ids": ["0" * 32] * 1_001}, {"metric_keys": ["m"] * 101}],
    )
    def test_refusals(self, backend: Backend, fields: dict[str, object]) -> None:
        with pytest.raises(InvalidParameter):
            backend.call(metrics.curves, GetCurves(**{"run_ids": ["0" * 32], "metric_keys": ["m"], **fields}))  # type: ignore[arg-type]


class TestViews:
    """`views.save`, `views.list_all`, `views.delete`."""

    def test_saved_replaced_listed_deleted(self, backend: Backend) -> None:
        one, other = new_experiment(backend), new_experiment(backend)
        backend.call(views.save, SaveView(one, "b", "sort=x"))
        saved = backend.call(views.save, SaveView(one, "a", "old"))
        assert saved.updated_time > 0
        backend.call(views.save, SaveView(one, "a", "filter=metrics.m < 1&sort=ü"))
        found = backend.call(views.list_all, ListViews(one)).views
        assert [(view.name, view.state) for view in found] == [("a", "filter=metrics.m < 1&sort=ü"), ("b", "sort=x")]
        assert backend.call(views.list_all, ListViews(other)).views == []
        backend.call(views.delete, DeleteView(one, "a"))
        backend.call(views.delete, DeleteView(one, "a"))
        assert [view.name for view in backend.call(views.list_all, ListViews(one)).views] == ["b"]

    def test_refusals(self, backend: Backend) -> None:
        made = backend.call(experiments.create, CreateExperiment(name=new_experiment(backend) + "-views"))
        with pytest.raises(NotFound):
            backend.call(views.save, SaveView("999999999", "a", ""))
        for wrong in (
            SaveView("x", "a"),
            SaveView(made.experiment_id, "n" * 251),
            SaveView(made.experiment_id, "n", "s" * 20_001),
        ):
            with pytest.raises(InvalidParameter):
                backend.call(views.save, wrong)
