"""The file routes: the artifact proxy, downloads, parts; every path trick of the security record over real HTTP."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
PARTS = "/api/2.0/mlflow-artifacts/mpu"

# As they stand in a request line: one decoding by the server is theirs already.
TRICKS = [
    "..",
    "../x",
    "../../../etc/passwd",
    "a/../../x",
    "%2e%2e/x",
    "..%2f..%2fetc%2fpasswd",
    "%252e%252e%252fetc%252fpasswd",
    "%25252e%25252e/x",
    "a%2f..%2f..%2fx",
    "..%5c..%5cx",
    "..\\..\\x",
    "%2fetc%2fpasswd",
    "/etc/passwd",
    "C:%5cwindows",
    "C:/windows",
    "%5c%5chost%5cshare",
    "a%00b",
    "..;/x",
    "a/..;/..;/x",
    "%23/../x",
    "a%23b",
    "file:///etc/passwd",
    "file:%2f%2f%2fetc%2fpasswd",
    ".tidemill-stage-x/y",
]


def refused(answer):
    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer
    assert "Invalid path" in answer.json["message"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("trick", TRICKS)
def test_no_path_leads_out_of_the_proxy(server, trick):
    for prefix in ("/api", "/ajax-api"):
        proxy = prefix + PROXY.removeprefix("/api")
        refused(server.ask("GET", f"{proxy}/{trick}"))
        refused(server.ask("PUT", f"{proxy}/{trick}", b"x"))
        refused(server.ask("DELETE", f"{proxy}/{trick}"))
        # In a query string a plus is a blank and a raw # would end it.
        refused(server.ask("GET", f"{proxy}?path={trick}"))
    refused(server.ask("POST", f"{PARTS}/create/{trick}", {"path": "f", "num_parts": 1}))
    refused(server.ask("POST", f"{PARTS}/abort/{trick}", {"path": "f", "upload_id": "0" * 32}))
    refused(server.ask("PUT", f"{PARTS}/part/{trick}?upload_id={'0' * 32}&part_number=1", b"x"))


@pytest.mark.parametrize("trick", TRICKS)
def test_no_path_leads_out_of_a_run(server, trick):
    run = server.new_run()
    refused(server.ask("GET", f"/get-artifact?run_id={run}&path={trick}"))
    refused(server.ask("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run}&path={trick}"))
    refused(server.ask("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path={trick}", b"x"))


@pytest.mark.parametrize("location", ["/etc", "file:///etc", "s3://elsewhere/x", "sftp://internal/x"])
def test_places_that_callers_name_are_not_opened(server, location):
    name = {"name": location, "artifact_location": location}
    experiment = server.post("experiments/create", name).json["experiment_id"]
    run = server.post("runs/create", {"experiment_id": experiment}).json["run"]["info"]["run_id"]
    for answer in (
        server.ask("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run}"),
        server.ask("GET", f"/get-artifact?run_id={run}&path=passwd"),
        server.ask("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=x", b"x"),
    ):
        assert (answer.status, answer.json["error_code"]) == (403, "PERMISSION_DENIED")
        assert "--allowed-artifacts" in answer.json["message"]


@pytest.mark.parametrize(
    "name", ["plain.txt", "mit leer.txt", "50%25.txt", "a+b.txt", "ünïcødé.bin", "step%20%3D%201.png", "q'uote\".txt"]
)
def test_names_are_kept_byte_for_byte(server, name):
    path = f"{PROXY}/names/{quote(name)}"
    assert server.ask("PUT", path, b"content").status == 200
    assert server.ask("GET", path).body == b"content"
    listed = [one["path"] for one in server.ask("GET", f"{PROXY}?path=names").json["files"]]
    assert name in listed
    assert server.ask("DELETE", path).status == 200
    assert server.ask("GET", path).status == 404


def test_a_file_comes_back_with_its_type_and_name(server):
    for name, kind in (
        ("a.json", "text/plain"),
        ("MLmodel", "text/plain"),
        ("a.yaml", "text/plain"),
        ("a.png", "image/png"),
        ("a.html", "text/html"),
        ("a.weird", "application/octet-stream"),
    ):
        assert server.ask("PUT", f"{PROXY}/types/{name}", b"<script>").json == {}
        answer = server.ask("GET", f"{PROXY}/types/{name}")
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-disposition"] == f"attachment; filename={name}"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]


def test_a_page_that_is_looked_at_runs_in_an_origin_of_its_own(server):
    run = server.new_run()
    for name in ("report.html", "picture.svg"):
        server.ask(
            "POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path={name}", b"<script>steal()</script>"
        )
    shown = server.ask("GET", f"/get-artifact?run_id={run}&path=report.html&show=page")
    policy = shown.headers["content-security-policy"]
    assert shown.headers["content-disposition"] == "inline"
    assert "sandbox allow-scripts;" in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    for still_saved in ("path=report.html", "path=picture.svg&show=page"):
        answer = server.ask("GET", f"/get-artifact?run_id={run}&{still_saved}")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_lists_give_base_names_sorted(server):
    for name in ("l/b.txt", "l/a/x.txt", "l/c.txt"):
        server.ask("PUT", f"{PROXY}/{name}", b"12")
    assert server.ask("GET", f"{PROXY}?path=l").json["files"] == [
        {"path": "a", "is_dir": True},
        {"path": "b.txt", "is_dir": False, "file_size": 2},
        {"path": "c.txt", "is_dir": False, "file_size": 2},
    ]
    assert server.ask("GET", f"{PROXY}?path=no/such").json == {}


def test_missing_files(server):
    answer = server.ask("GET", f"{PROXY}/no/such.txt")
    assert (answer.status, answer.json["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert "No such artifact: 'no/such.txt'" in answer.json["message"]
    assert server.ask("DELETE", f"{PROXY}/no/such.txt").status == 200


def test_empty_files_and_replacement(server):
    path = f"{PROXY}/r/file.bin"
    assert server.ask("PUT", path, b"first").status == 200
    assert server.ask("PUT", path, b"").status == 200
    assert server.ask("GET", path).body == b""


@pytest.mark.parametrize(
    ("asked", "status", "body", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("nonsense", 200, b"0123456789", None),
    ],
)
def test_ranges(server, asked, status, body, content_range):
    server.ask("PUT", f"{PROXY}/ranges.bin", b"0123456789")
    answer = server.ask("GET", f"{PROXY}/ranges.bin", headers={"Range": asked})
    assert (answer.status, answer.body, answer.headers.get("content-range")) == (status, body, content_range)


def test_head_tells_the_size_without_bytes(server):
    server.ask("PUT", f"{PROXY}/head.bin", b"0123456789")
    answer = server.ask("HEAD", f"{PROXY}/head.bin")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "10", b"")


def test_a_chunked_upload_arrives(server, read_answer):
    with server.connect() as connection:
        connection.sendall(
            f"PUT {PROXY}/chunked.bin HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
        )
        assert read_answer(connection, "PUT").status == 200
    assert server.ask("GET", f"{PROXY}/chunked.bin").body == b"abcdefg"


def test_a_truncated_upload_leaves_the_old_file(server):
    path = f"{PROXY}/torn/file.bin"
    server.ask("PUT", path, b"old")
    with server.connect() as connection:
        connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n".encode())
        connection.sendall(b"x" * 2_000_000)
        time.sleep(0.2)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        assert server.ask("GET", path).body == b"old"
        if [one["path"] for one in server.ask("GET", f"{PROXY}?path=torn").json["files"]] == ["file.bin"]:
            break
        time.sleep(0.05)
    assert server.ask("GET", f"{PROXY}?path=torn").json["files"] == [
        {"path": "file.bin", "is_dir": False, "file_size": 3}
    ]


def test_an_upload_in_parts(server):
    made = server.ask("POST", f"{PARTS}/create/parts", {"path": "whole.bin", "num_parts": 3}).json
    assert [one["part_number"] for one in made["credentials"]] == [1, 2, 3]
    etags = {}
    for one in reversed(made["credentials"]):
        address = urlsplit(one["url"])
        assert address.netloc == f"127.0.0.1:{server.port}"
        answer = server.ask("PUT", f"{address.path}?{address.query}", b"part%d" % one["part_number"])
        etags[one["part_number"]] = answer.headers["etag"]
    parts = [{"part_number": number, "etag": etag, "url": "x"} for number, etag in etags.items()]
    done = {"path": "whole.bin", "upload_id": made["upload_id"], "parts": parts}
    assert server.ask("POST", f"{PARTS}/complete/parts", done).json == {}
    assert server.ask("GET", f"{PROXY}/parts/whole.bin").body == b"part1part2part3"


def test_parts_can_be_thrown_away(server):
    made = server.ask("POST", f"{PARTS}/create/gone", {"path": "f.bin", "num_parts": 1}).json
    address = urlsplit(made["credentials"][0]["url"])
    etag = server.ask("PUT", f"{address.path}?{address.query}", b"part").headers["etag"]
    end = {"path": "f.bin", "upload_id": made["upload_id"]}
    assert server.ask("POST", f"{PARTS}/abort/gone", end).json == {}
    answer = server.ask("POST", f"{PARTS}/complete/gone", {**end, "parts": [{"part_number": 1, "etag": etag}]})
    assert answer.status == 404
    assert server.ask("GET", f"{PROXY}?path=gone").json == {}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"path": 3}', b'{"path": "f", "num_parts": 0}'])
def test_a_wrong_request_for_parts(server, body):
    answer = server.ask("POST", f"{PARTS}/create/x", body, {"Content-Type": "application/json"})
    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_files_of_a_run(server):
    run = server.new_run()
    upload = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=dir/n.txt"
    assert server.ask("POST", upload, b"note").status == 200
    answer = server.ask("GET", f"/get-artifact?run_id={run}&path=dir/n.txt")
    assert answer.body == b"note"
    listed = server.ask("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run}&path=dir").json
    assert listed["files"] == [{"path": "dir/n.txt", "is_dir": False, "file_size": 4}]
    assert listed["root_uri"] == f"mlflow-artifacts:/0/{run}/artifacts"


@pytest.mark.parametrize(
    ("query", "body", "message"),
    [
        ("path=x", b"x", "Request must specify run_uuid."),
        ("run_uuid=x", b"x", "Request must specify path."),
        ("run_uuid=x&path=x", b"", "Request must specify data."),
        ("run_uuid=x&path=x", b"x" * 10_000_001, "Artifact size is too large. Max size is 10MB."),
    ],
)
def test_what_an_upload_to_a_run_must_have(server, query, body, message):
    answer = server.ask("POST", f"/ajax-api/2.0/mlflow/upload-artifact?{query}", body)
    assert (answer.status, answer.json["message"]) == (400, message)


def test_files_of_a_logged_model(server):
    made = server.ask("POST", "/api/2.0/mlflow/logged-models", {"experiment_id": "0"}).json
    info = made["model"]["info"]
    path = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
    server.ask("PUT", f"{PROXY}/{path}/MLmodel", b"flavors:")
    file = f"/ajax-api/2.0/mlflow/logged-models/{info['model_id']}/artifacts/files"
    assert server.ask("GET", f"{file}?artifact_file_path=MLmodel").body == b"flavors:"
    assert server.ask("GET", file).json["message"] == ('Request must include the "artifact_file_path" query parameter.')
    folder = f"/api/2.0/mlflow/logged-models/{info['model_id']}/artifacts/directories"
    assert server.ask("GET", folder).json["files"] == [{"path": "MLmodel", "is_dir": False, "file_size": 8}]


def test_a_store_that_cannot_sign_says_so(server):
    answer = server.ask("GET", "/api/2.0/mlflow-artifacts/presigned/x")
    assert (answer.status, answer.json["error_code"]) == (501, "NOT_IMPLEMENTED")
    run = server.new_run()
    answer = server.post("artifacts/presigned-upload-url", {"run_id": run, "path": "x"})
    assert answer.status == 400
    assert answer.json["message"].startswith("Presigned upload is not supported for proxied artifact storage")


UPLOAD = """
import http.client, json, sys
port, size = int(sys.argv[1]), int(sys.argv[2])
piece = b"z" * (1 << 20)
connection = http.client.HTTPConnection("127.0.0.1", port)
connection.request("PUT", "/api/2.0/mlflow-artifacts/artifacts/big.bin", (piece for _ in range(size)),
                   {"Content-Length": str(size << 20)})
