"""Who may ask, how often, how much; and clients that are slow, huge or in a browser."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tidemill.errors import InvalidParameter
from tidemill.serving.config import ServingConfig, check_config
from tidemill.serving.servable import Servable

BODY = {"inputs": [[1, 2]]}


def test_tokens(serve, sums):
    served = serve(sums, tokens=("secret-1", "secret-2"), admin_tokens=("root",))
    answer = served.invoke(BODY)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json["error_code"] == "UNAUTHENTICATED"
    for wrong in ("Bearer nope", "Bearer", "secret-1", "Basic c2VjcmV0LTE=", "Bearer secret-", "Bearer secret-11"):
        assert served.invoke(BODY, {"Authorization": wrong}).status == 401
    for right in ("Bearer secret-1", "bearer secret-2", "Bearer root"):
        assert served.invoke(BODY, {"Authorization": right}).predictions == [3.0]
    for path in ("/metrics", "/models", "/models/sums", "/openapi.json", "/docs", "/v2/models/sums", "/v2"):
        assert served.ask("GET", path).status == 401
    for path in ("/ping", "/health", "/version", "/v2/health/live", "/v2/health/ready"):
        assert served.ask("GET", path).status == 200
    for path in ("/feedback", "/models/sums/try", "/models/sums/rollback", "/v2/models/sums/infer"):
        assert served.ask("POST", path, BODY).status == 401


def test_rollback_needs_an_admin(serve, sums):
    assert serve(sums).ask("POST", "/models/sums/rollback", b"").status == 403
    served = serve(sums, tokens=("t",), admin_tokens=("root",))
    assert served.ask("POST", "/models/sums/rollback", b"", {"Authorization": "Bearer t"}).status == 403
    answer = served.ask("POST", "/models/sums/rollback", b"", {"Authorization": "Bearer root"})
    assert "no previous version" in answer.json["message"]


def test_rates(serve, sums):
    served = serve(sums, rate=5.0)
    answers = [served.invoke(BODY) for _ in range(12)]
    assert {one.status for one in answers} == {200, 429}
    refused = next(one for one in answers if one.status == 429)
    assert (refused.headers["retry-after"], refused.json["error_code"]) == ("1", "REQUEST_LIMIT_EXCEEDED")
    time.sleep(0.5)
    assert served.invoke(BODY).status == 200
    assert served.ask("GET", "/ping").status == 200


def test_requests_at_a_time(serve, tools):
    slow = Servable("m", "1", lambda data, params: (time.sleep(0.3), tools.total(data, params))[1], inputs=tools.AB)
    served = serve(slow, concurrency=2)
    with ThreadPoolExecutor(6) as pool:
        found = sorted(one.status for one in pool.map(lambda _: served.invoke(BODY), range(6)))
    assert found[0] == 200
    assert found[-1] == 503
    assert served.app.places.taken == 0


def test_bodies_that_are_too_large(serve, sums):
    served = serve(sums, body_limit=1000)
    assert served.invoke(b"[" + b"1," * 1000 + b"1]").status == 413
    assert served.invoke(b"x" * 50_000_000).status == 413
    assert served.invoke(BODY).status == 200


def test_compressed_bodies(serve, sums):
    import gzip
    import json

    served = serve(sums, body_limit=1000)
    packed = gzip.compress(json.dumps(BODY).encode())
    assert served.invoke(packed, {"Content-Encoding": "gzip"}).predictions == [3.0]
    assert served.invoke(gzip.compress(b" " * 1_000_000), {"Content-Encoding": "gzip"}).status == 413
    assert served.invoke(b"x", {"Content-Encoding": "br"}).status == 400


def test_a_body_that_does_not_come(serve, sums):
    served = serve(sums, body_seconds=0.3)
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
        connection.settimeout(10)
        assert connection.recv(4096).startswith(b"HTTP/1.1 504")
    assert served.app.places.taken == 0


def test_a_head_that_does_not_come(serve, sums, monkeypatch):
    monkeypatch.setattr("tidemill.serving.protocol.HEAD_SECONDS", 0.3)
    served = serve(sums)
    for sent in (b"", b"POST /invo", b"GET /ping HTTP/1.1\r\nHost: x\r\n"):
        with socket.create_connection(("127.0.0.1", served.port)) as connection:
            connection.sendall(sent)
            connection.settimeout(10)
            assert connection.recv(4096) == b""


def test_a_thousand_slow_connections(serve, sums):
    served = serve(sums)
    slow = []
    try:
        for _ in range(1000):
            one = socket.create_connection(("127.0.0.1", served.port))
            one.sendall(b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
            slow.append(one)
        started = time.monotonic()
        for _ in range(20):
            assert served.invoke(BODY).predictions == [3.0]
        assert time.monotonic() - started < 10
    finally:
        for one in slow:
            one.close()


def test_pages_in_a_browser(serve, sums):
    served = serve(sums)
    assert served.invoke(BODY, {"Origin": "https://evil.example"}).status == 403
    assert served.invoke(BODY, {"Host": "evil.example"}).status == 403
    assert served.invoke(BODY, {"Origin": f"http://127.0.0.1:{served.port}"}).status == 200
    assert served.ask("GET", "/ping", headers={"Host": "10.1.2.3"}).status == 200


@pytest.mark.parametrize(
    "options",
    [
        {"models": ()}, {"host": "0.0.0.0"}, {"timeout": 0}, {"log_sample": 2}, {"batch": "maybe"}, {"lanes": 0},
        {"log_level": "loud"},
    ],
)  # fmt: skip
def test_configurations_that_are_refused(options):
    with pytest.raises(InvalidParameter):
        check_config(ServingConfig(**{"models": ("m",), **options}))
    check_config(ServingConfig(models=("m",), host="0.0.0.0", tokens=("t",)))
    check_config(ServingConfig(models=("m",), host="0.0.0.0", allow_unauthenticated=True))
