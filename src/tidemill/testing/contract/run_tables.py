"""The contract of tables of runs: rows, columns, order, groups, and what the runs of an experiment have."""

import math
import random

import pytest

from tidemill.api import experiments, runs
from tidemill.api.operation import Backend
from tidemill.errors import FilterError, InvalidParameter
from tidemill.testing.factories import new_experiment, new_run
from tidemill.types.experiments import KeyCount, ListKeys, ListValues, ValueCount
from tidemill.types.metrics import MetricPoint
from tidemill.types.page import ViewType
from tidemill.types.runs import (
    DeleteRun,
    GetRunGroups,
    GetRunTable,
    LogBatch,
    LogMetric,
    OrderKey,
    RunTable,
    Spread,
)

NAN = math.nan


def ask(backend: Backend, experiment: str, **fields: object) -> RunTable:
    """A table of one experiment."""
    return backend.call(runs.table, GetRunTable(experiment_ids=[experiment], **fields))  # type: ignore[arg-type]


def log(backend: Backend, run_id: str, key: str, *values: float) -> None:
    """Log values at steps 0, 1, …"""
    points = [MetricPoint(key, value, 1_000 + step, step) for step, value in enumerate(values)]
    backend.call(runs.log_batch, LogBatch(run_id=run_id, metrics=points))


