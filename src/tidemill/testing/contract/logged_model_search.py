"""The contract of searching logged models."""

import math
import time
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import pytest

from tidemill.api import logged_models, runs
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter
from tidemill.testing.contract.refusals import missing, refused
from tidemill.testing.factories import as_params, as_tags, get_model, new_experiment, new_model, new_run, pages
from tidemill.types.logged_models import (
    CreateLoggedModel,
    DatasetFilter,
    FinalizeLoggedModel,
    LoggedModelOrder,
    LoggedModelStatus,
    SearchLoggedModels,
)
from tidemill.types.metrics import MetricPoint
from tidemill.types.runs import LogBatch

_made: "WeakKeyDictionary[Backend, tuple[str, dict[str, str]]]" = WeakKeyDictionary()
Logged = tuple[str, float, int, int, str, str]
"""Key, value, timestamp, step, name and digest of the data set."""


def population(backend: Backend) -> tuple[str, dict[str, str]]:
    """An experiment and its models: id to letter, in order of creation. Made once for each backend."""
    if backend not in _made:
        _made[backend] = _populate(backend)
    return _made[backend]


def _populate(backend: Backend) -> tuple[str, dict[str, str]]:
    experiment = new_experiment(backend)
    run = new_run(backend, experiment)
    made = {}
    plan: list[tuple[str, str, dict[str, str], dict[str, str], Sequence[Logged]]] = [
        ("a", "Agent", {"lr": "0.1"}, {"env": "prod"}, [("acc", 0.5, 1, 1, "d", "1"), ("acc", 0.9, 2, 2, "e", "1")]),
        (
            "b",
            "",
            {"lr": "0.01", "k b": "x"},
            {"env": "dev"},
            [("acc", 0.95, 1, 1, "d", "2"), ("acc", 0.1, 2, 2, "", "")],
        ),
        ("c", "agent", {}, {"env": ""}, [("acc", math.nan, 1, 1, "d", "1"), ("loss", math.inf, 1, 1, "", "")]),
        ("d", "x", {"lr": "abc"}, {}, []),
    ]
    for letter, kind, params, tags, points in plan:
        time.sleep(0.002)
        arg = CreateLoggedModel(
            experiment, f"model {letter}", kind, run if letter == "a" else "", as_params(params), as_tags(tags)
        )
        model = backend.call(logged_models.create, arg).model.info.model_id
        batch = [MetricPoint(key, v, ts, step, model, name, digest) for key, v, ts, step, name, digest in points]
        backend.call(runs.log_batch, LogBatch(run, batch))
        made[model] = letter
    model = next(one for one, letter in made.items() if letter == "b")
    backend.call(logged_models.finalize, FinalizeLoggedModel(model, LoggedModelStatus.LOGGED_MODEL_READY))
    return experiment, made


def found(
    backend: Backend,
    filter: str = "",
    datasets: Sequence[tuple[str, str]] = (),
    order_by: Sequence[LoggedModelOrder] = (),
) -> str:
    """The letters of the models that a search finds, in order."""
    experiment, letters = population(backend)
    arg = SearchLoggedModels([experiment], filter, [DatasetFilter(*one) for one in datasets], order_by=list(order_by))
    return "".join(letters[model.info.model_id] for model in backend.call(logged_models.search, arg).models)


