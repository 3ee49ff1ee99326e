"""The contract of `runs.log_batch`: many things at once, all or nothing."""

import json
from collections.abc import Sequence

import pytest

from tidemill.api import runs
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter, NotFound
from tidemill.testing.contract.refusals import BAD_NAMES, bad_name, missing, refused
from tidemill.testing.factories import get_run, history_of, latest_of, new_run, params_of, tags_of
from tidemill.types.metrics import MetricPoint
from tidemill.types.page import Tag
from tidemill.types.runs import DeleteRun, LogBatch, Param


def log(
    backend: Backend,
    run: str,
    metrics: Sequence[MetricPoint] = (),
    params: Sequence[Param] = (),
    tags: Sequence[Tag] = (),
) -> None:
    """Log a batch."""
    backend.call(runs.log_batch, LogBatch(run, list(metrics), list(params), list(tags)))


def empty(backend: Backend, run: str) -> bool:
    """Whether nothing was logged to a run."""
    found = get_run(backend, run)
    return not (found.data.metrics or found.data.params or tags_of(found) or history_of(backend, run, "m"))


GOOD = ([MetricPoint("m", 1.0, 1)], [Param("p", "1")], [Tag("t", "1")])


class TestBatch:
    """What a batch does."""

    def test_all_kinds(self, backend: Backend) -> None:
        run = new_run(backend)
        log(backend, run, [MetricPoint("m", 1.0, 2, 3), MetricPoint("n", 4.0, 5)], [Param("p", "1"), Param("q")],
            [Tag("t", "1"), Tag("u")])  # fmt: skip
        found = get_run(backend, run)
        assert latest_of(found) == {"m": (1.0, 2, 3), "n": (4.0, 5, 0)}
        assert params_of(found) == {"p": "1", "q": ""}
        assert tags_of(found) == {"t": "1", "u": ""}

    def test_nothing(self, backend: Backend) -> None:
        run = new_run(backend)
        log(backend, run)
        assert empty(backend, run)

    def test_again(self, backend: Backend) -> None:
        run = new_run(backend)
        for _ in range(2):
            log(backend, run, *GOOD)
        found = get_run(backend, run)
        assert (latest_of(found), params_of(found), tags_of(found)) == ({"m": (1.0, 1, 0)}, {"p": "1"}, {"t": "1"})
        assert history_of(backend, run, "m") == [(1.0, 1, 0)]

    def test_the_last_of_equal_tags_wins(self, backend: Backend) -> None:
        run = new_run(backend, tags={"t": "0"})
        log(backend, run, tags=[Tag("t", "1"), Tag("u", "x"), Tag("t", "2")])
        assert tags_of(get_run(backend, run)) == {"t": "2", "u": "x"}

    def test_long_values_are_cut(self, backend: Backend) -> None:
        run = new_run(backend)
        log(backend, run, params=[Param("p", "é" * 6001)], tags=[Tag("t", "é" * 8001)])
        found = get_run(backend, run)
        assert (params_of(found), tags_of(found)) == ({"p": "é" * 6000}, {"t": "é" * 8000})

    @pytest.mark.parametrize(("metrics", "params", "tags"), [(1000, 0, 0), (800, 100, 100), (0, 100, 100)])
    def test_the_largest(self, backend: Backend, metrics: int, params: int, tags: int) -> None:
        run = new_run(backend)
        log(backend, run, [MetricPoint(f"m{n}", n / 3, n, n) for n in range(metrics)],
            [Param(f"p{n}", str(n)) for n in range(params)], [Tag(f"t{n}", str(n)) for n in range(tags)])  # fmt: skip
        found = get_run(backend, run)
        assert latest_of(found) == {f"m{n}": (n / 3, n, n) for n in range(metrics)}
        assert params_of(found) == {f"p{n}": str(n) for n in range(params)}
        assert tags_of(found) == {f"t{n}": str(n) for n in range(tags)}


