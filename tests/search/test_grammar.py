"""The filter language: MLflow's filters as they are, MLflow's sentences for mistakes, our extensions, and no text that
ends in anything but a tree or a FilterError."""

import json
import math
import sys

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tidemill.errors import FilterError
from tidemill.search.fields import EXPERIMENTS, LOGGED_MODELS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS, Noun
from tidemill.search.grammar import (
    MAX_COMPARISONS,
    MAX_DEPTH,
    MAX_HEIGHT,
    MAX_MEMBERS,
    And,
    Comparison,
    Expr,
    Field,
    Not,
    Op,
    Or,
    parse_filter,
)
from tidemill.search.tokens import MAX_TEXT, MAX_TOKENS

NOUNS = (RUNS, EXPERIMENTS, LOGGED_MODELS, REGISTERED_MODELS, MODEL_VERSIONS)


def leaf(name, op, value=None):
    kind, _, key = name.partition(":")
    return Comparison(Field(kind, key), op, value)


A = leaf("metric:a", Op.GT, 1)
B = leaf("param:b", Op.EQ, "x")
C = leaf("tag:c", Op.NE, "y")
TEXTS = {A: "metrics.a > 1", B: "params.b = 'x'", C: "tags.c != 'y'"}


def refused(text: str, noun: Noun = RUNS) -> FilterError:
    with pytest.raises(FilterError) as caught:
        parse_filter(text, noun)
    return caught.value


# ---- what MLflow reads, read alike. Each row was checked against MLflow 3's own parser. ----

MLFLOW_RUNS = [
    ("metric.a = 1", leaf("metric:a", Op.EQ, 1)),
    ("metrics.a>1", leaf("metric:a", Op.GT, 1)),
    ("metrics.a >= -1", leaf("metric:a", Op.GE, -1)),
    ("metrics.a<=1.5", leaf("metric:a", Op.LE, 1.5)),
    ("metrics.a != 1e-3", leaf("metric:a", Op.NE, 0.001)),
    ("metrics.a < .5", leaf("metric:a", Op.LT, 0.5)),
    ("metrics.a > 1.", leaf("metric:a", Op.GT, 1.0)),
    ("metrics.a > 1e400", leaf("metric:a", Op.GT, math.inf)),
    ("metrics.a > 99999999999999999999", leaf("metric:a", Op.GT, 1e20)),
    ("metrics.`a b` > 1", leaf("metric:a b", Op.GT, 1)),
    ('metrics."a/b-c" > 1', leaf("metric:a/b-c", Op.GT, 1)),
    ("metrics.'a b' > 1", leaf("metric:a b", Op.GT, 1)),
    ("`metrics`.`a` > 1", leaf("metric:a", Op.GT, 1)),
    ("metrics.a.b > 1", leaf("metric:a.b", Op.GT, 1)),
    ("metrics.1a > 1", leaf("metric:1a", Op.GT, 1)),
    ("metrics.count > 1", leaf("metric:count", Op.GT, 1)),
    ('metrics.`a"b` > 1', leaf('metric:a"b', Op.GT, 1)),
    ("param.a = 'x'", leaf("param:a", Op.EQ, "x")),
    ("parameter.a = 'x'", leaf("param:a", Op.EQ, "x")),
    ('parameters.a != "it\'s"', leaf("param:a", Op.NE, "it's")),
    ("params.a like '%x_'", leaf("param:a", Op.LIKE, "%x_")),
    ("params.a ILike 'X'", leaf("param:a", Op.ILIKE, "X")),
    ("params.a LIKE'x'", leaf("param:a", Op.LIKE, "x")),
    ("params.a = ''", leaf("param:a", Op.EQ, "")),
    ("params.a = 'it''s'", leaf("param:a", Op.EQ, "it''s")),
    (r"params.a = 'it\'s'", leaf("param:a", Op.EQ, r"it\'s")),
    (r"params.a = 'C:\'", leaf("param:a", Op.EQ, "C:\\")),
    ('params.a = "say ""hi"""', leaf("param:a", Op.EQ, 'say ""hi""')),
    ("params.a = 'x IS NULL y'", leaf("param:a", Op.EQ, "x IS NULL y")),
    ("params.日本 = 'é'", leaf("param:日本", Op.EQ, "é")),
    ("params.a IS NULL", leaf("param:a", Op.IS_NULL)),
    ("params.`a b` is not null", leaf("param:a b", Op.IS_NOT_NULL)),
    ("params.a IS\nNULL", leaf("param:a", Op.IS_NULL)),
    ("tag.a = 'x'", leaf("tag:a", Op.EQ, "x")),
    ("tags.mlflow.user = 'x'", leaf("tag:mlflow.user", Op.EQ, "x")),
    ('tags."mlflow.parentRunId" = "x"', leaf("tag:mlflow.parentRunId", Op.EQ, "x")),
    ("tags.`mlflow.source.name`='x'", leaf("tag:mlflow.source.name", Op.EQ, "x")),
    ("tags.and = 'AND'", leaf("tag:and", Op.EQ, "AND")),
    ("tags..a = 'x'", leaf("tag:.a", Op.EQ, "x")),
    ("status = 'FINISHED'", leaf("attribute:status", Op.EQ, "FINISHED")),
    ("attr.status LIKE 'F%'", leaf("attribute:status", Op.LIKE, "F%")),
    ('run.status != "RUNNING"', leaf("attribute:status", Op.NE, "RUNNING")),
    ("run_id IN ('a','B',)", leaf("attribute:run_id", Op.IN, ("a", "B"))),
    ("run_id not  in (\"a\", 'b')", leaf("attribute:run_id", Op.NOT_IN, ("a", "b"))),
    ("run_name = 'x'", leaf("attribute:run_name", Op.EQ, "x")),
    ("`Run name` = 'x'", leaf("attribute:run_name", Op.EQ, "x")),
    ("\"run name\" = 'x'", leaf("attribute:run_name", Op.EQ, "x")),
    ("attributes.`Run Name` = 'x'", leaf("attribute:run_name", Op.EQ, "x")),
    ("created > 1", leaf("attribute:start_time", Op.GT, 1)),
    ("attributes.Created >= 1.5", leaf("attribute:start_time", Op.GE, 1.5)),
    ("end_time != 5", leaf("attribute:end_time", Op.NE, 5)),
    ("user_id = 'x'", leaf("attribute:user_id", Op.EQ, "x")),
    ("artifact_uri LIKE 's3%'", leaf("attribute:artifact_uri", Op.LIKE, "s3%")),
    ("dataset.name = 'x'", leaf("dataset:name", Op.EQ, "x")),
    ("datasets.context NOT IN ('a')", leaf("dataset:context", Op.NOT_IN, ("a",))),
    ("datasets.digest ILIKE 'x'", leaf("dataset:digest", Op.ILIKE, "x")),
    ("metrics.a > 1 AND params.b='x'and tags.c != 'y'", And((A, B, C))),
    ("metrics.a > 1 \n AND params.b = 'x'", And((A, B))),
    ("params.b = 'x'AND metrics.a > 1", And((B, A))),
    # Leniencies of MLflow's parser that scripts may lean on.
    ("metrics.a > 1 params.b = 'x'", And((A, B))),
    ("AND metrics.a > 1 AND AND params.b = 'x' AND", And((A, B))),
]


