"""A server to be cruel to, on a port of its own so that it can come back at the same address."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tidemill.testing.faults import free_port
from tidemill.testing.server import ServerProcess, server_process
from tidemill.tracking import resolve
from tidemill.tracking.client import Client

Start = Callable[[], AbstractContextManager[ServerProcess]]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "TIDEMILL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield
    resolve.close_all()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder in which the programs under test run."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def start(tmp_path: Path, port: int) -> Start:
    """Starts a server, again and again the same."""

    def begin() -> AbstractContextManager[ServerProcess]:
        return server_process(tmp_path / "server.db", tmp_path / "artifacts", "--port", str(port))

    return begin


@pytest.fixture
def address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def steps() -> Callable[[str, str, str], list[int]]:
    """The steps of a metric's history that a server has, each as often as it has it."""

    def read(server: str, run_id: str, key: str) -> list[int]:
        os.environ["TIDEMILL_SYNC"] = "1"
        try:
            found = [point.step for point in Client(server).get_metric_history(run_id, key)]
            assert Client(server).get_run(run_id)
            return found
        finally:
            del os.environ["TIDEMILL_SYNC"]
            resolve.close_all()

    return read


@pytest.fixture
def sync() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `tidemill sync`."""

    def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "import sys; from tidemill.cli.main import main; sys.exit(main())", "sync"]
        return subprocess.run([*command, str(folder), *options], capture_output=True, text=True, timeout=120)

    return run
