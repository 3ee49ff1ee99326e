"""Servers and foreign clients: ours, MLflow's own, and the Python environments that hold an unmodified MLflow.

The environments are found by `TIDEMILL_TEST_MLFLOW3` and `TIDEMILL_TEST_MLFLOW2`, each the path of a Python that has
mlflow, else at `.venv-mlflow3` and `.venv-mlflow2` at the top of the checkout. MLflow is never imported here.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.testing.receiver import ALLOWED
from tidemill.testing.server import server_process

_COMPARED = (3, 17)
_TOP = Path(__file__).parents[2]
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}
_CLIENT = {
    # A mistake shows at once instead of after minutes of retries.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false",
    # The client looks for a model's requirements by loading it in a process of its own, for most of a minute.
    "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "1",
}


def find_mlflow(major: int) -> str:
    """A Python with MLflow of that major version; skips the test where there is none."""
    variable = f"TIDEMILL_TEST_MLFLOW{major}"
    named = os.environ.get(variable)
    found = Path(named) if named else _TOP / f".venv-mlflow{major}" / "bin" / "python"
    if not found.exists():
        pytest.skip(
            f"no MLflow {major}.x: python3 -m venv .venv-mlflow{major} && .venv-mlflow{major}/bin/pip install "
            f"'mlflow>={major},<{major + 1}', or name a Python that has it in {variable}"
        )
    return str(found)


@contextlib.contextmanager
def mlflow_server(folder: Path, python: str) -> Iterator[str]:
    """MLflow's own server on SQLite, one worker, proxied artifacts; gives its address."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    command = [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/files"]
    environment = {**os.environ, **_QUIET, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_healthy(address, process, folder / "server.log")
        yield address
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_healthy(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address + "/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.25)
    raise AssertionError(f"MLflow's server did not start:\n{log.read_text()[-3000:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a server and its workers: all of the process group that it leads."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)


@pytest.fixture(scope="session", params=[3, 2], ids=["mlflow3", "mlflow2"])
def mlflow_python(request: pytest.FixtureRequest) -> str:
    """A Python with an unmodified MLflow, first 3.x, then 2.x."""
    return find_mlflow(request.param)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server of ours for the session; its address."""
    folder = tmp_path_factory.mktemp("tidemill")
    with server_process(folder / "tidemill.db", folder / "artifacts", env=ALLOWED) as started:
        yield started.address


@pytest.fixture
def client_environment(server: str) -> dict[str, str]:
    """The environment of a program that uses MLflow's client against `server`."""
    ours = ("MLFLOW_", "TIDEMILL_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, **_QUIET, **_CLIENT, "MLFLOW_TRACKING_URI": server}


@pytest.fixture
def their_server(tmp_path: Path) -> Iterator[str]:
    """The address of MLflow's own server, empty."""
    with mlflow_server(tmp_path / "mlflow", find_mlflow(3)) as address:
        yield address


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.deep)])
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """MLflow's own server and one of ours, both empty; their addresses. Ours on each database in turn."""
    python = find_mlflow(3)
    folder = tmp_path_factory.mktemp("tidemill")
    store = str(folder / "tidemill.db") if request.param == "sqlite" else request.getfixturevalue("postgres_address")
    with (
        mlflow_server(tmp_path_factory.mktemp("mlflow"), python) as theirs,
        server_process(store, folder / "artifacts") as ours,
    ):
        with urllib.request.urlopen(theirs + "/version", timeout=20) as answer:
            version = answer.read().decode()
        if tuple(map(int, version.split(".")[:2])) < _COMPARED:
            pytest.skip(f"MLflow {version} answers some requests in other ways than 3.17, which ours is compared with")
        yield theirs, ours.address
