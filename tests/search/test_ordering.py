"""Sort keys: what MLflow reads, and its sentences for what it does not."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.errors import FilterError, InvalidParameter
from tidemill.search.fields import EXPERIMENTS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS
from tidemill.search.grammar import Field, OrderBy, parse_order_by
from tidemill.search.ordering import MAX_SORTS


def by(kind, key, descending=False):
    return OrderBy(Field(kind, key), descending)


@pytest.mark.parametrize(
    "noun, clause, found",
    [
        (RUNS, "metrics.a", by("metric", "a")),
        (RUNS, "metric.a ASC", by("metric", "a")),
        (RUNS, "metrics.a  desc", by("metric", "a", True)),
        (RUNS, "metrics.a\tDesc", by("metric", "a", True)),
        (RUNS, "metrics.`a b` DESC", by("metric", "a b", True)),
        (RUNS, 'metrics."a/b"', by("metric", "a/b")),
        (RUNS, "metrics.`a DESC`", by("metric", "a DESC")),
        (RUNS, "metrics.`a`desc", by("metric", "a", True)),
        (RUNS, "`metrics`.`a` DESC", by("metric", "a", True)),
        (RUNS, "`metrics.a` DESC", by("metric", "a", True)),
        (RUNS, "metrics.desc DESC", by("metric", "desc", True)),
        (RUNS, "metrics.a.b", by("metric", "a.b")),
        (RUNS, "param.lr", by("param", "lr")),
        (RUNS, "tag.mlflow.user ASC", by("tag", "mlflow.user")),
        (RUNS, "start_time DESC", by("attribute", "start_time", True)),
        (RUNS, "attribute.Created", by("attribute", "start_time")),
        (RUNS, "duration desc", by("attribute", "duration", True)),
        (EXPERIMENTS, "name", by("attribute", "name")),
        (EXPERIMENTS, "attribute.last_update_time DESC", by("attribute", "last_update_time", True)),
        (EXPERIMENTS, "`name` DESC", by("attribute", "name", True)),
        (REGISTERED_MODELS, "timestamp DESC", by("attribute", "last_updated_timestamp", True)),
        (REGISTERED_MODELS, "last_updated_timestamp", by("attribute", "last_updated_timestamp")),
        (MODEL_VERSIONS, "version_number desc", by("attribute", "version_number", True)),
        (MODEL_VERSIONS, "creation_timestamp", by("attribute", "creation_timestamp")),
    ],
)
def test_one(noun, clause, found):
    assert parse_order_by([clause], noun) == (found,)


def test_several():
    assert parse_order_by([], RUNS) == ()
    clauses = ["metrics.a DESC", "params.a", "start_time"]
    assert parse_order_by(clauses, RUNS) == (by("metric", "a", True), by("param", "a"), by("attribute", "start_time"))


@pytest.mark.parametrize(
    "noun, clause, message",
    [
        *[
            (noun, clause, f"Invalid order_by clause '{clause}'. Could not be parsed.")
            for noun in (RUNS, EXPERIMENTS, REGISTERED_MODELS, MODEL_VERSIONS)
            for clause in (
                *("", "  ", "ASC", "name ", " name", "name ASC DESC", "name; x", "name, x", "name = 0", "1", "'name'"),
                *("(name)", "`name", "name DESC NULLS LAST", "metrics.a-b"),
            )
        ],
        (RUNS, "metrics.a A", "Invalid ordering key in order_by clause 'metrics.a A'."),
        (RUNS, "attribute.run_id decs", "Invalid ordering key in order_by clause 'attribute.run_id decs'."),
        (EXPERIMENTS, "name x", "Invalid ordering key in order_by clause 'name x'."),
        (RUNS, "`metrics.A`", "Invalid entity type '`metrics'. Valid values are ['metric', 'parameter', 'tag', "),
        (RUNS, "foo.x", "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', "),
        (RUNS, "x", "Invalid attribute key 'x' specified. Valid keys are '{'run_id', "),
        (RUNS, "datasets.name", "Invalid identifier type 'dataset'"),
        (EXPERIMENTS, "tags.a", "Invalid order_by entity: tag"),
        (
            EXPERIMENTS,
            "attributes.name",
            "Invalid entity type 'attributes'. Valid entity types are ('attribute', 'tag', ",
        ),
        (
            EXPERIMENTS,
            "lifecycle_stage",
            "Invalid attribute key 'lifecycle_stage' specified. "
            "Valid keys are '{'name', 'experiment_id', 'creation_time', 'last_update_time'}'",
        ),
        (REGISTERED_MODELS, "x DESC", "Invalid order by key 'x' specified. Valid keys are '{'timestamp', 'name'}'"),
        (REGISTERED_MODELS, "attribute.name", "Invalid order by key 'attribute.name' specified. Valid keys are '{"),
        (
            MODEL_VERSIONS,
            "run_id",
            "Invalid attribute key 'run_id' specified. Valid keys are '{'name', 'version_number', ",
        ),
        (MODEL_VERSIONS, "tags.a", "Invalid order by key 'a' specified. Valid keys are {'name', "),
    ],
)
def test_mistakes(noun, clause, message):
    with pytest.raises(FilterError) as caught:
        parse_order_by([clause], noun)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "noun, clauses",
    [
        (RUNS, ["metrics.a", "metric.a DESC"]),
        (RUNS, ["start_time", "Created"]),
        (REGISTERED_MODELS, ["timestamp", "last_updated_timestamp"]),
        (MODEL_VERSIONS, ["name", "name"]),
    ],
)
def test_duplicates_are_the_callers_mistake(noun, clauses):
    with pytest.raises(InvalidParameter) as caught:
        parse_order_by(clauses, noun)
    assert str(caught.value) == f"`order_by` contains duplicate fields: {clauses}"
    assert caught.value.status == 400


def test_experiments_may_name_a_field_twice_and_the_first_counts():
    assert parse_order_by(["name DESC", "attribute.name"], EXPERIMENTS) == (by("attribute", "name", True),)


def test_too_many():
    with pytest.raises(FilterError, match="at most 50 fields, not 51"):
        parse_order_by([f"metrics.m{n}" for n in range(MAX_SORTS + 1)], RUNS)


@given(st.text())
def test_any_text(clause):
    with contextlib.suppress(FilterError):
        parse_order_by([clause], RUNS)
