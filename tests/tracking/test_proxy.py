"""Which server the bytes of proxied artifacts go to, and what it learns."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import tidemill
from tidemill.artifacts.roots import PROXY_PATH
from tidemill.errors import InvalidParameter, NotFound
from tidemill.tracking.files import files_at
from tidemill.tracking.proxy import proxied


class _Elsewhere(BaseHTTPRequestHandler):
    """Somebody else's server: keeps what it is sent, with the headers."""

    seen: dict[str, tuple[bytes, str | None]] = {}

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen[self.path] = (body, self.headers["Authorization"])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_login_does_not_follow_to_another_server(
    server: str, elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    backend = tidemill.Client(server).backend
    for uri in (f"mlflow-artifacts://{elsewhere}/one", f"http://{elsewhere}/prefix{PROXY_PATH}/one"):
        files_at(uri, backend, server).write("a b.txt", b"x")
    files_at(f"http://{elsewhere}{PROXY_PATH}/own", backend, f"http://{elsewhere}").write("c.txt", b"y")
    assert _Elsewhere.seen == {
        f"{PROXY_PATH}/one/a%20b.txt": (b"x", None),
        f"/prefix{PROXY_PATH}/one/a%20b.txt": (b"x", None),
        f"{PROXY_PATH}/own/c.txt": (b"y", "Bearer secret"),
    }


def test_an_address_without_the_proxys_path_is_refused(server: str) -> None:
    with pytest.raises(InvalidParameter, match="is not an address of artifacts"):
        files_at("http://127.0.0.1:1/elsewhere", tidemill.Client(server).backend, server)


def test_the_proxy_is_a_storage(server: str, tmp_path: Path) -> None:
    storage = proxied(server, "storage/root", server)
    assert storage.list() == []
    with storage.open_writer("dir/ä%41+.bin") as writer:
        writer.write(b"abc")
        writer.write(b"defgh")
        assert writer.commit() == 8
    with storage.open_writer("dir/aborted") as writer:
        writer.write(b"x")
    assert storage.write("empty", []) == 0
    assert [(one.path, one.is_dir, one.file_size) for one in storage.list()] == [
        ("dir", True, None),
        ("empty", False, 0),
    ]
    assert [(one.path, one.file_size) for one in storage.list("dir")] == [("dir/ä%41+.bin", 8)]
    found = storage.stat("dir/ä%41+.bin")
    assert found is not None
    assert found.file_size == 8
    assert storage.stat("dir/aborted") is None
    top = storage.stat("")
    assert top is not None
    assert top.is_dir
    assert b"".join(storage.read("dir/ä%41+.bin", 2, 3)) == b"cde"
    assert b"".join(storage.read("dir/ä%41+.bin", 6)) == b"gh"
    assert b"".join(storage.read("dir/ä%41+.bin", 99)) == b""
    assert b"".join(storage.read("dir/ä%41+.bin", 0, 0)) == b""
    with pytest.raises(NotFound):
        storage.read("dir/nope")
    storage.delete("dir")
    storage.delete("dir")
    assert [one.path for one in storage.list()] == ["empty"]


def test_an_upload_that_is_cut_short_leaves_nothing(server: str) -> None:
    storage = proxied(server, "storage/cut", server)

    def broken() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        storage.write("a.bin", broken(), 200_000)
    with pytest.raises(InvalidParameter, match="changed while it was being sent"):
        storage.write("a.bin", [b"x"], 2)
    assert storage.list() == []