@pytest.mark.parametrize("text, tree", MLFLOW_RUNS)
def test_runs_as_in_mlflow(text, tree):
    assert parse_filter(text, RUNS) == tree


@pytest.mark.parametrize(
    "noun, text, tree",
    [
        (EXPERIMENTS, "name = 'x'", leaf("attribute:name", Op.EQ, "x")),
        (EXPERIMENTS, "attribute.name ILIKE 'x%'", leaf("attribute:name", Op.ILIKE, "x%")),
        (EXPERIMENTS, "creation_time > 1", leaf("attribute:creation_time", Op.GT, 1)),
        (EXPERIMENTS, "attribute.last_update_time <= 5", leaf("attribute:last_update_time", Op.LE, 5)),
        (EXPERIMENTS, "tag.a = 'x'", leaf("tag:a", Op.EQ, "x")),
        (EXPERIMENTS, "tags.`a b` IS NULL", leaf("tag:a b", Op.IS_NULL)),
        (REGISTERED_MODELS, "name LIKE 'x%'", leaf("attribute:name", Op.LIKE, "x%")),
        (REGISTERED_MODELS, "name IN ('a')", leaf("attribute:name", Op.IN, ("a",))),
        (
            REGISTERED_MODELS,
            "tags.`mlflow.prompt.is_prompt` != 'false'",
            leaf("tag:mlflow.prompt.is_prompt", Op.NE, "false"),
        ),
        (MODEL_VERSIONS, "run_id IN ('a', 'b')", leaf("attribute:run_id", Op.IN, ("a", "b"))),
        (MODEL_VERSIONS, "version_number >= 2", leaf("attribute:version_number", Op.GE, 2)),
        (MODEL_VERSIONS, "version_number = '2'", leaf("attribute:version_number", Op.EQ, 2)),
        (MODEL_VERSIONS, "source_path LIKE 's3%'", leaf("attribute:source_path", Op.LIKE, "s3%")),
        (LOGGED_MODELS, "attributes.name = 'x'", leaf("attribute:name", Op.EQ, "x")),
        (LOGGED_MODELS, "name = x", leaf("attribute:name", Op.EQ, "x")),
        (LOGGED_MODELS, "attributes.name = 1", leaf("attribute:name", Op.EQ, "1")),
        (LOGGED_MODELS, "attributes.name IN ('x',)", leaf("attribute:name", Op.IN, ("x",))),
        (LOGGED_MODELS, "attributes.creation_time > 1", leaf("attribute:creation_timestamp", Op.GT, 1)),
        (LOGGED_MODELS, "attributes.last_updated_timestamp < 1", leaf("attribute:last_updated_timestamp", Op.LT, 1)),
        (LOGGED_MODELS, "attributes.status = 2", leaf("attribute:status", Op.EQ, "LOGGED_MODEL_READY")),
        (LOGGED_MODELS, "attributes.status != '1'", leaf("attribute:status", Op.NE, "LOGGED_MODEL_PENDING")),
        (LOGGED_MODELS, "status IN ('READY')", leaf("attribute:status", Op.IN, ("LOGGED_MODEL_READY",))),
        (LOGGED_MODELS, "metrics.a > -1.5E3", leaf("metric:a", Op.GT, -1500.0)),
        (LOGGED_MODELS, "metrics.a < inf", leaf("metric:a", Op.LT, math.inf)),
        (LOGGED_MODELS, "metrics.val-loss < 1", leaf("metric:val-loss", Op.LT, 1)),
        (LOGGED_MODELS, "params.x-y = 'z'", leaf("param:x-y", Op.EQ, "z")),
        (LOGGED_MODELS, 'params.`a b` NOT IN ("x")', leaf("param:a b", Op.NOT_IN, ("x",))),
        (LOGGED_MODELS, "params.lr = 0.01", leaf("param:lr", Op.EQ, 0.01)),
        (LOGGED_MODELS, "tags.a = x", leaf("tag:a", Op.EQ, "x")),
        (LOGGED_MODELS, "tags.a NOT IN ()", leaf("tag:a", Op.IS_NOT_NULL)),
        (
            LOGGED_MODELS,
            "name IN ()",
            And((leaf("attribute:name", Op.IS_NULL), leaf("attribute:name", Op.IS_NOT_NULL))),
        ),
    ],
)
def test_other_nouns_as_in_mlflow(noun, text, tree):
    assert parse_filter(text, noun) == tree


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_empty_matches_everything(noun, text):
    assert parse_filter(text, noun) is None


