"""The contract of searching runs, once found: order, pages, and which parts of a run are answered."""

import math
import random
from functools import partial

import pytest

from tidemill.api import inputs, runs
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter
from tidemill.testing.contract.refusals import refused
from tidemill.testing.factories import get_run, new_experiment, new_run, pages, params_of, tags_of, unique
from tidemill.types.inputs import Dataset, DatasetInput, LogInputs, LogOutputs, ModelInput, ModelOutput
from tidemill.types.metrics import MetricPoint
from tidemill.types.runs import LogBatch, LogMetric, Run, RunStatus, SearchRuns, UpdateRun

NAN, INF = math.nan, math.inf
ORDERS: tuple[list[str], ...] = (
    [],
    ["metrics.m"],
    ["metrics.m DESC"],
    ["metrics.m DESC", "metrics.n"],
    ["metrics.never DESC"],
    ["params.p"],
    ["params.p DESC", "tags.t"],
    ["tags.t ASC"],
    ["attributes.start_time ASC"],
    ["end_time DESC"],
    ["status", "run_name DESC"],
    ["run_id"],
)


def walk(backend: Backend, arg: SearchRuns) -> list[str]:
    """The ids of all runs, page by page, with every page as full as it can be and a token only where more follow."""
    cut = [[run.info.run_id for run in page] for page in pages(backend, runs.search, arg, "runs")]
    assert all(len(page) == arg.max_results for page in cut[:-1])
    assert 0 < len(cut[-1]) <= arg.max_results or cut == [[]]
    return [one for page in cut for one in page]


def varied(backend: Backend, experiment: str, count: int, seed: int = 1) -> list[str]:
    """Runs with many equal and missing keys to sort by."""
    dice = random.Random(seed)
    made = []
    for _ in range(count):
        values = {key: dice.choice([0.0, 1.0, -1.0, NAN, INF, -INF, 0.5]) for key in "mn" if dice.random() < 0.7}
        texts = {key: dice.choice(["", "a", "B", "ä", "b", "10", "9"]) for key in "pt" if dice.random() < 0.7}
        run = new_run(
            backend,
            experiment,
            start_time=dice.randrange(4),
            name=dice.choice("xyz"),
            tags={key: value for key, value in texts.items() if key == "t"},
            params={key: value for key, value in texts.items() if key == "p"},
            values=values,
        )
        if dice.random() < 0.5:
            backend.call(runs.update, UpdateRun(run, status=dice.choice(list(RunStatus)), end_time=dice.randrange(3)))
        made.append(run)
    return made


