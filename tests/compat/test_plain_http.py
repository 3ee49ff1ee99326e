"""Habits of plain HTTP programs, of R and Java clients, of proxies: spoken byte by byte over a socket."""

import gzip
import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

_API = "/api/2.0/mlflow/"
_JSON = "Content-Type: application/json"


@dataclass
class Reply:
    status: int
    version: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found


class Line:
    """One connection, on which everything is sent as it stands."""

    def __init__(self, server: str) -> None:
        host, port = server.removeprefix("http://").split(":")
        self.host = f"{host}:{port}"
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.input = self.socket.makefile("rb")

    def close(self) -> None:
        self.input.close()
        self.socket.close()

    def send(self, first: str, *headers: str, body: bytes = b"") -> None:
        self.socket.sendall("\r\n".join([first, *headers, "", ""]).encode() + body)

    def read(self) -> Reply:
        version, status = self.input.readline().decode().split(" ")[:2]
        headers = {}
        while line := self.input.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if int(status) == 100:
            body = b""
        elif "content-length" in headers:
            body = self.input.read(int(headers["content-length"]))
        else:
            body = self.input.read()
        return Reply(int(status), version, headers, body)

    def closed_by_server(self) -> bool:
        return self.input.read(1) == b""


@pytest.fixture
def line(server: str) -> Iterator[Line]:
    with closing(Line(server)) as opened:
        yield opened


@pytest.fixture
def ask(server: str) -> Callable[..., Reply]:
    """One request on a connection of its own."""

    def asked(first: str, *headers: str, body: bytes = b"") -> Reply:
        with closing(Line(server)) as opened:
            opened.send(first, f"Host: {opened.host}", "Connection: close", *headers, body=body)
            return opened.read()

    return asked


@pytest.fixture
def run_id(ask: Callable[..., Reply]) -> str:
    body = json.dumps({"experiment_id": "0", "start_time": 1}).encode()
    reply = ask(f"POST {_API}runs/create HTTP/1.1", _JSON, f"Content-Length: {len(body)}", body=body)
    found: str = reply.json["run"]["info"]["run_id"]  # type: ignore[index]
    return found


def _metric(run_id: str, key: str) -> bytes:
    return json.dumps({"run_id": run_id, "key": key, "value": 0.5, "timestamp": 1}).encode()


def _keys(ask: Callable[..., Reply], run_id: str) -> set[str]:
    reply = ask(f"GET {_API}runs/get?run_id={run_id} HTTP/1.1")
    return {one["key"] for one in reply.json["run"]["data"].get("metrics", [])}  # type: ignore[index]


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"],
)
def test_ways_to_write_the_type(ask: Callable[..., Reply], run_id: str, kind: str) -> None:
    body = _metric(run_id, "typed")
    reply = ask(
        f"POST {_API}runs/log-metric HTTP/1.1", f"Content-Type: {kind}", f"Content-Length: {len(body)}", body=body
    )
    assert (reply.status, reply.body) == (200, b"{}")
    assert _keys(ask, run_id) == {"typed"}


def test_http_1_0_with_and_without_keep_alive(line: Line, run_id: str) -> None:
    first = f"GET {_API}runs/get?run_id={run_id} HTTP/1.0"
    line.send(first, f"Host: {line.host}", "Connection: keep-alive")
    assert line.read().status == 200
    if not line.closed_by_server():
        line.send(first, f"Host: {line.host}")
        assert line.read().status == 200
        assert line.closed_by_server()


def test_http_1_0_upload(ask: Callable[..., Reply], run_id: str) -> None:
    body = _metric(run_id, "old")
    reply = ask(f"POST {_API}runs/log-metric HTTP/1.0", _JSON, f"Content-Length: {len(body)}", body=body)
    assert reply.status == 200
    assert _keys(ask, run_id) == {"old"}


def test_expect_100_continue_is_answered_before_the_body(line: Line, ask: Callable[..., Reply], run_id: str) -> None:
    body = _metric(run_id, "expected")
    head = (f"Host: {line.host}", _JSON, f"Content-Length: {len(body)}", "Expect: 100-continue")
    line.send(f"POST {_API}runs/log-metric HTTP/1.1", *head)
    assert line.read().status == 100
    line.socket.sendall(body)
    assert line.read().status == 200
    assert _keys(ask, run_id) == {"expected"}