# ---- what is ours ----


@pytest.mark.parametrize(
    "text, tree",
    [
        ("metrics.a > 1 OR params.b = 'x' AND tags.c != 'y'", Or((A, And((B, C))))),
        ("(metrics.a > 1 or params.b = 'x') AND tags.c != 'y'", And((Or((A, B)), C))),
        ("NOT metrics.a > 1 AND params.b = 'x'", And((Not(A), B))),
        ("not (metrics.a > 1 and params.b = 'x')", Not(And((A, B)))),
        ("NOT NOT metrics.a > 1", A),
        ("NOT (NOT (NOT metrics.a > 1))", Not(A)),
        ("((metrics.a > 1))", A),
        ("(metrics.a > 1 AND params.b = 'x') AND tags.c != 'y'", And((A, B, C))),
        ("metrics.a > 1 OR (params.b = 'x' OR (tags.c != 'y'))", Or((A, B, C))),
        ("NOT (NOT (metrics.a > 1 AND params.b = 'x')) AND tags.c != 'y'", And((A, B, C))),
        ("NOT(metrics.a > 1)OR(params.b = 'x')", Or((Not(A), B))),
        ("metrics.a IN (1, 2.5)", leaf("metric:a", Op.IN, (1, 2.5))),
        ("start_time NOT IN (1)", leaf("attribute:start_time", Op.NOT_IN, (1,))),
        ("params.a IN ('x', 'y')", leaf("param:a", Op.IN, ("x", "y"))),
        ("params.lr IN (0.1, 1)", leaf("param:lr", Op.IN, (0.1, 1))),
        ("status NOT IN ('FAILED', 'KILLED')", leaf("attribute:status", Op.NOT_IN, ("FAILED", "KILLED"))),
        ("metrics.a IS NULL", leaf("metric:a", Op.IS_NULL)),
        ("end_time IS NOT NULL", leaf("attribute:end_time", Op.IS_NOT_NULL)),
        ("datasets.name IS NULL", leaf("dataset:name", Op.IS_NULL)),
        ("params.a NOT LIKE 'x'", leaf("param:a", Op.NOT_LIKE, "x")),
        ("params.a not ilike 'x'", leaf("param:a", Op.NOT_ILIKE, "x")),
        ("params.a RLIKE '^a[0-9]+$'", leaf("param:a", Op.RLIKE, "^a[0-9]+$")),
        ("run_name NOT RLIKE 'x|y'", leaf("attribute:run_name", Op.NOT_RLIKE, "x|y")),
        ("params.lr < 0.1", leaf("param:lr", Op.LT, 0.1)),
        ("params.lr = 1", leaf("param:lr", Op.EQ, 1)),
        ("tags.n >= -2", leaf("tag:n", Op.GE, -2)),
        ("params.lr < '0.1'", leaf("param:lr", Op.LT, "0.1")),
        ("user_id >= 'm'", leaf("attribute:user_id", Op.GE, "m")),
        ("duration > 60000", leaf("attribute:duration", Op.GT, 60000)),
        ("experiment_id = '1'", leaf("attribute:experiment_id", Op.EQ, "1")),
        ("lifecycle_stage = 'active'", leaf("attribute:lifecycle_stage", Op.EQ, "active")),
        ("tags.`a``b` = 'x'", leaf("tag:a`b", Op.EQ, "x")),
        ("metrics.1 > 1", leaf("metric:1", Op.GT, 1)),
        ("tags.from = 'x'", leaf("tag:from", Op.EQ, "x")),
        (r"""tags.a = E'it\'s \"x\"\n\u00e9\ud83d\ude00'""", leaf("tag:a", Op.EQ, 'it\'s "x"\né😀')),
        (r'tags.a IN (e"\\", "y")', leaf("tag:a", Op.IN, ("\\", "y"))),
        ("metrics.a > -1.5E+3", leaf("metric:a", Op.GT, -1500.0)),
    ],
)
def test_extensions(text, tree):
    assert parse_filter(text, RUNS) == tree


