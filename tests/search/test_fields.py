"""What each noun lets a caller search and sort by, as the documentation lists it."""

import re
from pathlib import Path

import pytest

from tidemill.errors import FilterError
from tidemill.search.fields import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    RUNS,
    Field,
    logged_model_order_field,
    unquote,
)
from tidemill.search.grammar import Comparison, parse_filter, parse_order_by

NOUNS = (RUNS, EXPERIMENTS, LOGGED_MODELS, REGISTERED_MODELS, MODEL_VERSIONS)
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "search.md"


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_every_attribute_can_be_searched_by_every_name(noun):
    for name, attribute in noun.filters.items():
        value = 1 if attribute.shape == "number" else "x"
        tree = parse_filter(f"`{name}` = {value!r}", noun)
        assert isinstance(tree, Comparison)
        assert (tree.field, tree.value) == (Field("attribute", attribute.key), value)


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_every_entity_can_be_searched_by_every_name(noun):
    for name, kind in noun.entities.items():
        key = next(iter(noun.filters)) if kind == "attribute" else "name"
        value = 1 if kind == "metric" else "x"
        tree = parse_filter(f"{name}.{key} = {value!r}", noun)
        assert isinstance(tree, Comparison)
        assert tree.field == Field(kind, key)


@pytest.mark.parametrize("noun", [noun for noun in NOUNS if noun is not LOGGED_MODELS], ids=lambda noun: noun.name)
def test_every_sort_key(noun):
    for name, attribute in noun.sorts.items():
        quoted = name if name.isidentifier() else f"`{name}`"
        assert [one.field for one in parse_order_by([quoted], noun)] == [Field("attribute", attribute.key)]


def test_logged_model_sort_keys():
    assert logged_model_order_field("creation_time") == Field("attribute", "creation_timestamp")
    for name in ("name", "model_id", "model_type", "status", "source_run_id", "last_updated_timestamp"):
        assert logged_model_order_field(name) == Field("attribute", name)
    assert logged_model_order_field("metrics.a b.c") == Field("metric", "a b.c")
    assert logged_model_order_field("metrics.`a b`") == Field("metric", "a b")


@pytest.mark.parametrize(
    "name, message",
    [
        ("params.x", "Invalid order by field name: params.x. Only metrics are supported."),
        ("attributes.name", "Invalid order by field name: attributes.name. Only metrics are supported."),
        ("x", "Invalid order by field name: x"),
        ("artifact_uri", "Invalid order by field name: artifact_uri"),
        ("metrics", "Invalid order by field name: metrics"),
        ("", "Invalid order by field name: "),
    ],
)
def test_wrong_logged_model_sort_keys(name, message):
    with pytest.raises(FilterError) as caught:
        logged_model_order_field(name)
    assert str(caught.value) == message


def test_unquote():
    assert [unquote(text) for text in ("a", "`a`", '"a"', "'a'", "`a``b`", "`", "``", "`a'")] == [
        "a", "a", "a", "a", "a`b", "`", "", "`a'",
    ]  # fmt: skip


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_the_page_lists_every_field(noun):
    """The table of fields in the documentation has a row for each attribute, with its aliases and what it can do."""
    section = PAGE.read_text().split(f"### {noun.name.capitalize()}\n")[1].split("\n#")[0]
    rows = {
        cells[0].strip("` "): [cell.strip() for cell in cells[1:]]
        for cells in (line.strip("| ").split("|") for line in section.splitlines() if line.startswith("| `"))
    }
    assert set(rows) == {attribute.key for attribute in noun.attributes}
    for attribute in noun.attributes:
        aliases, shape, filterable, sortable = rows[attribute.key][:4]
        assert set(re.findall(r"`+ ?([^`]+?) ?`+", aliases)) == set(attribute.aliases)
        assert (shape, filterable, sortable) == (
            attribute.shape,
            "yes" if attribute.filterable else "no",
            "yes" if attribute.sortable else "no",
        )
    assert set(re.findall(r"`(\w+)\.`", section)) == set(noun.entities)
