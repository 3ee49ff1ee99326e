"""Each row of the operation table exists on every floor: struct, store, permission, documentation."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from tidemill.api import codec
from tidemill.api.table import OPERATIONS
from tidemill.http.request import query_fields
from tidemill.server.routes import RouteTable
from tidemill.store.backend import function_of

DOCS = Path(__file__).parents[2] / "docs" / "reference"
PERMISSION = re.compile(r"anyone|[a-z_]+:(read|create|edit|delete|manage)")
EXAMPLE = re.compile(r"```http\n(?P<verb>[A-Z]+) (?P<path>\S+)\n(?P<body>.*?)```", re.DOTALL)


def every_operation(test):
    return pytest.mark.parametrize("op", OPERATIONS.values(), ids=OPERATIONS)(test)


def section(op):
    text = (DOCS / f"{op.noun}.md").read_text()
    found = re.search(rf"^### {re.escape(op.name)}\n(.*?)(?=^##|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"docs/reference/{op.noun}.md has no '### {op.name}'"
    return found[1]


@every_operation
def test_it_has_a_name_of_its_nouns_file(op):
    assert OPERATIONS[op.name] is op
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", op.name)
    assert Path(__import__(f"tidemill.api.{op.noun}", fromlist=["x"]).__file__).stem == op.noun


@every_operation
def test_it_has_a_function_in_the_store(op):
    assert function_of(op).__module__.startswith("tidemill.store.")


@every_operation
def test_it_names_its_permission(op):
    assert PERMISSION.fullmatch(op.allow)


@every_operation
def test_its_structs_say_what_they_are(op):
    for kind in (op.input, op.output):
        assert kind.__doc__
        assert kind.__module__.startswith("tidemill.types.")


@every_operation
def test_its_required_fields_and_path_parameters_are_fields(op):
    fields = {field.name for field in msgspec.structs.fields(op.input)}
    assert set(op.required) <= fields
    assert set(re.findall(r"{(\w+)}", op.path)) <= set(op.required)


@every_operation
def test_only_writes_are_replayed_and_reads_are_get_or_post(op):
    assert op.writes or not op.replay
    if op.verb == "GET":
        assert not op.writes
    assert op.verb in ("GET", "POST", "PATCH", "DELETE")
    assert re.match(r"/(api|ajax-api)/(2\.0|3\.0)/mlflow/|/api/tidemill/1/", op.path)


@every_operation
def test_its_documentation_names_every_field_and_its_errors(op):
    text = section(op)
    for field in msgspec.structs.fields(op.input):
        assert f"`{field.name}`" in text, field.name
    assert "- Fields:" in text
    assert "- Errors:" in text


@every_operation
def test_its_documented_example_is_a_valid_request_for_it(op):
    found = EXAMPLE.search(section(op))
    assert found, "no example"
    path, _, query = found["path"].partition("?")
    match = RouteTable(OPERATIONS.values()).find(found["verb"], path, path)
    assert match is not None
    assert match.route.op is op
    if op.verb == "GET":
        arg = codec.decode_fields(op, {**query_fields(query.encode()), **match.params}, text=True)
    else:
        fields = json.loads(found["body"] or "{}")
        arg = codec.decode_fields(op, {**fields, **match.params})
        # Nothing misspelt: the strict decoder refuses unknown fields.
        msgspec.json.decode(json.dumps({**fields, **match.params}), type=op.input)
    assert isinstance(arg, op.input)