@pytest.mark.parametrize("noun", NOUNS)
def test_extensions_in_every_noun(noun):
    one = leaf("tag:a", Op.LT, 2)
    two = leaf("attribute:name", Op.RLIKE, "x") if noun is not RUNS else leaf("attribute:run_name", Op.RLIKE, "x")
    name = two.field.key
    text = f"NOT (tags.a < 2 OR {name} RLIKE 'x') AND {name} IS NOT NULL AND {name} IN ('a') OR {name} NOT LIKE 'b'"
    three, four = Comparison(two.field, Op.IS_NOT_NULL, None), Comparison(two.field, Op.IN, ("a",))
    five = Comparison(two.field, Op.NOT_LIKE, "b")
    assert parse_filter(text, noun) == Or((And((Not(Or((one, two))), three, four)), five))


def test_experiment_attributes():
    text = "artifact_location LIKE 's3:%' AND lifecycle_stage = 'deleted' AND experiment_id IN ('1', '2')"
    assert parse_filter(text, EXPERIMENTS) == And(
        (
            leaf("attribute:artifact_location", Op.LIKE, "s3:%"),
            leaf("attribute:lifecycle_stage", Op.EQ, "deleted"),
            leaf("attribute:experiment_id", Op.IN, ("1", "2")),
        )
    )


