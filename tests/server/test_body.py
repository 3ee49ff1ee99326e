"""Bodies in pieces, too large, compressed, and clients that leave in the middle."""

import gzip
import json
import socket
import time
import zlib

import pytest

from tidemill.errors import InvalidParameter, PayloadTooLarge
from tidemill.http.body import inflate

PATH = "/api/2.0/mlflow/runs/set-tag"


def head(length: int | None, *more: str) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *more]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def set_tag(run_id: str, value: str = "red") -> bytes:
    return json.dumps({"run_id": run_id, "key": "team", "value": value}).encode()


def tags(server, run_id):
    return {tag["key"]: tag["value"] for tag in server.run_data(run_id)["tags"]}


def test_a_body_byte_by_byte(server, read_answer):
    run_id = server.new_run()
    data = head(len(set_tag(run_id))) + set_tag(run_id)
    with server.connect() as connection:
        for number in range(len(data)):
            connection.sendall(data[number : number + 1])
            if number % 20 == 0:
                time.sleep(0.001)
        assert read_answer(connection).status == 200
    assert tags(server, run_id)["team"] == "red"


def test_a_body_in_http_chunks(server, read_answer):
    run_id = server.new_run()
    body = set_tag(run_id)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:]))
    with server.connect() as connection:
        connection.sendall(head(None, "Transfer-Encoding: chunked") + chunks)
        time.sleep(0.05)
        connection.sendall(b"0\r\n\r\n")
        assert read_answer(connection).status == 200
    assert tags(server, run_id)["team"] == "red"


def test_a_client_that_waits_for_100_continue(server, read_answer):
    run_id = server.new_run()
    with server.connect() as connection:
        connection.sendall(head(len(set_tag(run_id)), "Expect: 100-continue"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(set_tag(run_id))
        assert read_answer(connection).status == 200


def test_a_client_that_leaves_in_the_middle_writes_nothing(server, caplog):
    run_id = server.new_run()
    with server.connect() as connection:
        connection.sendall(head(1000) + set_tag(run_id))
        time.sleep(0.05)
    assert server.ask("GET", "/health").status == 200
    assert "team" not in tags(server, run_id)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_client_that_leaves_before_the_answer(server, caplog):
    run_id = server.new_run()
    for _ in range(20):
        with server.connect() as connection:
            connection.sendall(head(len(set_tag(run_id))) + set_tag(run_id))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert server.ask("GET", "/health").status == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def refused(answer):
    assert answer.status == 413
    assert answer.json["error_code"] == "BAD_REQUEST"
    assert answer.headers["connection"] == "close"
    return answer.json["message"]


def test_a_declared_length_over_the_limit_is_refused_before_the_body(serve, read_answer):
    server = serve(body_limit=1000)
    with server.connect() as connection:
        connection.sendall(head(1001))
        message = refused(read_answer(connection))
    assert message == "The request body is larger than the 1000 bytes this server takes. Send it in smaller parts."
    run_id = server.new_run()
    exact = set_tag(run_id, "x" * (1000 - len(set_tag(run_id, ""))))
    assert server.post("runs/set-tag", exact).status == 200


def test_a_client_waiting_for_100_continue_is_refused_without_it(serve, read_answer):
    server = serve(body_limit=1000)
    with server.connect() as connection:
        connection.sendall(head(5000, "Expect: 100-continue"))
        refused(read_answer(connection))


def test_an_undeclared_length_is_refused_as_soon_as_the_limit_is_passed(serve, read_answer):
    server = serve(body_limit=1000)
    with server.connect() as connection:
        connection.sendall(head(None, "Transfer-Encoding: chunked") + b"400\r\n" + b" " * 0x400)
        refused(read_answer(connection))


def test_a_client_that_goes_on_sending_still_gets_the_answer(serve, read_answer):
    server = serve(body_limit=1000)
    with server.connect() as connection:
        connection.sendall(head(8_000_000))
        for _ in range(80):
            connection.sendall(b" " * 100_000)
        refused(read_answer(connection))


def test_the_default_limit_is_64_mib(server, read_answer):
    with server.connect() as connection:
        connection.sendall(head(64 * 2**20 + 1))
        assert "64 MiB" in refused(read_answer(connection))


@pytest.mark.parametrize("size", [1, 300_000])
def test_a_large_body_is_carried_out_all_the_same(server, size):
    run_id = server.new_run()
    body = json.dumps({"run_id": run_id, "key": "team", "value": "red", "ballast": "x" * size})
    assert server.post("runs/set-tag", body.encode()).status == 200
    assert tags(server, run_id)["team"] == "red"


def bare_deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", bare_deflate),
        ("identity", bytes),
    ],
)
def test_compressed_bodies(server, name, pack):
    run_id = server.new_run()
    assert server.post("runs/set-tag", pack(set_tag(run_id)), {"Content-Encoding": name}).status == 200
    assert tags(server, run_id)["team"] == "red"


def test_the_limit_counts_inflated_bytes(serve):
    server = serve(body_limit=100_000)
    packed = gzip.compress(b" " * 100_001)
    assert len(packed) < 1000
    refused(server.post("runs/set-tag", packed, {"Content-Encoding": "gzip"}))
    assert server.post("runs/set-tag", gzip.compress(b" " * 100_000), {"Content-Encoding": "gzip"}).status == 400


@pytest.mark.parametrize("body", [b"", b"{}", gzip.compress(b"{}")[:-4], gzip.compress(b"{}") + b"x"])
def test_damaged_gzip_is_refused(body):
    with pytest.raises(InvalidParameter, match="not valid gzip data"):
        inflate(body, "gzip", 1000)


@pytest.mark.parametrize("name", ["br", "zstd", "gzip, gzip"])
def test_other_encodings_are_refused(server, name):
    answer = server.post("runs/set-tag", b"{}", {"Content-Encoding": name})
    assert answer.status == 400
    assert f"Content-Encoding '{name}' is not supported" in answer.json["message"]


def test_inflating_stops_at_the_limit():
    bomb = zlib.compress(b"\0" * 50_000_000)
    with pytest.raises(PayloadTooLarge):
        inflate(bomb, "deflate", 1_000_000)
