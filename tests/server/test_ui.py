"""The web interface as it is served: pages, files, what browsers are told about them, and an installation without it."""

import gzip
import importlib.util
import re
from pathlib import Path

import pytest

from tidemill.server import ui

INDEX = (
    '<!doctype html><html><head><base href="/" /></head><body><script src="./assets/main-1.js"></script></body></html>'
)


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A built interface of two files."""
    folder = tmp_path / "ui_dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "main-1.js").write_text("console.log(1);")
    (folder / "assets" / "main-1.js.gz").write_bytes(gzip.compress(b"console.log(1);"))
    (folder / "built-from").write_text("0123")
    yield from use(folder, monkeypatch)


@pytest.fixture
def missing(tmp_path, monkeypatch):
    """An installation without the interface."""
    yield from use(tmp_path / "nothing", monkeypatch)


def use(folder, monkeypatch):
    monkeypatch.setattr(ui, "FOLDER", folder)
    for remembered in (ui._assets, ui._page):
        remembered.cache_clear()
    yield folder
    for remembered in (ui._assets, ui._page):
        remembered.cache_clear()


@pytest.mark.parametrize("prefix", ["", "/team"])
@pytest.mark.parametrize("path", ["/", "/experiments", "/experiments/1,2", "/runs/0123/files/a/b.txt", "/models/a%2Fb"])
def test_every_page_is_the_one_page(built, serve, prefix, path):
    answer = serve(static_prefix=prefix).ask("GET", prefix + path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert f'<base href="{prefix}/" />' in answer.body.decode()
    assert answer.headers["cache-control"] == "no-cache"


def test_nothing_inline_and_nothing_from_elsewhere_may_run(built, serve):
    policy = serve().ask("GET", "/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'self'" in policy


def test_hashed_files_are_kept_forever_and_packed_as_asked(built, serve):
    server = serve()
    plain = server.ask("GET", "/assets/main-1.js")
    assert plain.body == b"console.log(1);"
    assert plain.headers["content-type"].split(";")[0] in ("text/javascript", "application/javascript")
    assert "immutable" in plain.headers["cache-control"]
    assert "content-encoding" not in plain.headers
    packed = server.ask("GET", "/assets/main-1.js", headers={"Accept-Encoding": "gzip, deflate"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    refused = server.ask("GET", "/assets/main-1.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers


def test_what_the_browser_has_is_not_sent_again(built, serve):
    server = serve()
    etag = server.ask("GET", "/").headers["etag"]
    with server.connect() as connection:
        connection.sendall(
            f"GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {etag}\r\nConnection: close\r\n\r\n".encode()
        )
        said = b""
        while piece := connection.recv(65536):
            said += piece
    assert said.startswith(b"HTTP/1.1 304")
    assert said.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("path", ["/assets/other.js", "/built-from", "/index.html", "/assets/../app.py", "/nonsense"])
def test_what_is_not_a_file_of_it_is_not_found(built, serve, path):
    assert serve().ask("GET", path).status == 404


def test_an_unknown_operation_is_no_page(built, serve):
    answer = serve().ask("GET", "/api/2.0/mlflow/experiments/nonsense")
    assert answer.status == 404
    assert answer.json["error_code"] == "ENDPOINT_NOT_FOUND"


def test_without_it_the_server_says_how_to_build_it(missing, serve):
    server = serve()
    answer = server.ask("GET", "/")
    assert answer.status == 200
    assert "python ui/build.py" in answer.body.decode()
    assert "script-src" not in answer.headers["content-security-policy"]
    assert server.ask("GET", "/health").status == 200


def test_the_types_say_what_the_operations_say():
    """What ui/src/api/schema.ts holds agrees with the operation table; operations it does not use yet may be missing."""
    place = Path(__file__).parents[2] / "ui" / "scripts" / "make_types.py"
    spec = importlib.util.spec_from_file_location("make_types", place)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    stale = script.blocks(script.FILE.read_text()) - script.blocks(script.render())
    assert not stale, "run: python ui/scripts/make_types.py"


def test_the_lock_file_names_no_registry():
    text = (Path(__file__).parents[2] / "ui" / "package-lock.json").read_text()
    assert not re.findall(r'"resolved"', text)


@pytest.mark.parametrize("name", ["page.html", "picture.svg", "MLmodel", "data.xml"])
def test_artifacts_run_nothing_in_our_origin(serve, name):
    server = serve()
    run_id = server.new_run()
    body = b"<script>fetch('/api/2.0/mlflow/runs/delete', {method: 'POST'})</script>"
    uploaded = server.ask("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path={name}", body)
    assert uploaded.status == 200
    answer = server.ask("GET", f"/get-artifact?run_id={run_id}&path={name}")
    assert answer.body == body
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_a_request_says_is_never_answered_as_a_page(serve):
    answer = serve().ask("GET", "/experiments-of-mine/<script>alert(1)</script>")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "http://127.0.0.1.evil.example"])
def test_strangers_pages_change_nothing(serve, origin):
    server = serve()
    refused = server.post("experiments/create", {"name": "theirs"}, {"Origin": origin})
    assert refused.status == 403
    assert server.ask("GET", "/api/2.0/mlflow/experiments/get-by-name?experiment_name=theirs").status == 404
    rebound = server.ask("GET", "/", headers={"Host": "evil.example"})
    assert rebound.status == 403