def test_whole_numbers_stay_whole_within_64_bits():
    for text, value in (("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)), ("7", 7)):
        found = parse_filter(f"start_time = {text}", RUNS)
        assert isinstance(found, Comparison)
        assert found.value == value
        assert type(found.value) is int
    found = parse_filter("start_time = 9223372036854775808", RUNS)
    assert isinstance(found, Comparison)
    assert type(found.value) is float


def test_positions():
    tree = parse_filter("  metrics.a > 1 AND (params.b = 'x' OR NOT tags.c != 'y')", RUNS)
    assert isinstance(tree, And)
    either = tree.items[1]
    assert isinstance(either, Or)
    assert isinstance(either.items[1], Not)
    assert [item.position for item in (tree.items[0], either.items[0], either.items[1].item)] == [2, 21, 43]


# ---- MLflow's sentences, to the letter, with the place appended ----

ENTITIES = "Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']"
QUOTES = "Use either single or double quotes."
UNQUOTED = "Parameter value is either not quoted or unidentified quote types used for string value"
LIST = "While parsing a list in the query, expected"
OTHER_TYPE = f"{LIST} string value, punctuation, or whitespace, but got different type in list:"
ILL_FORMED = f"{LIST} a non-empty list of string values, but got ill-formed list."
TWO = "metrics.a > 1; metrics.b > 1"

RUN_ERRORS = [
    (TWO, f"Search filter contained multiple expression '{TWO}'. Provide AND-ed expression list.", 13),
    ("metrics.a > 1;", "Invalid clause(s) in filter string: ';'", 13),
    ("metrics.A > 0.1 NAND params.B = 'LR'", "Invalid clause(s) in filter string: 'NAND'", 16),
    ("params.a = 'x' 'b'", "Invalid clause(s) in filter string: ''b''", 15),
    ("metrics.a >", "Invalid clause(s) in filter string: 'metrics.a', '>'", 0),
    ("> 1", "Invalid clause(s) in filter string: '>', '1'", 0),
    ("foo", "Invalid clause(s) in filter string: 'foo'", 0),
    ("`metrics.A > 0.1", "Invalid clause(s) in filter string: '`'", 0),
    ("param`.A > 0.1", "Invalid clause(s) in filter string: 'param', '`', '.'", 0),
    ("params.acc = 'LR", "Invalid clause(s) in filter string: 'params.acc', '=', ''', 'LR'", 0),
    ("params.a = = 'x'", "Invalid clause(s) in filter string: 'params.a', '=', '=', ''x''", 0),
    ("params.a IS 'x'", "Invalid clause(s) in filter string: 'params.a', 'IS', ''x''", 0),
    ("params.a IS NOT 'x'", "Invalid clause(s) in filter string: 'params.a', 'IS', 'NOT', ''x''", 0),
    ("run_id IN 'a'", "Invalid clause(s) in filter string: 'run_id', 'IN', ''a''", 0),
    ("run_id IN ('a'", "Invalid clause(s) in filter string: 'run_id', 'IN', '(', ''a''", 0),
    ("1 < metrics.a", "Invalid comparison clause. Expected 'Identifier' found '1'", 0),
    ("'a' = 'b'", "Invalid comparison clause. Expected 'Identifier' found ''a''", 0),
    ("metrics.a-b > 1", "Invalid comparison clause. Expected 'Identifier' found 'metrics.a-b'", 0),
    ("metrics.a/b > 1", "Invalid comparison clause. Expected 'Identifier' found 'metrics.a/b'", 0),
    ("foo.x = 'x'", f"Invalid entity type 'foo'. {ENTITIES}", 0),
    ("METRICS.a > 1", f"Invalid entity type 'METRICS'. {ENTITIES}", 0),
    ("`metrics.a` > 1", "Invalid entity type '`metrics'. Valid values are", 0),
    ("x = 'x'", "Invalid attribute key 'x' specified. Valid keys are '{'run_id', 'run_name', ", 0),
    ("attributes.`x y` = 'x'", "Invalid attribute key 'x y' specified. Valid keys are '{", 0),
    ("RUN_ID = 'x'", "Invalid attribute key 'RUN_ID' specified. Valid keys are '{", 0),
    ("datasets.x = 'x'", "Invalid dataset key 'x' specified. Valid keys are '{'name', 'digest', 'context'}'", 0),
    ("start_time > 'x'", "Expected numeric value type for numeric attribute: start_time. Found 'x'", 13),
    ("created > x", "Expected numeric value type for numeric attribute: created. Found x", 10),
    ("start_time IN ('a')", "Expected numeric value type for numeric attribute: start_time. Found ('a')", 14),
    ("metrics.a = 'abc'", "Expected numeric value type for metric. Found 'abc'", 12),
    ("metrics.a = inf", "Expected numeric value type for metric. Found inf", 12),
    ("metrics.a > metrics.b", "Expected numeric value type for metric. Found metrics.b", 12),
    ("metrics.a > (1)", "Expected numeric value type for metric. Found (1)", 12),
    ("metrics.a LIKE 1", "Invalid comparator 'LIKE' not one of '{'=', '!=', ", 10),
    ("metrics.a == 1", "Invalid comparator '==' not one of '{", 10),
    ("params.a ~ 'x'", "Invalid comparator '~' not one of '{", 9),
    ("tags.a <> 'x'", "Invalid comparator '<>' not one of '{", 7),
    ("params.a REGEXP 'x'", "Invalid comparator 'REGEXP' not one of '{", 9),
    ("status =~ 'x'", "Invalid comparator '=~' not one of '{", 7),
    ("datasets.name == 'x'", "Invalid comparator '==' not one of '{", 14),
    ("start_time LIKE 1", "Invalid comparator 'LIKE' not one of '{", 11),
    ("tags.a LIKE 123", "Expected a quoted string value for tag (e.g. 'my-value'). Got value 123", 12),
    ("params.a = null", "Expected a quoted string value for parameter (e.g. 'my-value'). Got value null", 11),
    ("status = 1", "Expected a quoted string value for attributes. Got value 1", 9),
    ("datasets.name = 1", "Expected a quoted string value for dataset attributes. Got value 1", 16),
    ("params.acc = LR", f"{UNQUOTED} LR. {QUOTES}", 13),
    ("params.a = `x`", f"{UNQUOTED} `x`. {QUOTES}", 11),
    ("run_id IN ()", "While parsing a list in the query, expected a non-empty list of string values, but got empty list", 10),
    ("run_id IN (,'a')", ILL_FORMED, 10),
    ("run_id IN ('a' 'b')", ILL_FORMED, 10),
    ("run_id IN ('a', 1)", f"{OTHER_TYPE} ('a', 1)", 10),
    ("params.a IN ('a', 1)", f"{OTHER_TYPE} ('a', 1)", 12),
    ("datasets.name IN (1)", f"{OTHER_TYPE} (1,)", 17),
]  # fmt: skip


@pytest.mark.parametrize("text, message, position", RUN_ERRORS)
def test_run_errors(text, message, position):
    error = refused(text)
    assert str(error).startswith(message)
    assert f'(at character {position + 1}: "' in str(error)
    assert (error.text, error.position, error.status) == (text, position, 400)


ONLY = "Valid entity types are ('attribute', 'tag', 'tags')"


@pytest.mark.parametrize(
    "noun, text, message",
    [
        (EXPERIMENTS, "attributes.name = 'x'", f"Invalid entity type 'attributes'. {ONLY}"),
        (EXPERIMENTS, "metrics.a > 1", f"Invalid entity type 'metrics'. {ONLY}"),
        (EXPERIMENTS, "x = 'x'", "Invalid attribute key 'x' specified. Valid keys are '{'name', 'experiment_id', "),
        (EXPERIMENTS, "name == 'x'", "Invalid comparator '==' not one of '{"),
        (EXPERIMENTS, "creation_time LIKE 1", "Invalid comparator 'LIKE' not one of '{"),
        (EXPERIMENTS, "tags.a ~ 'x'", "Invalid comparator for tag: ~ "),
        (EXPERIMENTS, "name = 'a' XOR name = 'b'", "Invalid clause(s) in filter string: XOR "),
        (EXPERIMENTS, "name =", "Invalid clause(s) in filter string: name, = "),
        (EXPERIMENTS, "name = 1", "Expected a quoted string value for attributes. Got value 1"),
        (
            EXPERIMENTS,
            "creation_time = '1'",
            "Expected numeric value type for numeric attribute: creation_time. Found '1'",
        ),
        (
            EXPERIMENTS,
            "name = 'a'; name = 'b'",
            "Search filter contained multiple expression \"name = 'a'; name = 'b'\". ",
        ),
        (REGISTERED_MODELS, "x = 'x'", "Invalid attribute key 'x' specified. Valid keys are '{'name'}'"),
        (REGISTERED_MODELS, "timestamp > 1", "Invalid attribute key 'timestamp' specified. Valid keys are '{'name'}'"),
        (REGISTERED_MODELS, "params.a = 'x'", f"Invalid entity type 'params'. {ONLY}"),
        (REGISTERED_MODELS, "name ~ 'x'", "Invalid comparator for attribute: ~ "),
        (REGISTERED_MODELS, "tags.a == 'x'", "Invalid comparator for tag: == "),
        (
            REGISTERED_MODELS,
            "name = 1",
            "Expected a quoted string value or a list of quoted string values for attributes. Got value 1",
        ),
        (
            MODEL_VERSIONS,
            "creation_timestamp > 1",
            "Invalid attribute key 'creation_timestamp' specified. "
            "Valid keys are '{'name', 'run_id', 'source_path', 'version_number'}'",
        ),
        (MODEL_VERSIONS, "version_number LIKE 1", "Invalid comparator for attribute version_number: LIKE"),
        (MODEL_VERSIONS, "version_number = 'x'", "Invalid value for numeric attribute 'version_number': 'x'"),
        (MODEL_VERSIONS, "version_number = x", "Parameter value is either not quoted or unidentified quote types"),
        (MODEL_VERSIONS, "name = 1", "Only the '{"),
        (
            MODEL_VERSIONS,
            "run_id IN ()",
            "While parsing a list in the query, expected a non-empty list of string values",
        ),
        (
            LOGGED_MODELS,
            "foo.a = 'x'",
            "Invalid entity type: 'foo'. Expected one of ['attributes', 'metrics', 'params', 'tags'].",
        ),
        (LOGGED_MODELS, "metric.a > 1", "Invalid entity type: 'metric'. Expected one of"),
        (
            LOGGED_MODELS,
            "metrics.a LIKE 1",
            "Invalid comparison operator for metrics.a: 'LIKE'. Expected one of ('=', ",
        ),
        (LOGGED_MODELS, "name == 'x'", "Invalid comparison operator for attributes.name: '=='. Expected one of ("),
        (LOGGED_MODELS, "attributes.x = 'x'", "Invalid attribute key 'x' specified. Valid keys are '{'name', "),
        (
            LOGGED_MODELS,
            "foo",
            "Invalid filter string: 'foo'. Expected a list of comparisons separated by 'AND' "
            "(e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').",
        ),
        (
            LOGGED_MODELS,
            "metrics.a > 1; metrics.b > 1",
            "Invalid filter string: 'metrics.a > 1; metrics.b > 1'. Expected a single SQL expression.",
        ),
    ],
)
def test_errors_of_other_nouns(noun, text, message):
    assert str(refused(text, noun)).startswith(message)


# ---- mistakes in what is ours ----


@pytest.mark.parametrize(
    "text, bad, position",
    [
        ("metrics.a > 1 OR", "'OR'", 14),
        ("OR metrics.a > 1", "'OR'", 0),
        ("metrics.a > 1 OR OR params.b = 'x'", "'OR'", 17),
        ("metrics.a > 1 AND OR params.b = 'x'", "'OR'", 18),
        ("NOT", "'NOT'", 0),
        ("AND", "'AND'", 0),
        ("metrics.a > 1 AND NOT", "'NOT'", 18),
        ("metrics.a > 1 NOT params.b = 'x'", "'NOT'", 14),
        ("(metrics.a > 1", "'('", 0),
        ("metrics.a > 1 OR ((params.b = 'x')", "'('", 17),
        ("metrics.a > 1)", "')'", 13),
        ("()", "')'", 1),
        ("metrics.a > 1 (params.b = 'x')", "'('", 14),
        # MLflow's leniency about AND ends where its grammar ends.
        ("metrics.a > 1 OR params.b = 'x' tags.c != 'y'", "'tags.c'", 32),
        ("metrics.a > 1 params.b = 'x' OR tags.c != 'y'", "'params.b'", 14),
        ("metrics.a > 1 OR params.b = 'x' AND", "'AND'", 32),
        ("(metrics.a > 1 AND)", "')'", 18),
        ("NOT AND metrics.a > 1", "'AND'", 4),
    ],
)
def test_misplaced_words(text, bad, position):
    error = refused(text)
    assert str(error).startswith(f"Invalid clause(s) in filter string: {bad}")
    assert error.position == position


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "(?P<n>", "(a)\\1", "(" * 900, r"\8"])
def test_broken_patterns_are_refused(pattern):
    error = refused(f"params.a RLIKE '{pattern}'")
    assert str(error).startswith("Invalid regular expression: ")
    assert error.position == 15


