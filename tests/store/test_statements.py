"""How many statements an operation costs: none of them grows with keys, tags, runs or points."""

from collections.abc import Callable, Iterator

import pytest

from tidemill.api import experiments, inputs, logged_models, metrics, model_versions, registered_models, runs
from tidemill.store.backend import SqlBackend
from tidemill.store.postgres import PostgresTx
from tidemill.store.sqlite import SqliteTx
from tidemill.testing.factories import (
    as_params,
    as_tags,
    get_model,
    get_run,
    history_of,
    new_experiment,
    new_model,
    new_registered_model,
    new_run,
    new_version,
    unique,
)
from tidemill.types.experiments import CreateExperiment, SearchExperiments
from tidemill.types.inputs import Dataset, DatasetInput, LogInputs
from tidemill.types.logged_models import CreateLoggedModel, LogLoggedModelParams, SearchLoggedModels, SetLoggedModelTags
from tidemill.types.metrics import GetMetricHistoryBulk, MetricPoint
from tidemill.types.model_versions import SearchModelVersions, TransitionStage
from tidemill.types.page import Tag
from tidemill.types.registered_models import SearchRegisteredModels, SetAlias
from tidemill.types.runs import CreateRun, LogBatch, LogMetric, LogParam, Param, SearchRuns, SetTag, UpdateRun


