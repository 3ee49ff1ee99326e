"""The contract of metrics: points, the latest of a key, histories."""

import json
import math
import random
from collections.abc import Sequence
from itertools import permutations

import pytest

from tidemill.api import metrics, runs
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter
from tidemill.testing.contract.refusals import BAD_NAMES, GOOD_NAMES, SEE_DOCS, bad_name, missing, refused
from tidemill.testing.factories import get_run, history_of, latest_of, new_experiment, new_run, pages, points
from tidemill.types.metrics import GetMetricHistory, GetMetricHistoryBulk, GetMetricHistoryInterval, Metric
from tidemill.types.runs import LogBatch, LogMetric

NAN, INF = math.nan, math.inf
HIGHEST = 1.7976931348623157e308
LEAST, MOST = -(2**63), 2**63 - 1
Point = tuple[float, int, int]


def log(backend: Backend, run: str, key: str, value: float, timestamp: int = 0, step: int = 0) -> None:
    """Log one point."""
    backend.call(runs.log_metric, LogMetric(run, key=key, value=value, timestamp=timestamp, step=step))


def log_many(backend: Backend, run: str, key: str, found: Sequence[Point]) -> None:
    """Log points in one batch."""
    backend.call(runs.log_batch, LogBatch(run, points(key, *found)))


def same(found: Sequence[Point], wanted: Sequence[Point]) -> bool:
    """Whether two histories are equal, NaN being equal to NaN and -0.0 to 0.0."""
    return [repr((v + 0.0, *rest)) for v, *rest in found] == [repr((float(v) + 0.0, *rest)) for v, *rest in wanted]


class TestMetrics:
    """Single points."""

    @pytest.mark.parametrize(
        "value", [0.0, 1.5, -2.25, 0.1, 5e-324, 2.2250738585072014e-308, HIGHEST, -HIGHEST, 1e16 + 2, math.pi]
    )
    def test_value_is_exact(self, backend: Backend, value: float) -> None:
        run = new_run(backend)
        log(backend, run, "m", value)
        assert latest_of(get_run(backend, run)) == {"m": (value, 0, 0)}
        assert history_of(backend, run, "m") == [(value, 0, 0)]

    def test_nan(self, backend: Backend) -> None:
        run = new_run(backend)
        log(backend, run, "m", NAN)
        assert math.isnan(latest_of(get_run(backend, run))["m"][0])
        assert same(history_of(backend, run, "m"), [(NAN, 0, 0)])

    @pytest.mark.parametrize(("value", "kept"), [(INF, HIGHEST), (-INF, -HIGHEST)])
    def test_infinity_becomes_the_largest_double(self, backend: Backend, value: float, kept: float) -> None:
        run = new_run(backend)
        log(backend, run, "m", value)
        log_many(backend, run, "n", [(value, 0, 0)])
        assert latest_of(get_run(backend, run)) == {"m": (kept, 0, 0), "n": (kept, 0, 0)}
        assert history_of(backend, run, "m") == history_of(backend, run, "n") == [(kept, 0, 0)]

    def test_step_is_zero_by_default(self, backend: Backend) -> None:
        run = new_run(backend)
        backend.call(runs.log_metric, LogMetric(run, key="m", value=1.0, timestamp=9))
        assert get_run(backend, run).data.metrics == [Metric(key="m", value=1.0, timestamp=9, step=0)]

    @pytest.mark.parametrize("step", [LEAST, -1, 0, 2**53 + 1, MOST])
    @pytest.mark.parametrize("timestamp", [0, 2**53 + 1, MOST])
    def test_edges_of_64_bits(self, backend: Backend, timestamp: int, step: int) -> None:
        run = new_run(backend)
        log(backend, run, "m", 1.0, timestamp, step)
        log_many(backend, run, "n", [(1.0, timestamp, step)])
        wanted = (1.0, timestamp, step)
        assert latest_of(get_run(backend, run)) == {"m": wanted, "n": wanted}
        assert history_of(backend, run, "m") == history_of(backend, run, "n") == [wanted]

    @pytest.mark.parametrize(("timestamp", "step"), [(0, MOST + 1), (0, LEAST - 1), (MOST + 1, 0), (10**30, 0)])
    def test_more_than_64_bits(self, backend: Backend, timestamp: int, step: int) -> None:
        run = new_run(backend)
        with refused(InvalidParameter):
            log(backend, run, "m", 1.0, timestamp, step)
        with refused(InvalidParameter):
            log_many(backend, run, "m", [(1.0, 0, 0), (1.0, timestamp, step)])
        assert get_run(backend, run).data.metrics == []
        assert history_of(backend, run, "m") == []

    def test_negative_timestamp(self, backend: Backend) -> None:
        run = new_run(backend)
        text = (
            "Invalid value -1 for parameter '{}' supplied: metric 'n' (value=1.0). "
            "Timestamp must be a nonnegative long (64-bit integer) "
        )
        with refused(InvalidParameter, text.format("timestamp")):
            log(backend, run, "n", 1.0, -1)
        with refused(InvalidParameter, text.format("metrics[1].timestamp")):
            log_many(backend, run, "n", [(1.0, 1, 0), (1.0, -1, 0)])
        assert get_run(backend, run).data.metrics == []

    def test_missing_fields(self, backend: Backend) -> None:
        run = new_run(backend)
        with refused(InvalidParameter, missing("key")):
            backend.call(runs.log_metric, LogMetric(run, value=1.0, timestamp=1))
        with refused(InvalidParameter, missing("value")):
            backend.call(runs.log_metric, LogMetric(run, key="m", timestamp=1))
        with refused(InvalidParameter, missing("timestamp")):
            backend.call(runs.log_metric, LogMetric(run, key="m", value=1.0))

    def test_long_key(self, backend: Backend) -> None:
        with refused(InvalidParameter, "'Metric name' exceeds the maximum length of 250 characters"):
            log(backend, new_run(backend), "k" * 251, 1.0)

    @pytest.mark.parametrize("name", GOOD_NAMES)
    def test_good_names(self, backend: Backend, name: str) -> None:
        run = new_run(backend)
        log(backend, run, name, 1.0)
        assert latest_of(get_run(backend, run)) == {name: (1.0, 0, 0)}
        assert history_of(backend, run, name) == [(1.0, 0, 0)]

    @pytest.mark.parametrize("shown", BAD_NAMES)
    def test_bad_names(self, backend: Backend, shown: str) -> None:
        run = new_run(backend)
        with refused(InvalidParameter, bad_name(shown, "name")):
            log(backend, run, json.loads(f'"{shown}"'), 1.0)
        assert latest_of(get_run(backend, run)) == {}