def test_patterns_that_python_warns_about_are_fine():
    assert parse_filter("params.a RLIKE '[[a]'", RUNS) == leaf("param:a", Op.RLIKE, "[[a]")


def test_long_pattern():
    assert "at most 1000 characters" in str(refused(f"params.a RLIKE '{'a' * 1001}'"))


@pytest.mark.parametrize("text", [r"tags.a = E'\x'", r"tags.a = E'\ud800'", r"tags.a = E'\u0000'", "tags.a = 'a\0b'"])
def test_text_that_no_database_can_hold(text):
    assert refused(text).position is not None


def test_lone_surrogates_in_the_text():
    assert "not valid Unicode" in str(refused("tags.a = '\ud800'"))


# ---- limits ----


def test_nesting_limit():
    parse_filter("(" * MAX_DEPTH + "metrics.a > 1" + ")" * MAX_DEPTH, RUNS)
    parse_filter("NOT " * MAX_DEPTH + "metrics.a > 1", RUNS)
    parse_filter(" OR ".join(["NOT (metrics.a > 1)"] * MAX_DEPTH), RUNS)
    for text in (
        "(" * (MAX_DEPTH + 1) + "metrics.a > 1" + ")" * (MAX_DEPTH + 1),
        "NOT " * 50_000 + "metrics.a > 1",
        "NOT (" * 51 + "metrics.a > 1" + ")" * 51,
        "(" * 50_000,
    ):
        assert "may nest brackets and NOT at most 100 deep" in str(refused(text))


