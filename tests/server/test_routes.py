"""From a path to an operation."""

import re
from dataclasses import replace

import pytest

from tidemill.api.table import OPERATIONS
from tidemill.server.routes import Route, RouteTable


@pytest.fixture(scope="module")
def table():
    return RouteTable(OPERATIONS.values())


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_route_of_every_operation_leads_to_it(table, name):
    op = OPERATIONS[name]
    for verb, path in op.routes:
        path = path.replace("{tag_key}", "a/b")
        for name in re.findall(r"{(\w+)}", path):
            path = path.replace("{" + name + "}", "x-1")
        found = table.find(verb, path, path)
        assert found.route.op is op
        assert set(found.params) == set(re.findall(r"{(\w+)}", op.path))
        assert verb in table.verbs(path, path)


def test_an_operation_without_a_permission_is_not_served():
    op = replace(OPERATIONS["runs.get"], allow="")
    with pytest.raises(ValueError, match=r"runs\.get names no permission"):
        RouteTable([op])


def test_two_routes_at_one_place_are_refused():
    with pytest.raises(ValueError, match="two routes"):
        RouteTable([OPERATIONS["runs.get"], OPERATIONS["runs.get"]])


def test_parameters_are_decoded_once_and_stay_in_their_segment():
    table = RouteTable()
    table.add("GET", "/a/{one}/b/{rest:path}", Route())
    assert table.find("GET", "", "/a/x%2Fy/b/c/d%252F").params == {"one": "x/y", "rest": "c/d%2F"}
    assert table.find("GET", "", "/a/x/y/b/c") is None
    assert table.find("GET", "", "/a/x/b/") is None
    assert table.find("GET", "", "/a/50%ab%C3%BC%c3/b/c").params == {"one": "50\ufffdü\ufffd", "rest": "c"}


def test_text_between_parameters_is_literal():
    table = RouteTable()
    table.add("GET", "/a.b/{one}", Route())
    assert table.find("GET", "", "/axb/1") is None
    assert table.find("GET", "", "/a.b/1").params == {"one": "1"}