class TestLoggedModelSearch:
    """Filters, orders and pages of logged models."""

    @pytest.mark.parametrize(
        ("filter", "letters"),
        [
            ("", "abcd"),
            ("name = 'model a'", "a"),
            ("attributes.name LIKE 'model _'", "abcd"),
            ("name ILIKE 'MODEL A'", "a"),
            ("name LIKE 'MODEL A'", ""),
            ("name IN ('model a')", "a"),
            ("name IN ('model a',)", "a"),
            ("name IN ('model a', 'model c')", "ac"),
            ("name NOT IN ('model a', 'model c')", "bd"),
            ("model_type = 'Agent'", "a"),
            ("model_type != 'Agent'", "bcd"),
            ("source_run_id = ''", "bcd"),
            ("source_run_id != ''", "a"),
            ("creation_timestamp > 0", "abcd"),
            ("creation_time < 1000", ""),
            ("last_updated_timestamp >= 1000", "abcd"),
            ("status = 'LOGGED_MODEL_READY'", "b"),
            ("status = 'READY'", "b"),
            ("status != 'READY'", "acd"),
            ("params.lr = '0.1'", "a"),
            ("params.lr != '0.1'", "bd"),
            ("params.lr LIKE '0%'", "ab"),
            ("params.`k b` = 'x'", "b"),
            ("tags.env = 'prod'", "a"),
            ("tags.env != 'prod'", "bc"),
            ("tags.env = ''", "c"),
            # Any point counts, not the latest alone.
            ("metrics.acc > 0.6", "ab"),
            ("metrics.acc = 0.5", "a"),
            ("metrics.acc < 0.2", "b"),
            ("metrics.loss > 1e308", "c"),
            ("metrics.never > 0", ""),
            ("metrics.acc > 0.8 AND params.lr = '0.1'", "a"),
            ("params.lr = 0.01", "b"),
        ],
    )
    def test_filter(self, backend: Backend, filter: str, letters: str) -> None:
        assert "".join(sorted(found(backend, filter))) == letters

    @pytest.mark.parametrize(
        ("filter", "datasets", "letters"),
        [
            ("", [("d", "")], "abc"),
            ("", [("d", "1")], "ac"),
            ("", [("d", "2")], "b"),
            ("", [("nope", "")], ""),
            ("", [("d", "2"), ("e", "1")], "ab"),
            ("metrics.acc > 0.6", [("d", "")], "b"),
            ("metrics.acc > 0.6", [("e", "")], "a"),
            ("metrics.acc > 0.6", [("d", "1")], ""),
            ("metrics.acc > 0.4", [("d", "1"), ("d", "2")], "ab"),
            ("tags.env = 'prod'", [("d", "1")], "a"),
        ],
    )
    def test_datasets(self, backend: Backend, filter: str, datasets: list[tuple[str, str]], letters: str) -> None:
        assert "".join(sorted(found(backend, filter, datasets))) == letters

    @pytest.mark.parametrize(
        ("order_by", "letters"),
        [
            ((), "dcba"),
            ((LoggedModelOrder("creation_timestamp"),), "abcd"),
            ((LoggedModelOrder("creation_time", ascending=False),), "dcba"),
            ((LoggedModelOrder("name", ascending=False),), "dcba"),
            ((LoggedModelOrder("name"),), "abcd"),
            # The latest point: a 0.9, b 0.1, c NaN, d none.
            ((LoggedModelOrder("metrics.acc"),), "bacd"),
            ((LoggedModelOrder("metrics.acc", ascending=False),), "abcd"),
            # On one data set: a 0.5, b 0.95, c NaN.
            ((LoggedModelOrder("metrics.acc", True, "d"),), "abcd"),
            ((LoggedModelOrder("metrics.acc", False, "d"),), "bacd"),
            ((LoggedModelOrder("metrics.acc", True, "d", "2"),), "bdca"),
            ((LoggedModelOrder("metrics.loss"),), "cdba"),
            ((LoggedModelOrder("metrics.never"),), "dcba"),
            ((LoggedModelOrder("source_run_id"), LoggedModelOrder("name")), "bcda"),
        ],
    )
    def test_order(self, backend: Backend, order_by: tuple[LoggedModelOrder, ...], letters: str) -> None:
        assert found(backend, order_by=order_by) == letters

    def test_answers_whole_models(self, backend: Backend) -> None:
        experiment, _ = population(backend)
        models = backend.call(logged_models.search, SearchLoggedModels([experiment])).models
        assert [repr(model) for model in models] == [repr(get_model(backend, model.info.model_id)) for model in models]

    def test_experiments(self, backend: Backend) -> None:
        experiment, _ = population(backend)
        other = new_experiment(backend)
        new_model(backend, other)

        def count(*experiments: str) -> int:
            return len(backend.call(logged_models.search, SearchLoggedModels(list(experiments))).models)

        assert (count(experiment), count(other), count(experiment, other, other), count("999999999")) == (4, 1, 5, 0)
        with refused(InvalidParameter, missing("experiment_ids")):
            count()

    @pytest.mark.parametrize(
        ("filter", "starts"),
        [
            ("foo.bar = 'x'", "Invalid entity type: 'foo'. Expected one of ['attributes', 'metrics', 'params', 'tags']."),
            ("metric.acc > 1", "Invalid entity type: 'metric'. Expected one of ['attributes', 'metrics', 'params', 'tags']."),
            ("metrics.acc LIKE 'x'", "Invalid comparison operator for metrics.acc: 'LIKE'. Expected one of ("),
            ("metrics.acc >", "Invalid filter string: 'metrics.acc >'. Expected a list of comparisons separated by 'AND' "
             "(e.g. 'metrics.loss > 0.1 AND params.lr = 0.01')."),
        ],
    )  # fmt: skip
    def test_bad_filter(self, backend: Backend, filter: str, starts: str) -> None:
        with refused(InvalidParameter, starts=starts):
            found(backend, filter)

    def test_data_sets_have_names(self, backend: Backend) -> None:
        with refused(InvalidParameter, "`dataset_name` in the `datasets` clause must be specified."):
            found(backend, datasets=[("", "1")])

    @pytest.mark.parametrize(
        ("field", "starts"),
        [
            ("params.x", "Invalid order by field name: params.x. Only metrics are supported."),
            ("tags.x", "Invalid order by field name: tags.x. Only metrics are supported."),
            ("nope", "Invalid order by field name: nope"),
        ],
    )
    def test_bad_order(self, backend: Backend, field: str, starts: str) -> None:
        with refused(InvalidParameter, starts=starts):
            found(backend, order_by=[LoggedModelOrder(field)])


