"""The whole interface, fuzzed from its own description: whatever is sent, the answer is one that the description allows."""

import json

import pytest
from hypothesis import HealthCheck, settings

from tidemill.api.openapi import document

schemathesis = pytest.importorskip("schemathesis")
from schemathesis.specs.openapi.checks import response_schema_conformance  # noqa: E402 (after the check that it is there)

schema = schemathesis.openapi.from_dict(document())

# What MLflow's clients know as such, and what a local folder cannot do.
KNOWN = {(500, "INVALID_STATE"), (501, "NOT_IMPLEMENTED")}


def check(case, server):
    answer = case.call(base_url=f"http://127.0.0.1:{server.port}", timeout=30)
    if answer.status_code < 300 or not answer.content:
        case.validate_response(answer, checks=[response_schema_conformance])
        return
    error = json.loads(answer.content)
    assert set(error) == {"error_code", "message"}
    assert error["message"]
    if answer.status_code >= 500:
        assert (answer.status_code, error["error_code"]) in KNOWN, error


def fuzz(examples):
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )


@schema.parametrize()
@fuzz(2)
def test_a_few_requests_for_each_operation(case, server):
    check(case, server)


@pytest.mark.deep
@schema.parametrize()
@fuzz(300)
def test_many_requests_for_each_operation(case, server):
    check(case, server)
