import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

COMMAND = [sys.executable, "-m", "tidemill.cli.main", "server"]


@contextmanager
def serving(folder: Path, *words: str, port: str = "0") -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TIDEMILL_"))}
    command = [*COMMAND, "--port", port, *words]
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline(), process
        finally:
            process.kill()


def get(address: str) -> Any:
    with urlopen(address, timeout=10) as answer:
        return answer.read().decode()


def test_one_line_says_where_it_is_and_what_it_serves(tmp_path: Path) -> None:
    with serving(tmp_path) as (line, process):
        address = line.split()[0]
        assert line == f"{address} serves .tidemill/tidemill.db, files in .tidemill/artifacts. Ctrl-C stops it.\n"
        assert address.startswith("http://127.0.0.1:")
        assert get(f"{address}/health") == "OK"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
    assert (tmp_path / ".tidemill" / "tidemill.db").exists()


@pytest.mark.parametrize(
    "names",
    [
        ("--store", "--artifacts", "--artifact-root"),
        ("--backend-store-uri", "--artifacts-destination", "--default-artifact-root"),
    ],
)
def test_places_in_our_words_and_in_mlflow_s(tmp_path: Path, names: tuple[str, str, str]) -> None:
    store, artifacts, root = names
    words = [store, "sqlite:///data/x.db", artifacts, "files", root, str(tmp_path / "direct")]
    with serving(tmp_path, *words, "--static-prefix", "/tm/", "--workers", "2") as (line, process):
        address = line.split()[0]
        assert address.endswith("/tm")
        assert "serves sqlite:///data/x.db, files in files" in line
        found = json.loads(get(f"{address}/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"))
        assert found["experiment"]["artifact_location"].endswith("direct/0")
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert (tmp_path / "data" / "x.db").exists()


def test_log_level(tmp_path: Path) -> None:
    for level, expected in (("debug", True), ("info", False)):
        with serving(tmp_path, "--log-level", level) as (line, process):
            get(f"{line.split()[0]}/health")
            process.terminate()
            _, err = process.communicate(timeout=20)
        assert ("GET /health" in err) is expected


def test_a_port_that_is_taken(cli: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        cli("server", "--port", port).fails(1, f"Port {port} on 127.0.0.1 is in use already")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--host", "0.0.0.0"], "--allow-unauthenticated"),
        (["--host", "no.such.host.invalid"], "allow-unauthenticated"),
        (["--host", "no.such.host.invalid", "--allow-unauthenticated"], "Cannot listen"),
        (["--store", "mysql://u:hidden@h/d"], "mysql"),
        (["--store", "postgresql://u:hidden@127.0.0.1:9/d"], "PostgreSQL at 127.0.0.1"),
        (["--artifacts", "dbfs:/x"], "dbfs"),
        (["--artifacts", "mlflow-artifacts:/x"], "mlflow-artifacts"),
    ],
)
def test_what_cannot_be_served_is_one_line(cli: Any, words: list[str], part: str) -> None:
    assert "hidden" not in cli("server", "--port", "0", *words).fails(1, part)
