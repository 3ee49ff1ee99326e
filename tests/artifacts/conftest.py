"""Storages to test against: each is a real server on loopback, started once a run and skipped where it cannot be."""

import asyncio
import base64
import functools
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import NamedTuple

import pytest

from tidemill.artifacts.storage import Storage, open_storage

AZURE_ACCOUNT = "devstoreaccount1"
# The well-known key of Azure's emulator, the same on every machine.
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
OCTETS = "application/octet-stream"

ESCAPES = [
    "..",
    "../",
    "../x",
    "a/../x",
    "a/../../x",
    "a/..",
    "./../x",
    "a//../..",
    "%2e%2e/x",
    "%2E%2E%2Fx",
    "..%2fx",
    "a%2f..%2f..%2fx",
    ".%2e/x",
    "%252e%252e/x",
    "%25252e%25252e%25252fx",
    "%" + "25" * 30 + "2e./x",
    "%2e",
    "a/%2e/b",
    "..\\x",
    "a\\..\\..\\x",
    "%5c..%5cx",
    "%255c..%255cx",
    "\\\\host\\share\\x",
    "//host/share/x",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "%252fetc/passwd",
    "C:\\x",
    "C:/x",
    "c:x",
    "C%3a%5cx",
    "a/C:/x",
    "file:///etc/passwd",
    "FILE:/etc/passwd",
    "file:x",
    "file%3a///etc/passwd",
    "dbfs:/etc/passwd",
    "s3://bucket/x",
    "http://host/x",
    "mlflow-artifacts:/../x",
    "#",
    "a#/../../x",
    "a%23x",
    "a%2523x",
    "a?/../../x",
    "a%3f/../x",
    "?..",
    ";/../x",
    "..;/x",
    "..;a=b/x",
    "a;..",
    "a/;%2e%2e/x",
    "a%3b../x",
    "a\0b",
    "a%00b",
    "a%2500b",
    "...",
    ".. /x",
    ". ./x",
    "a/\ud800",
]
"""Paths that no resolver may let through."""

RESERVED = [".tidemill-stage-0123456789abcdef/file", "a/.tidemill-parts-0/00001"]
"""Names that storages keep for themselves."""

