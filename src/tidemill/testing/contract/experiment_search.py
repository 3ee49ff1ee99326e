"""The contract of searching experiments."""

import time

import pytest

from tidemill.api import experiments
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter
from tidemill.testing.contract.refusals import refused
from tidemill.testing.factories import get_experiment, new_experiment, pages, unique
from tidemill.types.experiments import (
    DeleteExperiment,
    Experiment,
    RestoreExperiment,
    SearchExperiments,
    SetExperimentTag,
    UpdateExperiment,
)
from tidemill.types.page import ViewType


def populate(backend: Backend) -> tuple[str, dict[str, str]]:
    """Four experiments, c of them deleted: what their names begin with, and id to letter, in order of creation."""
    prefix = unique("search")
    made = {}
    for letter, tags in (("a", {"k": "x", "a b": "1"}), ("b", {"k": "Xé"}), ("c", {"k": "x"}), ("d", {"n": "7"})):
        time.sleep(0.002)
        experiment = new_experiment(backend, f"{prefix} {letter}{'%_' if letter == 'd' else ''}")
        for key, value in tags.items():
            backend.call(experiments.set_tag, SetExperimentTag(experiment, key, value))
        made[experiment] = letter
    deleted = next(one for one, letter in made.items() if letter == "c")
    backend.call(experiments.delete, DeleteExperiment(deleted))
    return prefix, made


def search(
    backend: Backend,
    prefix: str,
    filter: str = "",
    order_by: list[str] | None = None,
    view: ViewType = ViewType.ACTIVE_ONLY,
) -> list[Experiment]:
    """The experiments whose names begin with `prefix` and that a filter finds."""
    filter = f"name LIKE '{prefix}%'" + (f" AND {filter}" if filter else "")
    arg = SearchExperiments(max_results=1000, filter=filter, order_by=order_by or [], view_type=view)
    return backend.call(experiments.search, arg).experiments


