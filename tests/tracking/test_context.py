import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tidemill.tracking import context, git

SHOW = "import json\nfrom tidemill.tracking import context\nprint(json.dumps(context.captured()))"


def captured_by(path: Path, *words: str, **env: str) -> dict[str, str]:
    path.write_text(SHOW)
    done = subprocess.run(
        [sys.executable, str(path), *words], capture_output=True, text=True, check=True, env={**os.environ, **env}
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_a_script_in_a_repository(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "-b", "trunk", str(tmp_path)], check=True)
    found = captured_by(tmp_path / "train.py", "--epochs", "3", USER="ada", LOGNAME="ada")
    assert found["mlflow.user"] == "ada"
    assert found["mlflow.source.name"] == str(tmp_path / "train.py")
    assert found["mlflow.source.type"] == "LOCAL"
    assert found["mlflow.source.git.branch"] == "trunk"
    assert found["tidemill.command"] == f"{tmp_path}/train.py --epochs 3"
    assert found["tidemill.python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["tidemill.platform"].startswith(os.uname().sysname)
    assert len(found["tidemill.packages"]) == 16


def test_secrets_on_the_command_line_are_not_kept(tmp_path: Path) -> None:
    words = [
        "--api-key",
        "k1",
        "--token=k2",
        "--password",
        "k3",
        "postgresql://u:k4@host/db",
        "--lr",
        "0.1",
        "--secret-x",
    ]
    found = captured_by(tmp_path / "train.py", *words)["tidemill.command"]
    assert found == (
        f"{tmp_path}/train.py --api-key '***' '--token=***' --password '***' postgresql://host/db --lr 0.1 --secret-x"
    )


def test_capture_can_be_switched_off(tmp_path: Path) -> None:
    found = captured_by(tmp_path / "train.py", TIDEMILL_CAPTURE="no")
    assert set(found) == {"mlflow.user", "mlflow.source.name", "mlflow.source.type"}


def test_nothing_that_goes_wrong_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("odd machine")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", fail)
    monkeypatch.setattr(os, "uname", fail)
    monkeypatch.setattr(git, "find", fail)
    monkeypatch.setattr(sys, "argv", [])
    assert context.captured() == {}


def test_packages_are_those_that_would_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Some_Pkg-1.2.dist-info", "old-0.1-py3.11.egg-info", "not-a-package", "nodash.dist-info"):
        (tmp_path / "one" / name).mkdir(parents=True)
    (tmp_path / "two" / "some_pkg-9.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "one"), str(tmp_path / "two"), str(tmp_path / "missing")])
    assert context.packages() == "old==0.1\nsome-pkg==1.2\n"


def test_notebooks_are_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    class ZMQInteractiveShell:
        user_ns = {"__vsc_ipynb_file__": "/home/ada/study.ipynb"}

    class IPython:
        @staticmethod
        def get_ipython() -> ZMQInteractiveShell:
            return ZMQInteractiveShell()

    monkeypatch.setitem(sys.modules, "IPython", IPython)  # type: ignore[arg-type]
    found = context.captured()
    assert (found["mlflow.source.name"], found["mlflow.source.type"]) == ("/home/ada/study.ipynb", "NOTEBOOK")
    assert "tidemill.command" not in found