class TestRunOrder:
    """In which order runs come."""

    def order(self, backend: Backend, experiment: str, *order_by: str) -> list[str]:
        """Run names in order."""
        found = backend.call(runs.search, SearchRuns([experiment], order_by=list(order_by))).runs
        return [run.info.run_name for run in found]

    def test_by_default_newest_first_then_id(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        made = [(start, new_run(backend, experiment, start_time=start)) for start in (5, 7, 5, 7, 5, 2**63 - 1, 0)]
        wanted = [run for _, run in sorted(made, key=lambda pair: (-pair[0], pair[1]))]
        found = backend.call(runs.search, SearchRuns([experiment])).runs
        assert [run.info.run_id for run in found] == wanted

    def test_by_metric(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        run = partial(new_run, backend, experiment)
        for name, value in {"one": 1.0, "nan": NAN, "high": INF, "low": -INF, "zero": 0.0, "minus": -1.0}.items():
            run(name=name, values={"m": value})
        run(name="none", values={"other": 1.0})
        ascending = ["low", "minus", "zero", "one", "high", "nan", "none"]
        assert self.order(backend, experiment, "metrics.m") == ascending
        assert self.order(backend, experiment, "metrics.m ASC") == ascending
        assert self.order(backend, experiment, "metric.`m` desc") == [*ascending[4::-1], "nan", "none"]

    def test_by_the_latest_value(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        for name, values in {"a": (9.0, 1.0), "b": (0.0, 2.0)}.items():
            one = new_run(backend, experiment, name=name)
            points = [MetricPoint("m", value, step, step) for step, value in enumerate(values)]
            backend.call(runs.log_batch, LogBatch(one, points))
        assert self.order(backend, experiment, "metrics.m") == ["a", "b"]

    @pytest.mark.parametrize("kind", ["params", "tags"])
    def test_by_text(self, backend: Backend, kind: str) -> None:
        experiment = new_experiment(backend)
        for value in ("b", "a", "B", "10", "9", "", "ä", "aa"):
            texts = {"k": value}
            new_run(backend, experiment, name=f"[{value}]", params=texts if kind == "params" else {},
                    tags=texts if kind == "tags" else {})  # fmt: skip
        new_run(backend, experiment, name="none", params={"j": "1"}, tags={"l": "1"})
        ascending = ["[]", "[10]", "[9]", "[B]", "[a]", "[aa]", "[b]", "[ä]"]
        assert self.order(backend, experiment, f"{kind}.k") == [*ascending, "none"]
        assert self.order(backend, experiment, f"{kind}.k DESC") == [*ascending[::-1], "none"]

    def test_by_attributes(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        for name, start, end, status in (("a", 3, 5, 2), ("b", 1, None, 0), ("c", 2, 9, 3)):
            one = new_run(backend, experiment, name=name, start_time=start)
            backend.call(runs.update, UpdateRun(one, status=list(RunStatus)[status], end_time=end))
        for clause, wanted in {
            "start_time": "bca", "created DESC": "acb", "end_time": "acb", "end_time DESC": "cab", "run_name DESC": "cba",
            "attributes.status": "cab", "`Run Name`": "abc",
        }.items():  # fmt: skip
            assert "".join(self.order(backend, experiment, clause)) == wanted, clause

    def test_by_several(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        for name, m, p in (("a", 1.0, "x"), ("b", 0.0, "x"), ("c", 1.0, "w"), ("d", None, "w"), ("e", None, "z")):
            new_run(backend, experiment, name=name, params={"p": p}, values={} if m is None else {"m": m})
        assert "".join(self.order(backend, experiment, "metrics.m DESC", "params.p")) == "cabde"
        assert "".join(self.order(backend, experiment, "params.p DESC", "metrics.m")) == "ebacd"

    def test_ties(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        made = [(start, new_run(backend, experiment, start_time=start, values={"m": 1.0})) for start in (1, 2, 1, 2, 3)]
        wanted = [run for _, run in sorted(made, key=lambda pair: (-pair[0], pair[1]))]
        for clause in ("metrics.m", "metrics.m DESC", "params.none", "params.none DESC", "metrics.none", "status DESC"):
            found = backend.call(runs.search, SearchRuns([experiment], order_by=[clause])).runs
            assert [run.info.run_id for run in found] == wanted, clause

    @pytest.mark.parametrize(
        ("order_by", "starts"),
        [
            (["metrics.m WRONG"], "Invalid ordering key in order_by clause 'metrics.m WRONG'."),
            (["metrics.m DESC ASC"], "Invalid order_by clause 'metrics.m DESC ASC'. Could not be parsed."),
            ([""], "Invalid order_by clause ''. Could not be parsed."),
            (["foo.bar"], "Invalid entity type 'foo'."),
            (["nope"], "Invalid attribute key 'nope' specified. Valid keys are '{"),
            (["metrics.m", "params.p", "metrics.m DESC"], "`order_by` contains duplicate fields: ["),
        ],
    )
    def test_refusals(self, backend: Backend, order_by: list[str], starts: str) -> None:
        with refused(InvalidParameter, starts=starts):
            self.order(backend, "0", *order_by)

    def test_many_keys(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        for name, value in (("a", 2.0), ("b", 1.0)):
            new_run(backend, experiment, name=name, values={f"m{n}": value if n == 39 else 0.0 for n in range(40)})
        assert self.order(backend, experiment, *(f"metrics.m{n}" for n in range(40))) == ["b", "a"]


class TestRunPages:
    """Pages: complete, without repetition, also while runs come and go."""

    @pytest.mark.parametrize("order_by", ORDERS, ids=lambda order: ",".join(order) or "default")
    def test_together_they_are_everything(self, backend: Backend, order_by: list[str]) -> None:
        experiment = new_experiment(backend)
        made = varied(backend, experiment, 24)
        whole = walk(backend, SearchRuns([experiment], order_by=order_by))
        assert sorted(whole) == sorted(made)
        for size in (1, 2, 5, 23, 24, 25):
            assert walk(backend, SearchRuns([experiment], order_by=order_by, max_results=size)) == whole
        filtered = SearchRuns([experiment], "metrics.m > -2", order_by=order_by)
        wanted = [
            run for run in whole if any(m.key == "m" and m.value > -2 for m in get_run(backend, run).data.metrics)
        ]
        assert walk(backend, filtered) == wanted
        two = SearchRuns([experiment, new_experiment(backend)], order_by=order_by, max_results=5)
        assert walk(backend, two) == whole

    @pytest.mark.parametrize("order_by", ORDERS, ids=lambda order: ",".join(order) or "default")
    def test_while_runs_arrive(self, backend: Backend, order_by: list[str]) -> None:
        experiment = new_experiment(backend)
        made = varied(backend, experiment, 20)
        arg = SearchRuns([experiment], order_by=order_by, max_results=3)
        whole = walk(backend, arg)
        found = []
        for number, page in enumerate(pages(backend, runs.search, arg, "runs")):
            found += [run.info.run_id for run in page]
            if number < 12:
                varied(backend, experiment, 2, seed=number + 100)
        assert len(found) == len(set(found))
        assert [run for run in found if run in made] == whole

    def test_a_key_that_appears_meanwhile(self, backend: Backend) -> None:
        experiment, key = new_experiment(backend), unique("key").replace("-", "_")
        made = [new_run(backend, experiment, start_time=n) for n in range(4)]
        for kind in ("metrics", "params", "tags"):
            arg = SearchRuns([experiment], order_by=[f"{kind}.{key}{kind}"], max_results=2)
            reading = iter(pages(backend, runs.search, arg, "runs"))
            found = [run.info.run_id for run in next(reading)]
            new_run(backend, tags={f"{key}{kind}": "1"})
            found += [run.info.run_id for run in next(reading)]
            assert found == made[::-1]

    def test_sizes_may_differ(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        made = [new_run(backend, experiment, start_time=-n) for n in range(6)]
        first = backend.call(runs.search, SearchRuns([experiment], max_results=1))
        assert first.next_page_token
        arg = SearchRuns([experiment], max_results=4, page_token=first.next_page_token)
        second = backend.call(runs.search, arg)
        assert second.next_page_token
        arg = SearchRuns([experiment], max_results=1, page_token=second.next_page_token)
        third = backend.call(runs.search, arg)
        assert third.next_page_token is None
        assert [run.info.run_id for page in (first, second, third) for run in page.runs] == made

    def test_by_default_1000(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        for _ in range(1001):
            new_run(backend, experiment)
        cut = list(pages(backend, runs.search, SearchRuns([experiment]), "runs"))
        assert [len(page) for page in cut] == [1000, 1]

    @pytest.mark.parametrize(
        "token", ["x", "e30=", "bnVsbA==", "W10=", "WzEsMiwzXQ==", "é", "\x00", "=" * 400, "\ud800"]
    )
    def test_bad_token(self, backend: Backend, token: str) -> None:
        if token == "\ud800":
            with refused(InvalidParameter):
                backend.call(runs.search, SearchRuns(["0"], page_token=token))
            return
        with refused(InvalidParameter, starts="Invalid page token"):
            backend.call(runs.search, SearchRuns(["0"], page_token=token))

    def test_token_of_another_order(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        for _ in range(3):
            new_run(backend, experiment)
        token = backend.call(runs.search, SearchRuns([experiment], max_results=1)).next_page_token
        assert token
        with refused(InvalidParameter, starts="Invalid page token"):
            backend.call(runs.search, SearchRuns([experiment], order_by=["metrics.m"], page_token=token))

    def test_what_is_logged_shows(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        run = new_run(backend, experiment)
        for number in range(5):
            backend.call(runs.log_metric, LogMetric(run, key="m", value=float(number), timestamp=number))
            (found,) = backend.call(runs.search, SearchRuns([experiment])).runs
            assert found == get_run(backend, run)
            assert found.data.metrics[0].value == number


class TestRunParts:
    """`select`: only what is asked for."""

    def full(self, backend: Backend) -> tuple[str, str]:
        """An experiment with one run that has everything."""
        experiment = new_experiment(backend)
        run = new_run(
            backend, experiment, tags={"t": "1", "u.v": "2"}, params={"p": "1", "q": "2"}, values={"m": 1.0, "n": 2.0}
        )
        link = DatasetInput(dataset=Dataset("d", "1", "local", "s"))
        backend.call(inputs.log, LogInputs(run, [link], [ModelInput("m-1")]))
        backend.call(inputs.log_outputs, LogOutputs(run, [ModelOutput("m-2", 3)]))
        return experiment, run

    def selected(self, backend: Backend, experiment: str, *select: str) -> Run:
        """The one run of the experiment."""
        (found,) = backend.call(runs.search, SearchRuns([experiment], select=list(select))).runs
        return found

    def test_everything_by_default(self, backend: Backend) -> None:
        experiment, run = self.full(backend)
        assert self.selected(backend, experiment) == get_run(backend, run)

    @pytest.mark.parametrize(
        ("select", "metrics", "params", "tags"),
        [
            (("info",), "", "", ""),
            (("metrics",), "mn", "", ""),
            (("params", "tags"), "", "pq", ["mlflow.runName", "t", "u.v"]),
            (("metrics.n",), "n", "", ""),
            (("metrics.n", "metrics.m", "params.q", "tags.u.v"), "mn", "q", ["u.v"]),
            (("metrics.never", "params.never"), "", "", ""),
            (("metrics.n", "metrics"), "mn", "", ""),
            (("metrics", "metrics.n"), "mn", "", ""),
            (("info", "tags.t"), "", "", "t"),
        ],
    )
    def test_keys(
        self, backend: Backend, select: tuple[str, ...], metrics: str, params: str, tags: str | list[str]
    ) -> None:
        experiment, run = self.full(backend)
        found = self.selected(backend, experiment, *select)
        whole = get_run(backend, run)
        assert found.info == whole.info
        for part, keys in (("metrics", metrics), ("params", params), ("tags", tags)):
            items = {item.key: item for item in getattr(found.data, part)}
            assert sorted(items) == sorted(keys)
            assert all(item in getattr(whole.data, part) for item in items.values())
        assert (found.inputs, found.outputs) == (None, None)

    def test_inputs_and_outputs(self, backend: Backend) -> None:
        experiment, run = self.full(backend)
        whole = get_run(backend, run)
        found = self.selected(backend, experiment, "inputs")
        assert (found.inputs, found.outputs, found.data.metrics) == (whole.inputs, None, [])
        found = self.selected(backend, experiment, "outputs")
        assert (found.inputs, found.outputs, params_of(found), tags_of(found)) == (None, whole.outputs, {}, {})

    @pytest.mark.parametrize("item", ["", "nope", "metrics.", "info.x", "inputs.x", "Metrics", "metric.m", "*"])
    def test_unknown(self, backend: Backend, item: str) -> None:
        with refused(InvalidParameter, starts=f"Invalid value '{item}' for parameter 'select' supplied."):
            self.selected(backend, "0", "info", item)

    def test_paged_and_ordered(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        made = varied(backend, experiment, 15)
        for order_by in ORDERS:
            arg = SearchRuns([experiment], order_by=order_by, max_results=4, select=["info"])
            assert sorted(walk(backend, arg)) == sorted(made)
