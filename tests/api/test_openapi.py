"""The OpenAPI document says what the table says, and is valid."""

import json
import re

import jsonschema
import pytest
from openapi_spec_validator import validate

from tidemill.api import codec
from tidemill.api.artifacts import TRANSFERS
from tidemill.api.openapi import document
from tidemill.api.table import OPERATIONS


@pytest.fixture(scope="module")
def doc():
    return document()


def operations(doc):
    return [(path, verb, item) for path, verbs in doc["paths"].items() for verb, item in verbs.items()]


def test_it_is_valid_and_is_json(doc):
    validate(doc)
    assert doc["openapi"].startswith("3.1")
    json.dumps(doc, allow_nan=False)


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_there_with_what_the_table_says(doc, name):
    op = OPERATIONS[name]
    for verb, path in ((op.verb, op.path), *op.also):
        item = doc["paths"][path][verb.lower()]
        assert item["operationId"].startswith(name)
        assert item["x-tidemill-allow"] == op.allow
        assert item["summary"]
        places = {one["name"]: one["in"] for one in item.get("parameters", ())}
        assert {one for one, place in places.items() if place == "path"} == set(re.findall(r"{(\w+)}", path))
        assert set(item["responses"]) == {"200", "4XX", "5XX"}


@pytest.mark.parametrize("row", TRANSFERS, ids=lambda row: row.name)
def test_each_route_of_files_is_there(doc, row):
    item = doc["paths"][row.path.replace(":path}", "}")][row.verb.lower()]
    assert (item["operationId"], item["x-tidemill-allow"]) == (f"artifacts.{row.name}", row.allow)
    assert {one["name"] for one in item["parameters"] if one["in"] == "path"} == set(re.findall(r"{(\w+)", row.path))


def test_operation_ids_are_unique(doc):
    ids = [item["operationId"] for _, _, item in operations(doc)]
    assert len(ids) == len(set(ids))


def test_every_schema_is_used_and_every_reference_leads_somewhere(doc):
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(doc)))
    assert references == set(doc["components"]["schemas"])


def check(doc, name, value):
    schema = {"$ref": f"#/components/schemas/{name}", "components": doc["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def test_examples_fit_their_schemas_and_decode(doc):
    for _, verb, item in operations(doc):
        for content in item.get("requestBody", {}).get("content", {}).values():
            if "$ref" not in content.get("schema", {}):
                continue
            check(doc, content["schema"]["$ref"].rpartition("/")[2], content["example"])
            op = OPERATIONS[item["operationId"]]
            params = {one["name"]: one["example"] for one in item.get("parameters", ())}
            codec.decode_fields(op, {**content["example"], **params})
        if verb == "get" and item["operationId"] in OPERATIONS:
            fields = {one["name"]: one["example"] for one in item.get("parameters", ()) if "example" in one}
            texts = {name: value if isinstance(value, list) else str(value) for name, value in fields.items()}
            codec.decode_fields(OPERATIONS[item["operationId"]], texts, text=True)


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        ({"run_id": "r", "key": "k", "value": 1.5, "timestamp": 1}, True),
        ({"run_uuid": "r", "key": "k", "value": "NaN", "timestamp": 1, "unknown": 1}, True),
        ({"key": "k", "value": 1.5, "timestamp": 1}, False),
        ({"run_id": "", "key": "k", "value": 1.5, "timestamp": 1}, False),
        ({"run_id": "r", "key": "k", "value": "much", "timestamp": 1}, False),
        ({"run_id": "r", "key": "k", "value": 1.5, "timestamp": 2**63}, False),
        ({"run_id": "r", "key": "k", "value": 1.5}, False),
    ],
)
def test_the_schema_of_a_request(doc, body, fits):
    if fits:
        check(doc, "LogMetric", body)
    else:
        with pytest.raises(jsonschema.ValidationError):
            check(doc, "LogMetric", body)


def test_a_prefix_stands_before_every_path():
    assert all(path.startswith("/mill/") for path in document("/mill")["paths"])