class TestBatchRefusals:
    """What a batch refuses, in which words, and that nothing of it is written then."""

    @pytest.mark.parametrize(
        ("metrics", "params", "tags", "most", "count", "what"),
        [
            (1001, 0, 0, 1000, 1001, "metrics"),
            (0, 101, 0, 100, 101, "params"),
            (0, 0, 101, 100, 101, "tags"),
            (900, 51, 50, 1000, 1001, "metrics, params, and tags"),
            (1001, 101, 101, 1000, 1001, "metrics"),
        ],
    )
    def test_counts(
        self, backend: Backend, metrics: int, params: int, tags: int, most: int, count: int, what: str
    ) -> None:
        run = new_run(backend)
        text = (
            f"A batch logging request can contain at most {most} {what}. Got {count} {what}. "
            f"Please split up {what} across multiple requests and try again."
        )
        with refused(InvalidParameter, text):
            log(backend, run, [MetricPoint(f"m{n}", 1.0, 1) for n in range(metrics)],
                [Param(f"p{n}", "1") for n in range(params)], [Tag(f"t{n}", "1") for n in range(tags)])  # fmt: skip
        assert empty(backend, run)

    def test_equal_params(self, backend: Backend) -> None:
        run = new_run(backend)
        text = (
            "Duplicate parameter keys have been submitted: ['p']. Please ensure the request contains only one param "
            "value per param key."
        )
        for value in ("1", "2"):
            with refused(InvalidParameter, text):
                log(backend, run, GOOD[0], [Param("p", "1"), Param("q", "1"), Param("p", value)], GOOD[2])
        assert empty(backend, run)

    def test_changed_params(self, backend: Backend) -> None:
        run = new_run(backend, params={"p": "1", "q": "it's", "r": "same"})
        changed = (
            "[{'key': 'p', 'old_value': '1', 'new_value': '2'}, {'key': 'q', 'old_value': \"it's\", 'new_value': ''}]"
        )
        with refused(
            InvalidParameter,
            f"Changing param values is not allowed. Params were already logged='{changed}' for run ID='{run}'.",
        ):
            log(
                backend, run, GOOD[0], [Param("new", "1"), Param("p", "2"), Param("q", ""), Param("r", "same")], GOOD[2]
            )
        found = get_run(backend, run)
        assert params_of(found) == {"p": "1", "q": "it's", "r": "same"}
        assert (found.data.metrics, tags_of(found)) == ([], {})
        assert history_of(backend, run, "m") == []

    @pytest.mark.parametrize("shown", BAD_NAMES)
    def test_bad_names(self, backend: Backend, shown: str) -> None:
        run, name = new_run(backend), json.loads(f'"{shown}"')
        metrics, params, tags = GOOD
        with refused(InvalidParameter, bad_name(shown, "metrics[1].name")):
            log(backend, run, [*metrics, MetricPoint(name, 1.0, 1)], params, tags)
        with refused(InvalidParameter, bad_name(shown, "params[1].key")):
            log(backend, run, metrics, [*params, Param(name, "1")], tags)
        with refused(InvalidParameter, bad_name(shown, "tags[1].key")):
            log(backend, run, metrics, params, [*tags, Tag(name, "1")])
        assert empty(backend, run)

    def test_long_keys(self, backend: Backend) -> None:
        run, long = new_run(backend), "k" * 251
        metrics, params, tags = GOOD
        with refused(InvalidParameter, "'Metric name' exceeds the maximum length of 250 characters"):
            log(backend, run, [*metrics, MetricPoint(long, 1.0, 1)], params, tags)
        with refused(InvalidParameter, "'Param key' exceeds the maximum length of 250 characters"):
            log(backend, run, metrics, [*params, Param(long, "1")], tags)
        with refused(InvalidParameter, "'tags[1].key' exceeds the maximum length of 250 characters"):
            log(backend, run, metrics, params, [*tags, Tag(long, "1")])
        assert empty(backend, run)

    def test_missing_keys(self, backend: Backend) -> None:
        run = new_run(backend)
        metrics, params, tags = GOOD
        with refused(InvalidParameter, missing("metrics[1].key")):
            log(backend, run, [*metrics, MetricPoint("", 1.0, 1)], params, tags)
        with refused(InvalidParameter, missing("params[1].key")):
            log(backend, run, metrics, [*params, Param("", "1")], tags)
        with refused(InvalidParameter, missing("tags[1].key")):
            log(backend, run, metrics, params, [*tags, Tag("", "1")])
        assert empty(backend, run)

    @pytest.mark.parametrize("run_id", ["a/b", "-x", "a b", "x" * 257])
    def test_form_of_the_run_id(self, backend: Backend, run_id: str) -> None:
        with refused(InvalidParameter, f"Invalid value \"{run_id}\" for parameter 'run_id' supplied."):
            log(backend, run_id, *GOOD)

    def test_order_of_checks(self, backend: Backend) -> None:
        run = new_run(backend)
        backend.call(runs.delete, DeleteRun(run))
        many_tags = [Tag(f"t{n}", "1") for n in range(101)]
        bad_metric, bad_param, bad_tag = MetricPoint("a//b", 1.0, 1), Param("a//b", "1"), Tag("a//b", "1")
        twice = [Param("p", "1"), Param("p", "1")]
        with refused(InvalidParameter, "Invalid value \"a/b\" for parameter 'run_id' supplied."):
            log(backend, "a/b", [bad_metric], [bad_param], [bad_tag])
        with refused(InvalidParameter, bad_name("a//b", "metrics[0].name")):
            log(backend, run, [bad_metric], [*twice, bad_param], [*many_tags, bad_tag])
        with refused(InvalidParameter, bad_name("a//b", "params[2].key")):
            log(backend, run, [], [*twice, bad_param], [*many_tags, bad_tag])
        with refused(InvalidParameter, bad_name("a//b", "tags[101].key")):
            log(backend, run, [], twice, [*many_tags, bad_tag])
        with refused(InvalidParameter, starts="A batch logging request can contain at most 100 tags."):
            log(backend, run, [], twice, many_tags)
        with refused(InvalidParameter, starts="Duplicate parameter keys"):
            log(backend, run, [], twice)
        with refused(InvalidParameter, starts=f"The run {run} must be in the 'active' state."):
            log(backend, run)
        with refused(NotFound, "Run with id=nope not found"):
            log(backend, "nope")