assert connection.getresponse().read() == b"{}"
connection.request("GET", "/api/2.0/mlflow-artifacts/artifacts/big.bin")
answer, got = connection.getresponse(), 0
while chunk := answer.read(1 << 20):
    got += len(chunk)
print(got)
"""

SERVE = """
import resource, sys
from tidemill.server.config import ServerConfig
from tidemill.server.launch import serve
serve(ServerConfig(port=0, store="t.db", artifacts="files"), lambda url: print(url, flush=True))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    server = subprocess.Popen([sys.executable, "-c", SERVE], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip().rpartition(":")[2]
        status = f"/proc/{server.pid}/status"
        if not os.path.exists(status):
            pytest.skip("needs /proc to see a process's memory")
        before = peak_mb(status)
        done = subprocess.run(
            [sys.executable, "-c", UPLOAD, port, "300"], stdout=subprocess.PIPE, text=True, check=True, timeout=120
        )
        assert int(done.stdout) == 300 << 20
        assert peak_mb(status) - before < 50
    finally:
        server.terminate()
        server.communicate(timeout=20)


def peak_mb(status: str) -> float:
    text = Path(status).read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024


def test_every_transfer_has_a_permission_and_a_function(server):
    from tidemill.api.artifacts import TRANSFERS
    from tidemill.server.files import Files

    assert all(row.allow and row.summary and callable(getattr(Files, row.name)) for row in TRANSFERS)
    assert json.loads(server.ask("GET", "/openapi.json").body)["paths"][PROXY + "/{path}"]["put"]
