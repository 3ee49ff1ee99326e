"""Projects written for the tests, an own cache, and `tidemill` as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from tidemill.tracking import resolve
from tidemill.tracking.client import Client

SOURCES = Path(__file__).parents[2] / "src"
COMMAND = [sys.executable, "-m", "tidemill.cli.main"]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    def works(self) -> "Result":
        assert self.code == 0, self
        assert "Traceback" not in self.err
        return self

    def fails(self, code: int, *words: str) -> str:
        assert self.code == code, self
        assert "Traceback" not in self.err, self.err
        for word in words:
            assert word in self.err, self.err
        return self.err


Cli = Callable[..., Result]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A clean environment with an own store, cache and home; `python` is the one of the tests."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TIDEMILL_"))}
    home = tmp_path / "home"
    home.mkdir()
    return {
        **keep,
        "PATH": os.path.dirname(sys.executable) + os.pathsep + keep["PATH"],
        "PYTHONPATH": str(SOURCES),
        "TIDEMILL_URI": str(tmp_path / "store"),
        "TIDEMILL_CACHE": str(tmp_path / "cache"),
        "HOME": str(home),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", os.path.expanduser("~/.cache/uv")),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "COLUMNS": "200",
    }


@pytest.fixture
def cli(tmp_path: Path, environment: dict[str, str]) -> Cli:
    """Run `tidemill …` in the test's folder."""

    def run(*words: str, cwd: Path | None = None, **env: str) -> Result:
        done = subprocess.run(
            [*COMMAND, *words], cwd=cwd or tmp_path, env={**environment, **env}, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=250, check=False,
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def client(tmp_path: Path):
    """The store that the commands write."""
    yield Client(tmp_path / "store")
    resolve.close_all()


@pytest.fixture
def here(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The same environment in this process, for the Python API."""
    resolve.choose(None)  # other tests of this process have chosen theirs
    for name in [*os.environ]:
        if name.startswith(("MLFLOW_", "TIDEMILL_")):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    resolve.close_all()


def project(folder: Path, files: dict[str, str]) -> Path:
    """Write a project's files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


SHOW = """
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "env": {k: v for k, v in os.environ.items()
      if k.startswith(("MLFLOW_", "TIDEMILL_"))}}))
"""


def git(folder: Path, *words: str) -> str:
    """Run git in a folder."""
    done = subprocess.run(
        ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main", *words],
        cwd=folder, capture_output=True, text=True, check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"},
    )  # fmt: skip
    return done.stdout.strip()


def commit(folder: Path, message: str = "A step") -> str:
    """Commit everything and answer the commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def kit() -> SimpleNamespace:
    """What tests make projects and repositories with."""
    return SimpleNamespace(project=project, git=git, commit=commit, show=SHOW, command=COMMAND)


@pytest.fixture
def served(tmp_path: Path, environment: dict[str, str]):
    """The address of a server on the test's store."""
    from tidemill.testing.server import server_process

    with server_process(
        tmp_path / "store" / "tidemill.db", tmp_path / "store" / "artifacts", env=environment
    ) as server:
        yield server.address
