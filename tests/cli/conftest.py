"""The command as a process of its own, in a folder of its own; a small store to look at."""

import contextlib
import fcntl
import json
import os
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tidemill.cli.main import main
from tidemill.tracking import resolve
from tidemill.tracking.client import Client
from tidemill.tracking.entities import Dataset, DatasetInput, InputTag

ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("MLFLOW_", "TIDEMILL_")) and name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")
}
COMMAND = [sys.executable, "-m", "tidemill.cli.main"]
START = 1_700_000_000_000


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def fails(self, code: int, *words: str) -> str:
        """Nothing on standard output, one line on standard error that holds these words."""
        assert (self.code, self.out) == (code, ""), self
        assert len(self.err.splitlines()) == 1, self.err
        assert self.err.startswith("Error: ")
        for word in words:
            assert word in self.err, self.err
        return self.err

    def works(self) -> "Result":
        assert self.code == 0, self
        assert "Traceback" not in self.err
        return self


Cli = Callable[..., Result]


def run_cli(*words: str, cwd: Path, **env: str) -> Result:
    """`tidemill …` in a process of its own: a fork of this one, which has imported everything already."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _become(words, cwd, env, out.fileno(), err.fileno())
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return Result(os.waitstatus_to_exitcode(status), out.read().decode(), err.read().decode())


def _become(words: tuple[str, ...], cwd: Path, env: dict[str, str], out: int, err: int) -> None:
    code = 99
    try:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update({**ENVIRONMENT, **env})
        for number, stream in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
            os.dup2(stream, number)
        streams = [open(number, mode, closefd=False) for number, mode in enumerate("rww")]  # noqa: SIM115 - until the end
        sys.stdin, sys.stdout, sys.stderr = streams
        code = main(words)
        resolve.close_all()
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run `tidemill …` in the test's folder."""

    def run(*words: str, **env: str) -> Result:
        return run_cli(*words, cwd=tmp_path, **env)

    return run


@pytest.fixture
def new_process(tmp_path: Path) -> Cli:
    """Run `tidemill …` in a new interpreter, which finds its modules by itself."""

    def run(*words: str, **env: str) -> Result:
        done = subprocess.run(
            [*COMMAND, *words], cwd=tmp_path, env={**ENVIRONMENT, **env}, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=120, check=False,
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def sample_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store folder with two experiments and five runs; copied, never used itself."""
    folder = tmp_path_factory.mktemp("sample")
    client = Client(folder)
    fruit = client.create_experiment("fruit", tags={"team": "orchard"})
    vegetables = client.create_experiment("vegetables")
    apple = _run(client, fruit, "apple", 0, {"lr": "0.1", "depth": "3", "model": "tree"}, loss=0.25, accuracy=0.9)
    _run(client, fruit, "banana", 1, {"lr": "0.2", "depth": "3", "model": "linear"}, loss=0.5, accuracy=0.95)
    _run(client, fruit, "cherry", 2, {"lr": "0.3", "depth": "3"}, status="FAILED", loss=float("nan"))
    _run(client, vegetables, "apple", 3, {}, loss=1e-7)
    _run(client, vegetables, "évil\x1b[31m\nname 日本語 " + "x" * 60, 4, {"note": "a\tb" * 30})
    dataset = Dataset("trees", "abc123", "local", '{"uri": "trees.csv"}')
    client.log_inputs(apple, [DatasetInput(tags=[InputTag("mlflow.data.context", "training")], dataset=dataset)])
    client.log_text(apple, "hello", "notes/a.txt")
    client.log_text(apple, "x" * 2000, "top.txt")
    resolve.close_all()
    return folder


def _run(
    client: Client,
    experiment: str,
    name: str,
    place: int,
    params: dict[str, str],
    status: str = "FINISHED",
    **metrics: float,
) -> str:
    run_id = client.create_run(
        experiment, START + place * 60_000, {"mlflow.user": "ada", "kind": "test"}, name
    ).info.run_id
    client.log_params(run_id, params)
    for key, last in metrics.items():
        for step in range(20):
            client.log_metric(run_id, key, last + (19 - step) / 10, START + step, step)
    client.set_terminated(run_id, status, START + place * 60_000 + 5_000)
    return run_id


@pytest.fixture
def filled(sample_store: Path, tmp_path: Path) -> Path:
    """The sample store as the default one of the test's folder."""
    return Path(shutil.copytree(sample_store, tmp_path / ".tidemill"))


def start_server(folder: Path, *words: str) -> tuple["subprocess.Popen[str]", str]:
    """A server on a free port, and its address."""
    process = subprocess.Popen(
        [*COMMAND, "server", "--port", "0", *words], cwd=folder, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("http://"):
        process.kill()
        raise AssertionError(f"the server did not start: {line!r} {process.communicate()}")
    return process, line.split()[0]


@pytest.fixture
def served(filled: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a server on the sample store."""
    process, address = start_server(tmp_path)
    with process:
        yield address
        process.terminate()
        process.wait(20)


@pytest.fixture
def at_terminal(tmp_path: Path) -> Callable[..., str]:
    """Run `tidemill …` as a person at a terminal does, and answer what is seen."""

    def run(*words: str, answer: str = "", columns: int = 100, **env: str) -> str:
        outer, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        process = subprocess.Popen(
            [*COMMAND, *words], cwd=tmp_path, stdin=inner, stdout=inner, stderr=inner,
            env={**ENVIRONMENT, "TERM": "xterm-256color", **env},
        )  # fmt: skip
        os.close(inner)
        os.write(outer, answer.encode())
        seen = b""
        with contextlib.suppress(OSError):  # Linux says so when the other side has closed
            while chunk := os.read(outer, 4096):
                seen += chunk
        os.close(outer)
        process.wait(20)
        return seen.decode()

    return run
