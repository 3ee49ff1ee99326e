"""The tutorial on adopting the registry alone: an unmodified MLflow client and our commands, as they stand on the page."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tutorials" / "adopt-registry.md"
CLI = [sys.executable, "-c", "import sys; from tidemill.cli.main import main; sys.exit(main())"]
PROTECTED = """
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
try:
    MlflowClient().set_registered_model_alias("wine", "champion", "2")
except MlflowException as error:
    print(error.error_code, error)
"""


def test_the_tutorial(mlflow_python: str, client_environment: dict[str, str], server: str, tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    environment = {**client_environment, "MLFLOW_REGISTRY_URI": server}
    (script,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    commands = [shlex.split(line) for line in re.findall(r"^tidemill (registry .*)$", text, re.MULTILINE)]
    assert len(commands) == 12
    # Both clients share a server.
    name = f"wine-{Path(mlflow_python).parents[1].name}"
    said = _mlflow(mlflow_python, re.sub(r"\bwine\b", name, script), environment, tmp_path)
    assert re.search(r"\[\d \d \d\]", said), said
    ids = {"1": "1"}
    for words in commands:
        words = [name if word == "wine" else word for word in words]
        if words[1] in ("request", "approve"):
            words[2] = ids["1"]
        done = _tidemill(words, server, tmp_path)
        if words[1] == "protect":
            refused = _mlflow(mlflow_python, PROTECTED.replace("wine", name), environment, tmp_path)
            assert "PERMISSION_DENIED" in refused
            assert f"tidemill registry ask {name}" in refused
        if words[1] == "ask":
            ids["1"] = done.strip()
    assert "champion → 2" in _tidemill(["registry", "show", name], server, tmp_path)
    history = _tidemill(["registry", "history", name, "--alias", "champion"], server, tmp_path)
    assert "looked at the slices" in history
    shown = _tidemill(["registry", "request", ids["1"]], server, tmp_path)
    assert "it fits that of version 1" in shown


def _mlflow(python: str, script: str, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [python, "-W", "ignore", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=200,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _tidemill(words: list[str], server: str, folder: Path) -> str:
    done = subprocess.run(
        [*CLI, *words], cwd=folder, env={**os.environ, "TIDEMILL_URI": server}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