class TestLoggedModelPages:
    """Pages of logged models, and what their tokens remember."""

    def test_by_default_50(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        made = [new_model(backend, experiment) for _ in range(51)]
        cut = list(pages(backend, logged_models.search, SearchLoggedModels([experiment]), "models"))
        assert [len(page) for page in cut] == [50, 1]
        assert sorted(model.info.model_id for page in cut for model in page) == sorted(made)

    @pytest.mark.parametrize(
        "order_by",
        [
            [],
            [LoggedModelOrder("name")],
            [LoggedModelOrder("metrics.m", ascending=False)],
            [LoggedModelOrder("metrics.m"), LoggedModelOrder("name", ascending=False)],
            [LoggedModelOrder("metrics.m", True, "d")],
        ],
    )
    def test_together_they_are_everything(self, backend: Backend, order_by: list[LoggedModelOrder]) -> None:
        experiment = new_experiment(backend)
        run = new_run(backend, experiment)

        def make(number: int) -> str:
            model = new_model(backend, experiment, name=f"n{number % 4}")
            value = [0.5, 0.5, math.nan, 1.0, None][number % 5]
            if value is not None:
                point = MetricPoint("m", value, 1, 1, model, "d" if number % 2 else "e", "1")
                backend.call(runs.log_batch, LogBatch(run, [point]))
            return model

        made = [make(number) for number in range(14)]
        arg = SearchLoggedModels([experiment], order_by=order_by)
        whole = [model.info.model_id for model in backend.call(logged_models.search, arg).models]
        assert sorted(whole) == sorted(made)
        for size in (1, 3, 13, 14, 15):
            arg = SearchLoggedModels([experiment], order_by=order_by, max_results=size)
            cut = [[one.info.model_id for one in page] for page in pages(backend, logged_models.search, arg, "models")]
            assert [one for page in cut for one in page] == whole
            assert [len(page) for page in cut] == [size] * (14 // size) + ([14 % size] if 14 % size else [])
        arg = SearchLoggedModels([experiment], order_by=order_by, max_results=3)
        found = []
        for number, page in enumerate(pages(backend, logged_models.search, arg, "models")):
            found += [one.info.model_id for one in page]
            if number < 5:
                make(number)
        assert len(found) == len(set(found))
        assert [one for one in found if one in made] == whole

    def test_token_of_another_search(self, backend: Backend) -> None:
        experiment, other = new_experiment(backend), new_experiment(backend)
        for _ in range(3):
            new_model(backend, experiment)
        arg = SearchLoggedModels([experiment], "name != 'x'", max_results=1, order_by=[LoggedModelOrder("name")])
        token = backend.call(logged_models.search, arg).next_page_token or ""
        assert token
        order_by = [LoggedModelOrder("name")]
        for wrong, starts in (
            (
                SearchLoggedModels([other], "name != 'x'", order_by=order_by, page_token=token),
                "Experiment IDs in the page token do not match the requested experiment IDs. Expected: ",
            ),
            (
                SearchLoggedModels([experiment], "name != 'y'", order_by=order_by, page_token=token),
                "Filter string in the page token does not match the requested filter string.",
            ),
            (
                SearchLoggedModels([experiment], "name != 'x'", page_token=token),
                "Order by in the page token does not match the requested order by.",
            ),
        ):
            with refused(InvalidParameter, starts=starts):
                backend.call(logged_models.search, wrong)

    @pytest.mark.parametrize("token", ["x", "e30=", "bnVsbA==", "é"])
    def test_bad_token(self, backend: Backend, token: str) -> None:
        with refused(InvalidParameter, starts="Invalid page token"):
            backend.call(logged_models.search, SearchLoggedModels(["0"], page_token=token))