class Counter:
    """Counts what transactions ask of their database."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def of(self, work: Callable[[], object]) -> int:
        """How many statements `work` took."""
        self.texts.clear()
        work()
        return len(self.texts)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    counter = Counter()
    for kind in (SqliteTx, PostgresTx):
        for name in ("rows", "row", "run", "many"):
            original = getattr(kind, name)

            def counted(self: object, sql: str, *args: object, original: Callable[..., object] = original) -> object:
                counter.texts.append(sql)
                return original(self, sql, *args)

            monkeypatch.setattr(kind, name, counted)
    return counter


def batch(prefix: str, count: int, model: str = "") -> LogBatch:
    """As many metrics, and a tenth as many params and tags."""
    return LogBatch(
        "",
        [MetricPoint(f"{prefix}m{n}", n / 3, n, n, model) for n in range(count)],
        [Param(f"{prefix}p{n}", str(n)) for n in range(count // 10)],
        [Tag(f"{prefix}t{n}", str(n)) for n in range(count // 10)],
    )


def log(store: SqlBackend, run: str, what: LogBatch) -> Callable[[], object]:
    return lambda: store.call(runs.log_batch, LogBatch(run, what.metrics, what.params, what.tags))


def test_one_metric(store: SqlBackend, counter: Counter) -> None:
    run = new_run(store, values={"m": 1.0})
    # The run, the log, the latest.
    assert counter.of(lambda: store.call(runs.log_metric, LogMetric(run, key="m", value=1.0, timestamp=1))) == 3


def test_one_text(store: SqlBackend, counter: Counter) -> None:
    run = new_run(store, params={"p": "1"}, tags={"t": "1"})
    other = new_run(store)
    assert counter.of(lambda: store.call(runs.log_param, LogParam(other, key="p", value="1"))) == 3
    assert counter.of(lambda: store.call(runs.set_tag, SetTag(run, key="t", value="2"))) == 2


def test_update(store: SqlBackend, counter: Counter) -> None:
    run = new_run(store)
    assert counter.of(lambda: store.call(runs.update, UpdateRun(run, end_time=1))) == 3


def test_batch_of_known_names(store: SqlBackend, counter: Counter) -> None:
    log(store, new_run(store), batch("known", 800))()
    small = counter.of(log(store, new_run(store), batch("known", 10)))
    large = counter.of(log(store, new_run(store), batch("known", 800)))
    # The run; params: what is there, new ones; metrics: the log, the latest; tags.
    assert (small, large) == (6, 6)


def test_batch_of_new_names(store: SqlBackend, counter: Counter) -> None:
    small = counter.of(log(store, new_run(store), batch(unique("small"), 10)))
    large = counter.of(log(store, new_run(store), batch(unique("large"), 800)))
    # For each of the three kinds: look up, make, look up.
    assert (small, large) == (15, 15)


def test_batch_for_models(store: SqlBackend, counter: Counter) -> None:
    model = new_model(store)
    log(store, new_run(store), batch("model", 800))()
    small = counter.of(log(store, new_run(store), batch("model", 10, model)))
    large = counter.of(log(store, new_run(store), batch("model", 800, model)))
    assert small == large <= 8


def test_new_run(store: SqlBackend, counter: Counter) -> None:
    experiment = new_experiment(store)
    many = {f"tag{n}": "1" for n in range(100)}
    new_run(store, experiment, tags=many)
    counts = {
        counter.of(lambda tags=tags: store.call(runs.create, CreateRun(experiment, tags=as_tags(tags))))  # type: ignore[misc]
        for tags in ({}, {"tag1": "1"}, many)
    }
    # The experiment, the run, its tags.
    assert counts == {3}


def populated(store: SqlBackend, count: int) -> str:
    experiment = new_experiment(store)
    for number in range(count):
        run = new_run(store, experiment, start_time=number, tags={"t": "1"}, params={"p": "1"})
        log(store, run, batch("search", 50))()
        link = DatasetInput(tags=[Tag("k", "v")], dataset=Dataset("d", "1", "local", "s"))
        store.call(inputs.log, LogInputs(run, [link]))
    return experiment


def test_search(store: SqlBackend, counter: Counter) -> None:
    few, many = populated(store, 2), populated(store, 100)

    def search(experiment: str, **more: object) -> Callable[[], object]:
        return lambda: store.call(runs.search, SearchRuns([experiment], **more))  # type: ignore[arg-type]

    search(few)(), search(many)()
    for more in (
        {},
        {"order_by": ["metrics.searchm1 DESC", "params.p"]},
        {"filter": "metrics.searchm1 > 0 AND params.p = '1' AND tags.t LIKE '%'"},
        {"select": ["metrics", "params.p", "inputs"]},
    ):
        one, hundred = counter.of(search(few, **more)), counter.of(search(many, **more))
        assert one == hundred <= 8, more
    # What has not changed is not read again.
    assert counter.of(search(many)) == 1
    one = store.call(runs.search, SearchRuns([many], max_results=1)).runs[0].info.run_id
    store.call(runs.set_tag, SetTag(one, key="t", value="2"))
    changed = counter.of(search(many))
    assert 1 < changed <= 8
    assert counter.of(search(many)) == 1


def test_search_of_unread_runs(store: SqlBackend, counter: Counter) -> None:
    few, many = populated(store, 3), populated(store, 60)
    assert counter.of(lambda: store.call(runs.search, SearchRuns([few]))) == counter.of(
        lambda: store.call(runs.search, SearchRuns([many]))
    )


def test_get_and_history(store: SqlBackend, counter: Counter) -> None:
    small, large = new_run(store), new_run(store)
    log(store, small, batch("h", 1))()
    log(store, large, batch("h", 800))()
    assert counter.of(lambda: get_run(store, small)) == counter.of(lambda: get_run(store, large)) <= 8
    assert (
        counter.of(lambda: history_of(store, small, "hm0")) == counter.of(lambda: history_of(store, large, "hm0")) == 3
    )


def test_bulk_history(store: SqlBackend, counter: Counter) -> None:
    made = [new_run(store, values={"bulk": 1.0}) for _ in range(60)]

    def ask(count: int) -> Callable[[], object]:
        return lambda: store.call(metrics.get_history_bulk, GetMetricHistoryBulk(made[:count], "bulk"))

    assert (counter.of(ask(2)), counter.of(ask(20)), counter.of(ask(60))) == (3, 3, 9)


def test_experiments(store: SqlBackend, counter: Counter) -> None:
    for tags in ({}, {f"k{n}": "v" for n in range(50)}):
        arg = CreateExperiment(unique(), tags=as_tags(tags))
        assert counter.of(lambda arg=arg: store.call(experiments.create, arg)) <= 4  # type: ignore[misc]
    prefix = unique()
    for number in range(40):
        store.call(experiments.create, CreateExperiment(f"{prefix}{number}", tags=as_tags({"k": "v"})))
    counts = {
        counter.of(
            lambda size=size: store.call(  # type: ignore[misc]
                experiments.search, SearchExperiments(max_results=size, filter=f"name LIKE '{prefix}%'")
            )
        )
        for size in (1, 40)
    }
    assert counts == {2}


def test_logged_models(store: SqlBackend, counter: Counter) -> None:
    experiment = new_experiment(store)
    many = {f"k{n}": "v" for n in range(100)}
    counts = {
        counter.of(
            lambda texts=texts: store.call(  # type: ignore[misc]
                logged_models.create, CreateLoggedModel(experiment, params=as_params(texts), tags=as_tags(texts))
            )
        )
        for texts in ({"k1": "v"}, many)
    }
    assert len(counts) == 1
    model = new_model(store, experiment)
    tags = {
        counter.of(lambda texts=texts: store.call(logged_models.set_tags, SetLoggedModelTags(model, as_tags(texts))))  # type: ignore[misc]
        for texts in ({"k1": "v"}, many)
    }
    assert len(tags) == 1
    params = {
        counter.of(
            lambda texts=texts: store.call(logged_models.log_params, LogLoggedModelParams(model, as_params(texts)))
        )  # type: ignore[misc]
        for texts in ({"k1": "v"}, {f"l{n}": "v" for n in range(100)})
    }
    assert len(params) == 1
    for _ in range(40):
        new_model(store, experiment, params={"p": "1"}, tags={"t": "1"})
    searches = {
        counter.of(
            lambda size=size: store.call(logged_models.search, SearchLoggedModels([experiment], max_results=size))
        )  # type: ignore[misc]
        for size in (1, 40)
    }
    assert searches == {4}
    assert counter.of(lambda: get_model(store, model)) == 4


def test_inputs(store: SqlBackend, counter: Counter) -> None:
    def links(count: int) -> list[DatasetInput]:
        prefix = unique()
        return [DatasetInput(dataset=Dataset(f"{prefix}{n}", "1", "local", "s")) for n in range(count)]

    runs_ = [new_run(store), new_run(store)]
    counts = {
        counter.of(lambda run=run, found=found: store.call(inputs.log, LogInputs(run, found)))  # type: ignore[misc]
        for run, found in zip(runs_, (links(1), links(50)), strict=True)
    }
    assert len(counts) == 1


def test_a_page_of_registered_models(store: SqlBackend, counter: Counter) -> None:
    mark = unique("page")
    for number in range(30):
        name = new_registered_model(store, f"{mark}-{number:02}", tags={"a": "1"})
        for stage in ("None", "Staging", "Production"):
            version = new_version(store, name, tags={"b": "2"})
            store.call(model_versions.transition_stage, TransitionStage(name, version, stage))
        store.call(registered_models.set_alias, SetAlias(name, "champion", "1"))

    def page(most: int) -> int:
        arg = SearchRegisteredModels(f"tags.a = '1' AND name LIKE '{mark}%'", most)
        return counter.of(lambda: store.call(registered_models.search, arg))

    # Who has the tag; the models; their tags, latest versions, those' tags, aliases.
    assert (page(1), page(30)) == (6, 6)
    versions = SearchModelVersions(f"name LIKE '{mark}%'")
    # Who is called so; the versions; their tags.
    assert counter.of(lambda: store.call(model_versions.search, versions)) == 3