def test_height_limit():
    unit = "(metrics.a > 1 AND NOT (params.b = 'x' OR "
    parse_filter(unit * 6 + "tags.c != 'y'" + "))" * 6, RUNS)
    error = refused(unit * 7 + "tags.c != 'y'" + "))" * 7)
    assert str(error).startswith(f"A search text may nest AND, OR and NOT at most {MAX_HEIGHT} deep.")
    assert error.text[error.position or 0 :].startswith("params.b = 'x' OR tags.c")
    parse_filter("(metrics.a > 1 AND " * 99 + "metrics.a > 1" + ")" * 99, RUNS)


def test_number_of_comparisons():
    tree = parse_filter(" AND ".join(["metrics.a > 1"] * MAX_COMPARISONS), RUNS)
    assert isinstance(tree, And)
    assert len(tree.items) == MAX_COMPARISONS
    error = refused(" OR ".join(["metrics.a > 1"] * (MAX_COMPARISONS + 1)))
    assert str(error).startswith("A search text may hold at most 500 comparisons.")


def test_long_texts():
    run_ids = "run_id IN (" + ",".join(f"'{n:032x}'" for n in range(10_000)) + ")"
    found = parse_filter(run_ids, RUNS)
    assert isinstance(found, Comparison)
    assert len(found.value) == 10_000
    assert f"at most {MAX_TEXT} are allowed" in str(refused("x" * (MAX_TEXT + 1)))
    assert f"at most {MAX_TOKENS} words" in str(refused("(" * 99 + "a " * MAX_TOKENS))
    assert f"at most {MAX_MEMBERS} members" in str(refused(f"metrics.a IN ({'1,' * (MAX_MEMBERS + 1)})"))


