"""Requests that a browser could be tricked into (DNS rebinding, cross-site requests) are refused."""

import pytest

from tidemill.http.gate import Gate
from tidemill.http.request import Request

PATH = "/api/2.0/mlflow/experiments/create"
SEARCH = "/api/2.0/mlflow/runs/get?run_id=1"


def refused_host(answer):
    if answer.status != 403:
        return False
    assert answer.body == b"Invalid Host header - possible DNS rebinding attack detected"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return True


LOCAL = ["localhost", "LOCALHOST:5000", "127.0.0.1", "127.0.0.1:5000", "[::1]", "[::1]:5000", "127.8.9.1"]
PRIVATE = ["10.1.2.3", "10.1.2.3:5000", "172.16.0.1", "172.31.255.255:80", "192.168.1.5:5000", "[fd00::1]:5000"]
FOREIGN = [
    "evil.example",
    "evil.example:5000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "8.8.8.8",
    "172.32.0.1",
    "192.169.0.1",
    "[2001:db8::1]",
    "evil@localhost",
    "localhost:5000:80",
    "localhost:port",
    "[::1",
    "[::1]x",
    "",
    ":5000",
    "2130706433",
]


@pytest.mark.parametrize("host", LOCAL + PRIVATE)
def test_local_and_private_hosts_are_answered(server, host):
    assert server.ask("GET", SEARCH, headers={"Host": host}).status == 404


@pytest.mark.parametrize("host", FOREIGN)
def test_foreign_hosts_are_refused(server, host):
    assert refused_host(server.ask("GET", SEARCH, headers={"Host": host}))


def test_a_request_without_a_host_or_with_two_is_refused(server):
    assert refused_host(server.ask("GET", SEARCH, plain=True))
    assert refused_host(server.ask("GET", SEARCH, headers={"Host": "localhost\r\nHost: evil.example"}))


@pytest.mark.parametrize("path", ["/health", "/version"])
def test_probes_may_use_any_host(server, path):
    assert server.ask("GET", path, headers={"Host": "evil.example"}).status == 200
    assert server.ask("GET", path, plain=True).status == 200


@pytest.mark.parametrize("path", ["//health/../openapi.json", "/health/", "/openapi.json", "/docs", "/nothing"])
def test_nothing_else_is_exempt(server, path):
    assert refused_host(server.ask("GET", path, headers={"Host": "evil.example"}))


def test_configured_hosts(serve):
    server = serve(allowed_hosts=("mill.example", "*.lab.example", "other.example:8080"))
    for host in ("mill.example", "Mill.Example:9000", "a.lab.example:1", "other.example:8080", "localhost"):
        assert server.ask("GET", SEARCH, headers={"Host": host}).status == 404, host
    for host in ("lab.example", "other.example", "other.example:80", "xmill.example"):
        assert refused_host(server.ask("GET", SEARCH, headers={"Host": host})), host


def test_every_host_where_asked_for(serve):
    assert serve(allowed_hosts=("*",)).ask("GET", SEARCH, headers={"Host": "evil.example"}).status == 404


def gate(host, *, bind="127.0.0.1", **options):
    return Gate(bind, **options).allows_host(Request({}, None, None, host=host, hosts=1))


def test_the_host_it_is_bound_to_is_fine():
    assert gate(b"mill.lab:5000", bind="mill.lab")
    assert gate(b"[2001:db8::5]:5000", bind="2001:db8::5")
    assert gate(b"[2001:db8::6]:5000", hosts=["[2001:db8::6]"])
    assert not gate(b"mill.lab", bind="")
    assert not gate("m\u00fcll".encode(), bind="")


def test_verdicts_are_remembered_up_to_a_limit():
    one = Gate("127.0.0.1")
    for number in range(3000):
        assert not one.allows_host(Request({}, None, None, host=b"h%d.example" % number, hosts=1))
    assert len(one._known) <= 1024


@pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://", "http://"]
)
def test_changes_from_foreign_pages_are_refused(server, verb, origin):
    answer = server.ask(verb, PATH, b"{}", {"Origin": origin, "Content-Type": "application/json"})
    assert (answer.status, answer.body) == (403, b"Cross-origin request blocked")
    assert "access-control-allow-origin" not in answer.headers


def test_reading_from_a_foreign_page_is_left_to_the_browser(server):
    answer = server.ask("GET", SEARCH, headers={"Origin": "https://evil.example"})
    assert answer.status == 404
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:8080"])
def test_pages_of_this_machine_may_do_everything(server, origin):
    answer = server.ask("POST", PATH, {"name": origin}, {"Origin": origin})
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["vary"] == "Origin"
    answer = server.ask("POST", PATH, {}, {"Origin": origin})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (400, origin)


def test_our_own_pages_may_do_everything(server):
    headers = {"Host": "192.168.1.5:5000", "Origin": "http://192.168.1.5:5000"}
    assert server.ask("POST", PATH, {"name": "own"}, headers).status == 200
    headers["Origin"] = "http://192.168.1.5:6000"
    assert server.ask("POST", PATH, {"name": "stranger"}, headers).status == 403


def test_configured_origins_and_their_preflight(serve):
    server = serve(allowed_origins=("https://mill.example/",))
    answer = server.ask("POST", PATH, {"name": "a"}, {"Origin": "https://mill.example"})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "https://mill.example")
    asked = {"Origin": "https://mill.example", "Access-Control-Request-Method": "POST"}
    answer = server.ask("OPTIONS", PATH, headers=asked)
    assert answer.status == 204
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "Content-Type" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    answer = server.ask("OPTIONS", PATH, headers={**asked, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