class TestRunTable:
    """`runs.table`."""

    def test_one_entry_a_run_in_every_list(self, backend: Backend) -> None:
        one = new_experiment(backend)
        parent = new_run(backend, one, start_time=5, name="p", params={"lr": "0.1"}, values={"m": 2.5})
        child = new_run(backend, one, start_time=7, name="c", tags={"mlflow.parentRunId": parent, "team": "ü"})
        found = ask(backend, one, columns=["params.lr", "metrics.m", "tags.team", "metrics.never"])
        assert found.total == 2
        assert found.run_ids == [child, parent]
        assert found.run_names == ["c", "p"]
        assert found.experiment_ids == [one, one]
        assert found.statuses == ["RUNNING", "RUNNING"]
        assert found.lifecycle_stages == ["active", "active"]
        assert found.start_times == [7, 5]
        assert found.end_times == [None, None]
        assert found.parents == [parent, None]
        assert found.children == [0, 1]
        assert found.columns == [[None, "0.1"], [None, 2.5], ["ü", None], [None, None]]

    def test_keys_are_taken_as_they_stand(self, backend: Backend) -> None:
        one = new_experiment(backend)
        new_run(backend, one, params={"a.b c/d": "x"}, values={"val/loss.1": 1.0})
        found = ask(backend, one, columns=["params.a.b c/d", "metrics.val/loss.1"])
        assert found.columns == [["x"], [1.0]]

    def test_newest_least_and_greatest(self, backend: Backend) -> None:
        one = new_experiment(backend)
        run = new_run(backend, one)
        log(backend, run, "m", 3.0, 9.0, -2.0, 4.0)
        backend.call(runs.log_metric, LogMetric(run_id=run, key="m", value=100.0, timestamp=1, step=-5))
        log(backend, run, "m", 3.0)
        found = ask(backend, one, columns=["metrics.m", "metrics_min.m", "metrics_max.m"])
        assert found.columns == [[4.0], [-2.0], [100.0]]

    def test_nan_is_no_extreme(self, backend: Backend) -> None:
        one = new_experiment(backend)
        mixed, only = new_run(backend, one, start_time=2), new_run(backend, one, start_time=1)
        log(backend, mixed, "m", 1.0, 5.0, NAN)
        log(backend, only, "m", NAN)
        found = ask(backend, one, columns=["metrics.m", "metrics_min.m", "metrics_max.m"])
        assert found.columns == [["NaN", "NaN"], [1.0, "NaN"], [5.0, "NaN"]]

    def test_extremes_over_many_batches(self, backend: Backend) -> None:
        one = new_experiment(backend)
        run = new_run(backend, one)
        dice = random.Random(4)
        values = [dice.uniform(-1, 1) for _ in range(60)]
        for start in range(0, 60, 7):
            log(backend, run, "m", *values[start : start + 7])
        found = ask(backend, one, columns=["metrics_min.m", "metrics_max.m"])
        assert found.columns == [[min(values)], [max(values)]]

    def test_order(self, backend: Backend) -> None:
        one = new_experiment(backend)
        made = {
            "b": new_run(backend, one, name="b", params={"p": "10"}, values={"m": 1.0}),
            "a": new_run(backend, one, name="a", params={"p": "9"}, values={"m": 2.0}),
            "d": new_run(backend, one, name="d", params={"p": "x"}, values={"m": NAN}),
            "c": new_run(backend, one, name="c", params={}, values={"other": 1.0}),
        }
        log(backend, made["a"], "m", 2.0, -7.0, 2.0)

        def names(column: str, descending: bool = False) -> str:
            return "".join(ask(backend, one, order_by=[OrderKey(column, descending)]).run_names)

        assert names("metrics.m") == "badc"
        assert names("metrics.m", True) == "abdc"
        assert names("metrics_min.m") == "abdc"
        assert names("params.p") == "abdc"
        assert names("params.p", True) == "badc"
        assert names("attributes.run_name", True) == "dcba"

    def test_equal_keys_are_newest_first(self, backend: Backend) -> None:
        one = new_experiment(backend)
        for start in (3, 1, 2):
            new_run(backend, one, start_time=start, values={"m": 1.0})
        assert ask(backend, one, order_by=[OrderKey("metrics.m")]).start_times == [3, 2, 1]

    def test_parts_of_the_list_join_up(self, backend: Backend) -> None:
        one = new_experiment(backend)
        dice = random.Random(3)
        for _ in range(23):
            new_run(backend, one, values={"m": float(dice.randrange(4))})
        order = [OrderKey("metrics.m", True)]
        whole = ask(backend, one, order_by=order, columns=["metrics.m"])
        parts = [
            ask(backend, one, order_by=order, columns=["metrics.m"], offset=n, max_results=5) for n in range(0, 25, 5)
        ]
        assert [one for part in parts for one in part.run_ids] == whole.run_ids
        assert [one for part in parts for one in part.columns[0]] == whole.columns[0]
        assert {part.total for part in parts} == {23}
        assert ask(backend, one, max_results=0).run_ids == []

    def test_filter_and_view(self, backend: Backend) -> None:
        one = new_experiment(backend)
        kept = new_run(backend, one, values={"m": 1.0})
        new_run(backend, one, values={"m": 5.0})
        gone = new_run(backend, one, values={"m": 1.0})
        backend.call(runs.delete, DeleteRun(gone))
        assert ask(backend, one, filter="metrics.m < 3").run_ids == [kept]
        assert ask(backend, one, filter="metrics.m < 3", run_view_type=ViewType.DELETED_ONLY).run_ids == [gone]
        assert ask(backend, one, run_view_type=ViewType.ALL).total == 3

    def test_several_experiments_and_none(self, backend: Backend) -> None:
        first, second = new_experiment(backend), new_experiment(backend)
        new_run(backend, first)
        new_run(backend, second)
        assert backend.call(runs.table, GetRunTable(experiment_ids=[first, second])).total == 2
        assert backend.call(runs.table, GetRunTable()).total == 0

    def test_a_filter_that_cannot_be_read_says_where(self, backend: Backend) -> None:
        with pytest.raises(InvalidParameter, match=r"at character 15") as caught:
            ask(backend, new_experiment(backend), filter="metrics.m < 3 x")
        if isinstance(caught.value, FilterError):
            assert caught.value.position == 14

    @pytest.mark.parametrize(
        "fields",
        [
            {"columns": ["loss"]},
            {"columns": ["metrics."]},
            {"columns": ["attributes.status"]},
            {"order_by": [OrderKey("nonsense.x")]},
            {"offset": -1},
            {"max_results": 10_001},
            {"columns": [f"params.{n}" for n in range(501)]},
        ],
    )
    def test_refusals(self, backend: Backend, fields: dict[str, object]) -> None:
        with pytest.raises(InvalidParameter):
            ask(backend, new_experiment(backend), **fields)