class TestExperimentSearch:
    """Filters, orders and pages of experiments."""

    @pytest.mark.parametrize(
        ("filter", "letters"),
        [
            ("", "abd"),
            ("attribute.name LIKE '%a'", "a"),
            ("name ILIKE '%A'", "a"),
            ("name LIKE '%A'", ""),
            ("name != 'x'", "abd"),
            ("name LIKE '%d\\%'", ""),
            ("tags.k = 'x'", "a"),
            ("tag.k != 'x'", "b"),
            ("tags.k LIKE 'X_'", "b"),
            ("tags.k ILIKE 'xÉ'", "b"),
            ("tags.k IS NULL", "d"),
            ("tags.k IS NOT NULL", "ab"),
            ("tags.`a b` = '1'", "a"),
            ("tags.k = 'x' AND tags.`a b` = '1'", "a"),
            ("creation_time > 0", "abd"),
            ("attribute.creation_time < 1000", ""),
            ("last_update_time >= 1000", "abd"),
            ("tags.n > 6", "d"),
            ("(tags.k = 'x' OR tags.n = '7')", "ad"),
            ("NOT tags.k = 'x'", "bd"),
        ],
    )
    def test_filter(self, backend: Backend, filter: str, letters: str) -> None:
        prefix, made = populate(backend)
        found = search(backend, prefix, filter)
        assert "".join(sorted(made[one.experiment_id] for one in found)) == letters
        assert found == [get_experiment(backend, one.experiment_id) for one in found]

    def test_by_exact_name_and_time(self, backend: Backend) -> None:
        prefix, made = populate(backend)
        first = get_experiment(backend, next(iter(made)))
        assert search(backend, prefix, f"name = '{first.name}'") == [first]
        found = search(backend, prefix, f"creation_time > {first.creation_time}")
        assert {made[one.experiment_id] for one in found} == {"b", "d"}
        assert first in search(backend, prefix, f"creation_time <= {first.creation_time}")

    @pytest.mark.parametrize(
        ("view", "letters"), [(ViewType.ACTIVE_ONLY, "abd"), (ViewType.DELETED_ONLY, "c"), (ViewType.ALL, "abcd")]
    )
    def test_view(self, backend: Backend, view: ViewType, letters: str) -> None:
        prefix, made = populate(backend)
        assert "".join(sorted(made[one.experiment_id] for one in search(backend, prefix, view=view))) == letters

    @pytest.mark.parametrize(
        ("order_by", "letters"),
        [
            ([], "dcba"),
            (["creation_time"], "abcd"),
            (["creation_time ASC"], "abcd"),
            (["creation_time DESC"], "dcba"),
            (["name"], "abcd"),
            (["attribute.name DESC"], "dcba"),
            (["experiment_id"], "abcd"),
            (["experiment_id DESC"], "dcba"),
            (["last_update_time DESC", "name"], "bcda"),
        ],
    )
    def test_order(self, backend: Backend, order_by: list[str], letters: str) -> None:
        prefix, made = populate(backend)
        ids = {letter: one for one, letter in made.items()}
        for letter in "adcb":  # b is changed last; c is deleted and stays so
            time.sleep(0.002)
            if letter == "c":
                backend.call(experiments.restore, RestoreExperiment(ids[letter]))
                time.sleep(0.002)
                backend.call(experiments.delete, DeleteExperiment(ids[letter]))
            elif letter != "a":
                name = get_experiment(backend, ids[letter]).name
                backend.call(experiments.update, UpdateExperiment(ids[letter], name))
        found = search(backend, prefix, order_by=order_by, view=ViewType.ALL)
        assert "".join(made[one.experiment_id] for one in found) == letters

    def test_ids_sort_as_numbers(self, backend: Backend) -> None:
        prefix = unique()
        made = [new_experiment(backend, f"{prefix}{n}") for n in range(12)]
        found = search(backend, prefix, order_by=["experiment_id"])
        assert [one.experiment_id for one in found] == made

    def test_pages(self, backend: Backend) -> None:
        prefix = unique()
        made = [new_experiment(backend, f"{prefix}{n % 3}{'x' * n}") for n in range(11)]
        for order_by in ([], ["name DESC"], ["creation_time"], ["last_update_time", "name"], ["experiment_id DESC"]):
            whole = [one.experiment_id for one in search(backend, prefix, order_by=order_by)]
            assert sorted(whole) == sorted(made)
            for size in (1, 3, 10, 11, 12):
                arg = SearchExperiments(max_results=size, filter=f"name LIKE '{prefix}%'", order_by=order_by)
                cut = [
                    [one.experiment_id for one in page]
                    for page in pages(backend, experiments.search, arg, "experiments")
                ]
                assert [one for page in cut for one in page] == whole
                assert [len(page) for page in cut] == [size] * (11 // size) + ([11 % size] if 11 % size else [])

    @pytest.mark.parametrize("order_by", [[], ["name"], ["name DESC"], ["experiment_id"]])
    def test_pages_while_experiments_arrive(self, backend: Backend, order_by: list[str]) -> None:
        prefix = unique()
        made = [new_experiment(backend, f"{prefix}{n}") for n in range(9)]
        arg = SearchExperiments(max_results=2, filter=f"name LIKE '{prefix}%'", order_by=order_by)
        found = []
        for number, page in enumerate(pages(backend, experiments.search, arg, "experiments")):
            found += [one.experiment_id for one in page]
            if number < 5:
                new_experiment(backend, f"{prefix}{number}-")
        assert len(found) == len(set(found))
        assert sorted(one for one in found if one in made) == sorted(made)

    @pytest.mark.parametrize("size", [0, -1])
    def test_page_too_small(self, backend: Backend, size: int) -> None:
        text = f"Invalid value {size} for parameter 'max_results' supplied. It must be a positive integer"
        with refused(InvalidParameter, text):
            backend.call(experiments.search, SearchExperiments(max_results=size))

    def test_page_too_large(self, backend: Backend) -> None:
        text = "Invalid value 50001 for parameter 'max_results' supplied. It must be at most 50000"
        with refused(InvalidParameter, text):
            backend.call(experiments.search, SearchExperiments(max_results=50_001))

    @pytest.mark.parametrize("token", ["x", "e30=", "WzEsMl0=", "é"])
    def test_bad_token(self, backend: Backend, token: str) -> None:
        with refused(InvalidParameter, starts="Invalid page token"):
            backend.call(experiments.search, SearchExperiments(max_results=1, page_token=token))

    @pytest.mark.parametrize(
        ("filter", "starts"),
        [
            ("foo.bar = 'x'", "Invalid entity type 'foo'. Valid entity types are ('attribute', 'tag', 'tags')"),
            (
                "attributes.name = 'x'",
                "Invalid entity type 'attributes'. Valid entity types are ('attribute', 'tag', 'tags')",
            ),
            ("nope = 'x'", "Invalid attribute key 'nope' specified. Valid keys are '{"),
            ("creation_time LIKE 1", "Invalid comparator"),
            ("name = 5", "Expected a quoted string value for attributes. Got value 5"),
            ("name = 'x' XOR name = 'y'", "Invalid clause(s) in filter string: XOR"),
        ],
    )
    def test_bad_filter(self, backend: Backend, filter: str, starts: str) -> None:
        with refused(InvalidParameter, starts=starts):
            search(backend, "", filter)

    @pytest.mark.parametrize(
        ("order_by", "starts"),
        [
            ("nope", "Invalid attribute key 'nope' specified. Valid keys are '{"),
            ("name WRONG", "Invalid ordering key in order_by clause 'name WRONG'."),
            ("name DESC ASC", "Invalid order_by clause 'name DESC ASC'. Could not be parsed."),
            ("", "Invalid order_by clause ''. Could not be parsed."),
            ("tags.k", "Invalid order_by entity: tag"),
        ],
    )
    def test_bad_order(self, backend: Backend, order_by: str, starts: str) -> None:
        with refused(InvalidParameter, starts=starts):
            search(backend, "", order_by=[order_by])