NAMES = [
    "plain.txt",
    "with space.txt",
    "dog%step%20%timestamp%1700000000000%1a2b.png",
    "dog+step+20+timestamp+100.png",
    "100%.txt",
    "a%2Fb.txt",
    "%41.txt",
    "ünïcode-日本語-🌊.bin",
    "q?a=1&b=2.txt",
    "semi;colon=1.txt",
    "tilde~'quote'(1)[2]{3}!@$^,.txt",
    ".hidden",
    "..two-dots",
    "ends-with-dots..",
    "a:long:name",
    "n" * 200,
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "escape" in metafunc.fixturenames:
        metafunc.parametrize("escape", ESCAPES, ids=ascii)
    if "unreachable" in metafunc.fixturenames:
        metafunc.parametrize("unreachable", ESCAPES + RESERVED, ids=ascii)
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", NAMES, ids=lambda name: ascii(name[:30]))


class Place(NamedTuple):
    """Where a storage of one kind can be opened: an address, and the variables that hold its credentials."""

    address: str
    env: dict[str, str]


@pytest.fixture(params=["local", "s3", "gcs", "azure", "sftp", "ftp"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A fresh, empty folder in each kind of storage."""
    if request.param == "local":
        return Place(str(tmp_path / "storage"), {})
    server: Place = request.getfixturevalue(f"{request.param}_server")
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    return Place(f"{server.address}/{uuid.uuid4().hex}/run 1", server.env)


@pytest.fixture
def storage(place: Place) -> Iterator[Storage]:
    with open_storage(place.address) as opened:
        yield opened


@pytest.fixture(scope="session")
def s3_server(moto: str) -> Place:
    env = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    return Place("s3://tidemills3", env | {"MLFLOW_S3_ENDPOINT_URL": moto})


@pytest.fixture(scope="session")
def gcs_server(moto: str) -> Place:
    """moto again: obstore speaks Google's XML interface, which Google made after S3's.

    The emulators of Google Cloud Storage on PyPI speak its JSON interface alone.
    """
    return Place("gs://tidemillgcs", {"STORAGE_EMULATOR_HOST": moto})


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    pytest.importorskip("obstore", reason="pip install 'tidemill[s3]'")
    pytest.importorskip("moto", reason="pip install 'moto[server]'")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port):
        for bucket in ("tidemills3", "tidemillgcs"):
            http("PUT", f"http://127.0.0.1:{port}/{bucket}")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def azure_server(pytestconfig: pytest.Config) -> Iterator[Place]:
    pytest.importorskip("obstore", reason="pip install 'tidemill[azure]'")
    port = free_port()
    command = [azurite(pytestconfig), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    with running([*command, "--skipApiVersionCheck", "--disableTelemetry", "--silent"], port):
        endpoint = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
        make_container(endpoint, "tidemill")
        text = f"AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};BlobEndpoint={endpoint};"
        yield Place("az://tidemill", {"AZURE_STORAGE_CONNECTION_STRING": text})


def azurite(config: pytest.Config) -> str:
    """Azure's emulator: on the PATH, or installed from npm into pytest's cache folder."""
    found = shutil.which("azurite-blob")
    folder = config.cache.mkdir("azurite")
    installed = folder / "node_modules" / ".bin" / "azurite-blob"
    if found is None and not installed.exists():
        if shutil.which("npm") is None or shutil.which("node") is None:
            pytest.skip("Azure's emulator needs node and npm, or azurite-blob on the PATH")
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), "azurite@3"]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=240)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"npm install azurite failed: {error}")
    return found or str(installed)


def make_container(endpoint: str, name: str) -> None:
    """Create a container with a request signed as Azure's documentation of "Shared Key" has it."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    signed = "PUT" + "\n" * 5 + OCTETS + "\n" * 7 + "".join(f"{key}:{value}\n" for key, value in headers.items())
    signed += f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{name}\nrestype:container"
    digest = hmac.new(base64.b64decode(AZURE_KEY), signed.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {AZURE_ACCOUNT}:{base64.b64encode(digest).decode()}"
    http("PUT", f"{endpoint}/{name}?restype=container", headers=headers)


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    asyncssh = pytest.importorskip("asyncssh", reason="pip install 'tidemill[sftp]'")
    home = tmp_path_factory.mktemp("sftp")
    (home / "files").mkdir()
    key = asyncssh.generate_private_key("ssh-ed25519")

    class Login(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("user", "secret word")

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    factory = functools.partial(asyncssh.SFTPServer, chroot=os.fsencode(home))
    listening = asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], server_factory=Login, sftp_factory=factory, sftp_version=3
    )
    server = asyncio.run_coroutine_threadsafe(_awaited(listening), loop).result(30)
    port = server.get_port()
    known_hosts = home / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")
    yield Place(
        f"sftp://127.0.0.1:{port}/files",
        {
            "TIDEMILL_SFTP_USER": "user",
            "TIDEMILL_SFTP_PASSWORD": "secret word",
            "TIDEMILL_SFTP_KNOWN_HOSTS": str(known_hosts),
        },
    )
    asyncio.run_coroutine_threadsafe(_closed(server), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(30)
    loop.close()


async def _awaited(work):
    return await work


async def _closed(server) -> None:
    server.close()
    await server.wait_closed()


@pytest.fixture(scope="session")
def ftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    handlers = pytest.importorskip("pyftpdlib.handlers", reason="pip install pyftpdlib")
    with ftp_serving(handlers.FTPHandler, tmp_path_factory.mktemp("ftp")) as place:
        yield place


@pytest.fixture
def serving_ftp():
    """The class `ftp_serving`, for tests that need a server of their own."""
    return ftp_serving


class ftp_serving:  # noqa: N801 - reads as a verb
    """An FTP server with `handler`, in a thread, for the user `user` with the password `secret word`."""

    def __init__(self, handler: type, home: Path, **settings: object) -> None:
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.ioloop import IOLoop
        from pyftpdlib.servers import ThreadedFTPServer

        authorizer = DummyAuthorizer()
        authorizer.add_user("user", "secret word", str(home), perm="elradfmwMT")
        (home / "files").mkdir()
        kind = type("Handler", (handler,), {"authorizer": authorizer, "auth_failed_timeout": 0, **settings})
        apart = type("Server", (ThreadedFTPServer,), {"_exit": threading.Event()})  # else closing one ends all
        self._server = apart(("127.0.0.1", 0), kind, ioloop=IOLoop())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"handle_exit": False})

    def __enter__(self) -> Place:
        self._thread.start()
        env = {"TIDEMILL_FTP_USER": "user", "TIDEMILL_FTP_PASSWORD": "secret word"}
        return Place(f"ftp://127.0.0.1:{self._server.address[1]}/files", env)

    def __exit__(self, *_: object) -> None:
        self._server.close_all()
        self._thread.join(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class running:  # noqa: N801 - reads as a verb
    """A server process that answers on `port`; killed at the end."""

    def __init__(self, command: list[str], port: int) -> None:
        self._command, self._port = command, port

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    pytest.skip(f"the test server did not start: {self._command[0]}")
                time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def request_http():
    """The function `http`, for tests."""
    return http


def http(verb: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """One request as any client would send it; HTTPError for a status of 400 or more."""
    data = body if verb in ("PUT", "POST") else None
    headers = {"Content-Type": OCTETS} | (headers or {})  # urllib's own choice is a form's
    request = urllib.request.Request(url, data=data, method=verb, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()