class TestRunGroups:
    """`runs.groups`."""

    def test_groups_with_their_spread(self, backend: Backend) -> None:
        one = new_experiment(backend)
        for model, loss in (("a", 1.0), ("a", 3.0), ("b", 5.0), ("b", NAN), ("a", 2.0)):
            new_run(backend, one, params={"model": model, "lr": "0.5"}, values={"loss": loss})
        new_run(backend, one, values={"loss": 7.0})
        asked = GetRunGroups(
            experiment_ids=[one], group_by=["params.model"], columns=["metrics.loss", "params.lr", "tags.never"]
        )
        found = backend.call(runs.groups, asked)
        assert found.total == 3
        assert [group.values for group in found.groups[:2]] == [["a"], ["b"]]
        assert [group.runs for group in found.groups] == [3, 2, 1]
        assert found.groups[0].columns == [Spread(3, 2.0, 1.0, 1.0, 3.0), Spread(3, 0.5, 0.0, 0.5, 0.5), None]
        assert found.groups[1].columns[0] == Spread(1, 5.0, 0.0, 5.0, 5.0)
        assert found.groups[2].values == [None]

    def test_by_two_columns_and_not_all(self, backend: Backend) -> None:
        one = new_experiment(backend)
        for n in range(6):
            new_run(backend, one, params={"x": str(n % 2), "y": str(n % 3)})
        asked = GetRunGroups(experiment_ids=[one], group_by=["params.x", "params.y"], max_results=4)
        found = backend.call(runs.groups, asked)
        assert (found.total, len(found.groups)) == (6, 4)

    @pytest.mark.parametrize("fields", [{"group_by": ["x"]}, {"group_by": ["params.x"], "max_results": 0}])
    def test_refusals(self, backend: Backend, fields: dict[str, object]) -> None:
        with pytest.raises(InvalidParameter):
            backend.call(runs.groups, GetRunGroups(**fields))  # type: ignore[arg-type]


class TestExperimentKeys:
    """`experiments.keys` and `experiments.values`."""

    def test_keys_with_how_many_have_them(self, backend: Backend) -> None:
        first, second = new_experiment(backend), new_experiment(backend)
        new_run(backend, first, params={"b": "1", "a": "2"}, values={"loss": 1.0})
        new_run(backend, second, params={"a": "3"}, tags={"team": "x"})
        new_run(backend, params={"elsewhere": "1"})
        found = backend.call(experiments.keys, ListKeys([first, second]))
        assert found.params == [KeyCount("a", 2), KeyCount("b", 1)]
        assert found.metrics == [KeyCount("loss", 1)]
        assert KeyCount("team", 1) in found.tags
        assert backend.call(experiments.keys, ListKeys()).params == []

    def test_values_by_frequency(self, backend: Backend) -> None:
        one = new_experiment(backend)
        for model in ("tree", "net", "net", "x" * 300):
            new_run(backend, one, params={"model": model})
        found = backend.call(experiments.values, ListValues([one], "params.model"))
        assert found.values[0] == ValueCount("net", 2)
        assert set(found.values) == {ValueCount("net", 2), ValueCount("tree", 1), ValueCount("x" * 100, 1)}
        assert backend.call(experiments.values, ListValues([one], "params.never")).values == []
        assert len(backend.call(experiments.values, ListValues([one], "params.model", 1)).values) == 1

    @pytest.mark.parametrize(
        "asked", [ListValues(["0"], "metrics.m"), ListValues(["0"], "params.x", 0), ListValues(["0"])]
    )
    def test_refusals(self, backend: Backend, asked: ListValues) -> None:
        with pytest.raises(InvalidParameter):
            backend.call(experiments.values, asked)