def test_expect_100_continue_of_a_file(line: Line, ask: Callable[..., Reply], run_id: str) -> None:
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/curl.bin"
    line.send(f"PUT {path} HTTP/1.1", f"Host: {line.host}", "Content-Length: 5", "Expect: 100-continue")
    assert line.read().status == 100
    line.socket.sendall(b"bytes")
    assert line.read().status == 200
    assert ask(f"GET {path} HTTP/1.1").body == b"bytes"


def test_chunked_bodies(ask: Callable[..., Reply], run_id: str) -> None:
    body = _metric(run_id, "chunked")
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:7], body[7:40], body[40:]))
    reply = ask(f"POST {_API}runs/log-metric HTTP/1.1", _JSON, "Transfer-Encoding: chunked", body=pieces + b"0\r\n\r\n")
    assert reply.status == 200
    assert _keys(ask, run_id) == {"chunked"}


def test_chunked_upload_of_a_file(ask: Callable[..., Reply], run_id: str) -> None:
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/chunked.bin"
    piece = bytes(range(256)) * 256
    body = (b"%x;name=value\r\n%b\r\n" % (len(piece), piece)) * 20 + b"0\r\n\r\n"
    assert ask(f"PUT {path} HTTP/1.1", "Transfer-Encoding: chunked", body=body).status == 200
    assert ask(f"GET {path} HTTP/1.1").body == piece * 20


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_gzip_bodies(ask: Callable[..., Reply], run_id: str, encoding: str) -> None:
    body = gzip.compress(_metric(run_id, "packed"))
    head = (_JSON, f"Content-Encoding: {encoding}", f"Content-Length: {len(body)}")
    assert ask(f"POST {_API}runs/log-metric HTTP/1.1", *head, body=body).status == 200
    assert _keys(ask, run_id) == {"packed"}


def test_many_requests_on_one_connection_sent_ahead(line: Line, ask: Callable[..., Reply], run_id: str) -> None:
    for number in range(20):
        body = _metric(run_id, f"m{number}")
        line.send(
            f"POST {_API}runs/log-metric HTTP/1.1",
            f"Host: {line.host}",
            _JSON,
            f"Content-Length: {len(body)}",
            body=body,
        )
    assert [line.read().status for _ in range(20)] == [200] * 20
    assert _keys(ask, run_id) == {f"m{number}" for number in range(20)}


def test_a_head_in_single_bytes(line: Line, run_id: str) -> None:
    for byte in f"GET {_API}runs/get?run_id={run_id} HTTP/1.1\r\nhost:{line.host}\r\n\r\n".encode():
        line.socket.sendall(bytes([byte]))
    assert line.read().status == 200


def test_the_whole_address_in_the_first_line(ask: Callable[..., Reply], server: str) -> None:
    assert ask(f"GET {server}{_API}experiments/get?experiment_id=0 HTTP/1.1").status == 200


def test_headers_of_the_r_client(ask: Callable[..., Reply]) -> None:
    reply = ask(
        f"GET {_API}experiments/search?max_results=5&filter=name%3D%27Default%27 HTTP/1.1",
        "User-Agent: mlflow-r-client/3.0.0",
        "Accept: application/json, text/xml, application/xml, */*",
        "Accept-Encoding: deflate, gzip, br",
        "Content-Type: application/json",
    )
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert re.search(r'"name" ?: ?"Default"', reply.body.decode())


def test_headers_of_the_java_client(ask: Callable[..., Reply], run_id: str) -> None:
    # Protobuf's own JSON: lowerCamelCase names, 64-bit integers as texts, enums by name.
    body = json.dumps({"runId": run_id, "status": "FINISHED", "endTime": "1700000000000"}).encode()
    head = ("User-Agent: mlflow-java-client/3.0.0", "Content-Type: application/json; charset=ISO-8859-1")
    reply = ask(f"POST {_API}runs/update HTTP/1.1", *head, f"Content-Length: {len(body)}", body=body)
    assert reply.status == 200
    info = reply.json["run_info"]
    assert isinstance(info, dict)
    assert (info["status"], info["end_time"]) == ("FINISHED", 1700000000000)


def test_a_browser_s_preflight(ask: Callable[..., Reply]) -> None:
    reply = ask(
        f"OPTIONS {_API}runs/create HTTP/1.1",
        "Origin: http://localhost:3000",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: content-type",
    )
    assert reply.status == 204
    assert "POST" in reply.headers["access-control-allow-methods"]
    assert (
        ask(f"POST {_API}runs/create HTTP/1.1", _JSON, "Origin: https://evil.example", "Content-Length: 0").status
        == 403
    )
