"""A fresh folder and a fresh process state for each test; the same tests embedded and against a real server process."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tidemill
from tidemill.tracking import resolve, run, start

_SERVE = """
import sys
from tidemill.server.config import ServerConfig
from tidemill.server.launch import serve
serve(ServerConfig(host="127.0.0.1", port=0, store=sys.argv[1], artifacts=sys.argv[2]), lambda url: print(url, flush=True))
"""


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(os.environ)
    for name in [name for name in before if name.startswith(("MLFLOW_", "TIDEMILL_"))]:
        del os.environ[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start, "_chosen", None)
    monkeypatch.setattr(start, "_clients", {})
    resolve.choose(None)
    yield
    for active in reversed(run.stack()):
        run._forget(active)
    run._of_thread.last = None
    resolve.choose(None)
    resolve.close_all()
    # What set_tracking_uri and set_experiment left in the environment goes with the test.
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server process."""
    folder = tmp_path_factory.mktemp("server")
    command = [sys.executable, "-c", _SERVE, str(folder / "server.db"), str(folder / "artifacts")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http"), "the server did not start"
        yield address
        process.terminate()
        process.wait(20)


@pytest.fixture
def direct(fresh: None) -> None:
    """No journal: for tests of what only the store itself can refuse, on the spot. Name it before `store`."""
    os.environ["TIDEMILL_SYNC"] = "1"


@pytest.fixture(params=["embedded", "http"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store, set as the tracking URI, with an experiment of the test's own."""
    address = str(tmp_path / "store") if request.param == "embedded" else request.getfixturevalue("server")
    tidemill.set_tracking_uri(address)
    tidemill.set_experiment(f"test-{uuid.uuid4().hex}")
    return str(address)


@pytest.fixture
def client(store: str) -> tidemill.Client:
    return tidemill.Client(store)


@pytest.fixture
def experiment_id(store: str) -> str:
    return start.experiment_in_force()


@pytest.fixture
def script(tmp_path: Path) -> Any:
    """Run a Python text in a process of its own, in the test's folder; its output."""

    def run_script(text: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "script.py"
        path.write_text(text)
        done = subprocess.run(
            [sys.executable, str(path)],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=60,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run_script
