"""An unmodified MLflow in a process of its own, which loads what Tidemill saved and saves what Tidemill loads.

The Python that has it is found by `TIDEMILL_TEST_MLFLOW3`, else at `.venv-mlflow3` at the top of the checkout. A test
whose framework that Python, or this one, does not have is skipped and says so.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

_TOP = Path(__file__).parents[2]
_WORKER = Path(__file__).with_name("mlflow_worker.py")
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "HF_HUB_OFFLINE": "1",
    "KERAS_BACKEND": "torch",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


class Peer:
    """MLflow at work: `run(code, **values)` gives what the code left in `result`."""

    def __init__(self, python: str, log: Path) -> None:
        self._folder = log.parent
        self._log = log.open("wb")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTHON"))}
        self._process = subprocess.Popen(
            [python, str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**kept, **_ENVIRONMENT},
            cwd=self._folder,
            text=True,
        )

    def run(self, code: str, **values: Any) -> Any:
        """Run `code` there with `values` (JSON, paths, arrays and frames) as its variables."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        sent = {name: _packed(value) for name, value in values.items()}
        self._process.stdin.write(json.dumps({"code": code, "values": sent}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "MLflow\'s process ended."}')
        if "missing" in answer:
            pytest.skip(f"the Python that has MLflow does not have '{answer['missing']}'")
        assert "error" not in answer, f"{answer['error']}\n{Path(self._log.name).read_text()[-2000:]}"
        return answer["result"]

    def loads(self, flavor: str, folder: Path, given: Any, predict: str = "model.predict(given)") -> tuple[Any, Any]:
        """What the model in `folder` predicts for `given` in MLflow: loaded by its flavor, and as a pyfunc."""
        native = self.run(
            f"import mlflow.{flavor}\nmodel = mlflow.{flavor}.load_model(folder)\nresult = {predict}",
            folder=folder,
            given=given,
        )
        pyfunc = self.run(
            "import mlflow.pyfunc\nresult = mlflow.pyfunc.load_model(folder).predict(given)", folder=folder, given=given
        )
        return native, pyfunc

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()


def _packed(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, pd.DataFrame):
        types = {name: str(kind) for name, kind in value.dtypes.items() if not str(kind).startswith(("str", "object"))}
        return {"columns": list(value.columns), "rows": value.to_numpy(dtype=object).tolist(), "dtypes": types}
    return value


@pytest.fixture(scope="session")
def peer() -> Iterator[Peer]:
    """An unmodified MLflow 3.x in a process of its own."""
    named = os.environ.get("TIDEMILL_TEST_MLFLOW3")
    python = Path(named) if named else _TOP / ".venv-mlflow3" / "bin" / "python"
    if not python.exists():
        pytest.skip(
            "no MLflow 3.x: python3 -m venv .venv-mlflow3 && .venv-mlflow3/bin/pip install 'mlflow>=3.17,<4', "
            "or name a Python that has it in TIDEMILL_TEST_MLFLOW3"
        )
    with tempfile.TemporaryDirectory() as folder:
        found = Peer(str(python), Path(folder) / "mlflow.log")
        yield found
        found.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings of the frameworks about themselves are not ours to fix; those of Tidemill stay errors."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore", r"error:::tidemill\..*"))