@pytest.mark.parametrize(
    "unit", ["'", '"', "`", "E'", "\\'", "/*", "(", "a.", "a-", "1.", " ", "a b ", "=", ";", "''", "[1"]
)
def test_hostile_repetition_is_quick_and_short(unit):
    text = "tags.a = " + unit * (400_000 // len(unit)) + "x"
    assert len(str(refused(text))) < 5_000  # minutes, not milliseconds, where the lexer is quadratic


def test_deep_stack():
    """Parsing needs almost no stack of its own."""

    def down(n):
        return down(n - 1) if n else parse_filter("NOT (" * 50 + "metrics.a > 1" + ")" * 50, RUNS)

    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    assert down(sys.getrecursionlimit() - depth - 30) == A


# ---- properties ----

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_KEYS = st.one_of(
    st.from_regex(r"[a-z_][a-z0-9_.]{0,8}", fullmatch=True),
    _TEXT.filter(lambda key: key),
)
_NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
_COMPARING = st.sampled_from([Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE])
_LISTING = st.sampled_from([Op.IN, Op.NOT_IN])
_NULL = st.tuples(st.sampled_from([Op.IS_NULL, Op.IS_NOT_NULL]), st.none())
_NUMERIC = st.one_of(
    st.tuples(_COMPARING, _NUMBERS),
    st.tuples(_LISTING, st.lists(_NUMBERS, min_size=1, max_size=3).map(tuple)),
    _NULL,
)
_TEXTUAL = st.one_of(
    st.tuples(st.one_of(_COMPARING, st.sampled_from([Op.LIKE, Op.NOT_LIKE, Op.ILIKE, Op.NOT_ILIKE])), _TEXT),
    st.tuples(_LISTING, st.lists(_TEXT, min_size=1, max_size=3).map(tuple)),
    st.tuples(st.sampled_from([Op.RLIKE, Op.NOT_RLIKE]), st.sampled_from(["^a", "x+|y", "'\"", ""])),
    _NULL,
)


def _comparisons(fields, tests):
    return st.builds(lambda field, test: Comparison(field, *test), fields, tests)


_LEAVES = st.one_of(
    _comparisons(_KEYS.map(lambda key: Field("metric", key)), _NUMERIC),
    _comparisons(st.sampled_from([Field("attribute", "start_time"), Field("attribute", "duration")]), _NUMERIC),
    _comparisons(st.builds(Field, st.sampled_from(["param", "tag"]), _KEYS), st.one_of(_NUMERIC, _TEXTUAL)),
    _comparisons(st.sampled_from([Field("attribute", "run_name"), Field("dataset", "name")]), _TEXTUAL),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda items: And(tuple(items))),
        st.lists(inner, min_size=2, max_size=3).map(lambda items: Or(tuple(items))),
        inner.map(Not),
    ),
    max_leaves=8,
)


def render_value(value) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(map(render_value, value)) + ")"
    return "E" + json.dumps(value) if isinstance(value, str) else repr(value)


def render(tree: Expr) -> str:
    if isinstance(tree, Comparison):
        key = "`" + tree.field.key.replace("`", "``") + "`"
        test = tree.op.value if tree.value is None else f"{tree.op.value} {render_value(tree.value)}"
        return f"{tree.field.kind}.{key} {test}"
    if isinstance(tree, Not):
        return f"NOT {render(tree.item) if isinstance(tree.item, Comparison) else f'({render(tree.item)})'}"
    inside = [render(one) if isinstance(one, Comparison) else f"({render(one)})" for one in tree.items]
    return (" AND " if isinstance(tree, And) else " OR ").join(inside)


def plain(tree: Expr) -> Expr:
    """The tree without levels that say nothing, as the parser gives it."""
    if isinstance(tree, Comparison):
        return tree
    if isinstance(tree, Not):
        item = plain(tree.item)
        return item.item if isinstance(item, Not) else Not(item)
    kind = type(tree)
    return kind(tuple(x for one in map(plain, tree.items) for x in (one.items if isinstance(one, kind) else (one,))))


def height(tree: Expr) -> int:
    if isinstance(tree, Comparison):
        return 0
    return 1 + max(map(height, (tree.item,) if isinstance(tree, Not) else tree.items))


@given(_TREES)
def test_round_trip(tree):
    tree = plain(tree)
    assume(height(tree) <= MAX_HEIGHT)
    assert parse_filter(render(tree), RUNS) == tree


@given(_TREES)
def test_brackets_that_say_nothing(tree):
    assume(height(tree) <= MAX_HEIGHT)
    assert parse_filter(f"(({render(tree)}))", RUNS) == plain(tree)


def parse_or_refuse(text: str, noun: Noun) -> Expr | FilterError | None:
    try:
        return parse_filter(text, noun)
    except FilterError as error:
        return error


@given(st.text(), st.sampled_from(NOUNS))
def test_any_text(text, noun):
    found = parse_or_refuse(text, noun)
    if isinstance(found, FilterError):
        assert found.position is not None
        assert 0 <= found.position < len(text)


_WORDS = (
    "metrics.a params.b tags.`c d` name run_id status start_time foo.x = != < >= == ~ LIKE ILIKE RLIKE IN IS NOT NULL AND OR "
    "( ) , ; 'x' \"y\" E'z' 1 -2.5 1e3 inf null ' \" ` . - / ! '( \\'"
).split()


@settings(max_examples=400)
@given(st.lists(st.sampled_from(_WORDS), max_size=14), st.sampled_from(["", " "]), st.sampled_from(NOUNS))
def test_any_words(words, gap, noun):
    text = gap.join(words)
    found = parse_or_refuse(text, noun)
    if isinstance(found, FilterError):
        assert found.position is not None
        assert 0 <= found.position < len(text)


@given(_TEXT)
def test_texts_of_programs(value):
    """`E` and JSON says any text, as the documentation promises."""
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert parse_filter(f"tags.a = E{text}", RUNS) == leaf("tag:a", Op.EQ, value)