class TestLatest:
    """The latest point of a key: the highest by step, then timestamp, then value, where NaN counts as 0."""

    @pytest.mark.parametrize(
        ("found", "latest"),
        [
            ([(1.0, 9, 0), (2.0, 5, 1), (3.0, 0, 2)], (3.0, 0, 2)),
            ([(1.0, 1, 5), (2.0, 3, 5), (9.0, 2, 5)], (2.0, 3, 5)),
            ([(1.0, 1, 5), (3.0, 1, 5), (2.0, 1, 5)], (3.0, 1, 5)),
            ([(NAN, 1, 5), (-1.0, 1, 5), (-2.0, 1, 5)], (NAN, 1, 5)),
            ([(NAN, 1, 5), (1.0, 1, 5), (-2.0, 1, 5)], (1.0, 1, 5)),
            ([(NAN, 1, 6), (1e300, 9, 5), (INF, 9, 5)], (NAN, 1, 6)),
            ([(1.0, 0, LEAST), (2.0, 0, -1), (3.0, 0, MOST)], (3.0, 0, MOST)),
            ([(-INF, 4, 4), (-1.0, 4, 4), (-HIGHEST, 4, 4)], (-1.0, 4, 4)),
        ],
    )
    def test_in_any_order(self, backend: Backend, found: list[Point], latest: Point) -> None:
        one_by_one, at_once = new_run(backend), new_run(backend)
        for number, order in enumerate(permutations(found)):
            for point in order:
                log(backend, one_by_one, f"m{number}", *point)
            log_many(backend, at_once, f"m{number}", order)
        for run in (one_by_one, at_once):
            answer = latest_of(get_run(backend, run))
            assert len(answer) == 6
            assert all(same([point], [latest]) for point in answer.values()), answer

    def test_of_each_key(self, backend: Backend) -> None:
        run = new_run(backend)
        batch = [point for key in ("a", "b", "c") for point in points(key, (1.0, 1, 1), (2.0, 2, 2))]
        backend.call(runs.log_batch, LogBatch(run, batch))
        log(backend, run, "b", 7.0, 3, 3)
        log(backend, run, "c", 8.0, 0, 0)
        assert latest_of(get_run(backend, run)) == {"a": (2.0, 2, 2), "b": (7.0, 3, 3), "c": (2.0, 2, 2)}


