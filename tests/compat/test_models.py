"""Models go both ways between Tidemill and an unmodified mlflow, which does not have Tidemill installed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tidemill import pyfunc
from tidemill.models.audit import audit
from tidemill.models.format import ModelFile
from tidemill.models.load import load_pyfunc

SCRIPTS = Path(__file__).parent / "models"
FRAME = pd.DataFrame({"x": [1.0, 2.0], "name": ["a", None]})


@pytest.fixture(params=[3, 2])
def python(request: pytest.FixtureRequest) -> str:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("compat_conftest", Path(__file__).with_name("conftest.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.find_mlflow(request.param))


def run(python: str, script: str, folder: Path) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MLFLOW_", "TIDEMILL_"))}
    env |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}
    done = subprocess.run(
        [python, str(SCRIPTS / script), str(folder)], capture_output=True, text=True, env=env, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_mlflow_saves_loads_here(python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(python, "save_models.py", tmp_path)
    scaler = load_pyfunc(tmp_path / "scaler", allow_pickle=True)
    assert list(scaler.predict(FRAME)) == [3.0, 5.5]
    assert list(scaler.predict(FRAME, {"offset": 1})) == [3.5, 6.0]
    assert scaler.metadata.metadata == {"team": "tides"}
    assert scaler.input_example["x"].tolist() == [1.0, 2.0]
    assert scaler.input_example_params == {"offset": 1.0}
    assert audit(tmp_path / "scaler").runs_code
    if (tmp_path / "shout").exists():
        assert load_pyfunc(tmp_path / "shout", allow_pickle=True).predict(["a"]) == ["A"]
    # Writing back what was read changes nothing that MLflow knows.
    model = ModelFile.read(tmp_path / "scaler")
    model.write(tmp_path / "scaler")
    assert ModelFile.read(tmp_path / "scaler") == model


def test_what_is_saved_here_loads_in_mlflow(python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_INFER_REQUIREMENTS", "0")
    program = tmp_path / "save.py"
    program.write_text(_SAVE)  # a program of its own, as users write it: its classes are pickled by value
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, str(program), str(tmp_path)], check=True, env=env)
    found: dict[str, Any] = json.loads(run(python, "load_models.py", tmp_path).splitlines()[-1])
    assert found["scaler"] == [[3.5, 6.0], [2.5, 5.0]]
    ours = pyfunc.load_model(str(tmp_path / "scaler"), allow_pickle=True)
    assert ours.signature is not None
    assert {key: json.loads(text) for key, text in found["signature"].items()} == {
        key: json.loads(text) for key, text in ours.signature.to_dict().items()
    }
    assert found["metadata"] == {"team": "tides"}
    assert (found["example"]["x"], found["example"]["name"][0]) == ([1.0, 2.0], "a")
    assert found["params"] == {"offset": 1.0}
    assert found["environment"] == "requirements.txt"
    assert found.get("shout", ["A", "B"]) == ["A", "B"]
    assert found["array"] == np.full(2, 2.0).tolist()
    assert "x" in found["missing"]


_SAVE = """
import sys
from typing import Any
import numpy as np
import pandas as pd
from tidemill import pyfunc
folder = sys.argv[1]

class Scaler(pyfunc.PythonModel):
    def load_context(self, context: Any) -> None:
        with open(context.artifacts["factor"]) as file:
            self.factor = float(file.read())

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return model_input["x"] * self.factor + params["offset"]

def shout(model_input: list[str]) -> list[str]:
    return [text.upper() for text in model_input]

def total(model_input):
    return model_input.sum(axis=1)

frame = pd.DataFrame({"x": [1.0, 2.0], "name": ["a", None]})
with open(folder + "/factor.txt", "w") as file:
    file.write("2.5")
pyfunc.save_model(folder + "/scaler", Scaler(), artifacts={"factor": folder + "/factor.txt"},
                  input_example=(frame, {"offset": 1.0}), metadata={"team": "tides"})
pyfunc.save_model(folder + "/shout", shout, input_example=["a"])
pyfunc.save_model(folder + "/array", total, input_example=np.ones((3, 2)))
"""