class TestHistory:
    """All points of one key of a run."""

    def test_order(self, backend: Backend) -> None:
        run = new_run(backend)
        wanted = [(v, ts, step) for ts in (0, 1, MOST) for step in (LEAST, -1, 0, 7) for v in (-2.5, 0.0, 3.5)]
        shuffled = wanted.copy()
        random.Random(1).shuffle(shuffled)
        for value, timestamp, step in shuffled[:10]:
            log(backend, run, "m", value, timestamp, step)
        log_many(backend, run, "m", shuffled[10:])
        log(backend, run, "other", 1.0)
        assert history_of(backend, run, "m") == wanted

    def test_the_same_point_is_stored_once(self, backend: Backend) -> None:
        run = new_run(backend)
        for _ in range(3):
            log(backend, run, "m", 1.0, 5, 2)
            log(backend, run, "m", NAN, 5, 2)
            log_many(backend, run, "m", [(1.0, 5, 2), (NAN, 5, 2), (1.0, 5, 2)])
        found = history_of(backend, run, "m")
        assert len(found) == 2
        assert sorted(map(repr, found)) == sorted(map(repr, [(1.0, 5, 2), (NAN, 5, 2)]))

    def test_different_values_are_all_kept(self, backend: Backend) -> None:
        run = new_run(backend)
        log_many(backend, run, "m", [(3.0, 5, 2), (1.0, 5, 2), (2.0, 5, 2)])
        assert history_of(backend, run, "m") == [(1.0, 5, 2), (2.0, 5, 2), (3.0, 5, 2)]

    def test_unknown_run_or_key(self, backend: Backend) -> None:
        run = new_run(backend, values={"m": 1.0})
        assert history_of(backend, run, "n") == []
        assert history_of(backend, "nope", "m") == []
        assert history_of(backend, new_run(backend), "m") == []

    def test_missing_fields(self, backend: Backend) -> None:
        with refused(InvalidParameter, missing("run_id")):
            history_of(backend, "", "m")
        with refused(InvalidParameter, missing("metric_key")):
            history_of(backend, new_run(backend), "")

    def test_points_carry_their_key(self, backend: Backend) -> None:
        run = new_run(backend, values={"m": 1.0})
        answer = backend.call(metrics.get_history, GetMetricHistory(run, metric_key="m"))
        assert answer.metrics == [Metric(key="m", value=1.0, timestamp=0, step=0)]
        assert answer.next_page_token is None
        assert backend.call(metrics.get_history, GetMetricHistory(run_uuid=run, metric_key="m")) == answer

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 20, 1000])
    def test_pages(self, backend: Backend, size: int) -> None:
        run = new_run(backend)
        # Many points at the same time and step, NaN among them, so that pages end in between.
        wanted = [(v, ts, step) for ts in (1, 2) for step in (1, 2) for v in (-1.0, 0.0, 1.0, HIGHEST, NAN)]
        log_many(backend, run, "m", wanted)
        arg = GetMetricHistory(run, metric_key="m", max_results=size)
        cut = list(pages(backend, metrics.get_history, arg, "metrics"))
        assert [len(page) for page in cut] == [size] * (20 // size) + ([20 % size] if 20 % size else [])
        found = [(metric.value, metric.timestamp, metric.step) for page in cut for metric in page]
        assert same(found, history_of(backend, run, "m"))
        assert sorted(map(repr, found)) == sorted(map(repr, wanted))

    def test_pages_while_points_arrive(self, backend: Backend) -> None:
        run = new_run(backend)
        log_many(backend, run, "m", [(1.0, 10 * n, n) for n in range(30)])
        arg = GetMetricHistory(run, metric_key="m", max_results=4)
        found = []
        for number, page in enumerate(pages(backend, metrics.get_history, arg, "metrics")):
            found += [metric.timestamp for metric in page]
            # One before what was read, one behind it.
            log_many(backend, run, "m", [(2.0, number, number), (2.0, 291 + number, 0)])
        assert [one for one in found if one % 10 == 0 and one < 300] == [10 * n for n in range(30)]
        assert found == sorted(set(found))

    @pytest.mark.parametrize("size", [0, -1])
    def test_page_size(self, backend: Backend, size: int) -> None:
        text = f"Invalid value {size} for parameter 'max_results' supplied. It must be a positive integer."
        with refused(InvalidParameter, text):
            backend.call(metrics.get_history, GetMetricHistory(new_run(backend), metric_key="m", max_results=size))

    @pytest.mark.parametrize("token", ["x", "e30=", "bnVsbA==", "W10=", "WzEsMiwzXQ==", "é", "\x00", "=" * 400])
    def test_bad_token(self, backend: Backend, token: str) -> None:
        run = new_run(backend, values={"m": 1.0})
        with refused(InvalidParameter, starts="Invalid page token"):
            backend.call(metrics.get_history, GetMetricHistory(run, metric_key="m", max_results=5, page_token=token))

    def test_long(self, backend: Backend) -> None:
        run = new_run(backend)
        wanted = [(number / 7, 1000 + number, number) for number in range(6000)]
        for start in range(0, 6000, 1000):
            log_many(backend, run, "m", wanted[start : start + 1000])
        log_many(backend, run, "m", wanted[1500:1600])
        assert history_of(backend, run, "m") == wanted

    def test_of_a_deleted_run(self, backend: Backend) -> None:
        from tidemill.types.runs import DeleteRun

        run = new_run(backend, values={"m": 1.0})
        backend.call(runs.delete, DeleteRun(run))
        assert history_of(backend, run, "m") == [(1.0, 0, 0)]


class TestBulkHistory:
    """One key of many runs."""

    def test_by_run_then_time(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        chosen = [new_run(backend, experiment) for _ in range(3)]
        for number, run in enumerate(chosen):
            log_many(backend, run, "m", [(number + 0.5, 2, 0), (NAN, 1, 0), (float(number), 2, 0)])
        arg = GetMetricHistoryBulk([*chosen, chosen[0], "nope"], "m")
        found = backend.call(metrics.get_history_bulk, arg).metrics
        wanted = [
            (run, value, timestamp)
            for number, run in enumerate(chosen)
            for value, timestamp in ((NAN, 1), (float(number), 2), (number + 0.5, 2))
        ]
        assert [(m.run_id, repr(m.value), m.timestamp, m.key) for m in found] == [
            (run, repr(value), timestamp, "m") for run, value, timestamp in sorted(wanted, key=lambda one: one[0])
        ]

    def test_limit(self, backend: Backend) -> None:
        chosen = sorted(new_run(backend) for _ in range(2))
        for run in chosen:
            log_many(backend, run, "m", [(0.0, n, n) for n in range(5)])
        found = backend.call(metrics.get_history_bulk, GetMetricHistoryBulk(chosen, "m", max_results=7)).metrics
        assert [(m.run_id, m.step) for m in found] == [
            *((chosen[0], n) for n in range(5)), (chosen[1], 0), (chosen[1], 1),
        ]  # fmt: skip

    def test_cap(self, backend: Backend) -> None:
        run = new_run(backend)
        for start in range(0, 26_000, 1000):
            log_many(backend, run, "m", [(0.0, n, n) for n in range(start, start + 1000)])
        for wanted in (None, 30_000):
            found = backend.call(metrics.get_history_bulk, GetMetricHistoryBulk([run], "m", max_results=wanted)).metrics
            assert [m.step for m in found] == list(range(25_000))

    def test_refusals(self, backend: Backend) -> None:
        def ask(run_ids: list[str], key: str) -> None:
            backend.call(metrics.get_history_bulk, GetMetricHistoryBulk(run_ids, key))

        with refused(InvalidParameter, "GetMetricHistoryBulk request must specify at least one run_id."):
            ask([], "m")
        text = "GetMetricHistoryBulk request cannot specify more than 100 run_ids. Received 101 run_ids."
        with refused(InvalidParameter, text):
            ask(["r"] * 101, "m")
        with refused(InvalidParameter, "GetMetricHistoryBulk request must specify a metric_key."):
            ask(["r"], "")
        ask(["r"] * 100, "m")


class TestIntervalHistory:
    """One key of many runs, thinned."""

    def ask(
        self, backend: Backend, run_ids: list[str], start: int | None = None, end: int | None = None, most: int = 2500
    ) -> list[tuple[str, int]]:
        """Run and step of each point answered."""
        arg = GetMetricHistoryInterval(run_ids, "m", start, end, most)
        found = backend.call(metrics.get_history_interval, arg).metrics
        return [(str(one.run_id), one.step) for one in found]

    def test_every_step_where_they_fit(self, backend: Backend) -> None:
        one, two = new_run(backend), new_run(backend)
        log_many(backend, one, "m", [(0.0, 9 - n, n) for n in range(10)])
        log_many(backend, two, "m", [(0.0, n, 2 * n) for n in range(10)])
        wanted = [(two, 2 * n) for n in range(10)] + [(one, n) for n in range(10)]
        assert self.ask(backend, [two, one, "nope"]) == wanted

    def test_within_a_run_by_step_then_time_then_value(self, backend: Backend) -> None:
        run = new_run(backend)
        wanted = [(v, ts, step) for step in (0, 1) for ts in (1, 2) for v in (1.0, 2.0)]
        log_many(backend, run, "m", wanted[::-1])
        found = backend.call(metrics.get_history_interval, GetMetricHistoryInterval([run], "m")).metrics
        assert [(m.value, m.timestamp, m.step) for m in found] == wanted

    def test_thinned(self, backend: Backend) -> None:
        run = new_run(backend)
        log_many(backend, run, "m", [(0.0, n, n) for n in range(100)])
        # The first of each of 8 parts, the longer ones in front, and the last of all.
        wanted = [0, 13, 26, 39, 52, 64, 76, 99]
        assert [step for _, step in self.ask(backend, [run], most=8)] == wanted
        assert [step for _, step in self.ask(backend, [run], most=1)] == [99]
        assert [step for _, step in self.ask(backend, [run], most=100)] == list(range(100))

    def test_the_ends_of_each_run_are_there(self, backend: Backend) -> None:
        long, short = new_run(backend), new_run(backend)
        log_many(backend, long, "m", [(0.0, n, n) for n in range(100)])
        log_many(backend, short, "m", [(0.0, n, n) for n in range(31, 46)])
        found = self.ask(backend, [long, short], most=4)
        assert found == [(long, step) for step in (0, 25, 50, 99)] + [(short, step) for step in (31, 35, 39, 45)]

    def test_between_steps(self, backend: Backend) -> None:
        run, other = new_run(backend), new_run(backend)
        log_many(backend, run, "m", [(0.0, 50 + n, n) for n in range(-20, 50)])
        log_many(backend, other, "m", [(0.0, n, n) for n in range(40)])
        assert self.ask(backend, [run], 10, 14) == [(run, n) for n in range(10, 15)]
        assert self.ask(backend, [run], -5, -3) == [(run, n) for n in (-5, -4, -3)]
        assert self.ask(backend, [run], 7, 7) == [(run, 7)]
        assert self.ask(backend, [run], 60, 70) == []
        assert self.ask(backend, [run]) == [(run, n) for n in range(-20, 50)]
        # Each run is thinned by itself, and keeps its ends inside the interval.
        assert self.ask(backend, [run, other], 20, 45, 2) == [(run, 20), (run, 45), (other, 20), (other, 39)]

    def test_refusals(self, backend: Backend) -> None:
        run = new_run(backend)
        with refused(InvalidParameter, missing("run_ids")):
            self.ask(backend, [])
        with refused(InvalidParameter, missing("metric_key")):
            backend.call(metrics.get_history_interval, GetMetricHistoryInterval([run]))
        text = (
            f"GetMetricHistoryBulkInterval request must specify at most 100 run_ids. Received 101 run_ids. {SEE_DOCS}"
        )
        with refused(InvalidParameter, text):
            self.ask(backend, [run] * 101)
        for most in (0, 2501, -1):
            with refused(InvalidParameter, f"max_results must be between 1 and 2500. {SEE_DOCS}"):
                self.ask(backend, [run], most=most)
        text = "end_step must be greater than start_step. Found start_step=20 and end_step=10."
        with refused(InvalidParameter, text):
            self.ask(backend, [run], 20, 10)
        text = "If either start step or end step are specified, both must be specified."
        with refused(InvalidParameter, text):
            self.ask(backend, [run], 1)
        with refused(InvalidParameter, text):
            self.ask(backend, [run], None, 1)
        assert self.ask(backend, [run, "nope"]) == []
