"""A model is written into a folder and comes back as a function."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import tidemill
from tidemill import pyfunc
from tidemill.errors import AlreadyExists, InvalidParameter, NotFound, Untrusted
from tidemill.models.load import load_native, load_pyfunc
from tidemill.models.save import save_model


def shout(model_input: list[str]) -> list[str]:
    return [text.upper() for text in model_input]


class Scaler(pyfunc.PythonModel):
    def load_context(self, context: Any) -> None:
        self.factor = float(Path(context.artifacts["factor"]).read_text())

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return model_input["x"] * self.factor + params["offset"]


def test_a_function_comes_back(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", shout, input_example=["a"])
    model = tidemill.pyfunc.load_model(str(tmp_path / "m"), allow_pickle=True)
    assert model.predict(["b", "c"]) == ["B", "C"]
    assert model.input_example == ["a"]
    said = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    assert said["flavors"]["python_function"]["loader_module"] == "mlflow.pyfunc.model"
    assert json.loads(said["signature"]["inputs"]) == [{"type": "string", "required": True}]
    assert said["is_signature_from_type_hint"] is True
    assert (tmp_path / "m" / "requirements.txt").read_text().startswith("cloudpickle==")


def test_a_python_model_has_its_artifacts_and_params(tmp_path: Path) -> None:
    (tmp_path / "factor.txt").write_text("2.5")
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    made = pyfunc.save_model(
        tmp_path / "m",
        Scaler(),
        artifacts={"factor": tmp_path / "factor.txt"},
        input_example=(frame, {"offset": 1.0}),
        metadata={"team": "tides"},
    )
    (tmp_path / "factor.txt").unlink()
    model = pyfunc.load_model(str(tmp_path / "m"), allow_pickle=True)
    assert list(model.predict(frame)) == [3.5, 6.0]
    assert list(model.predict(frame, {"offset": 0.0})) == [2.5, 5.0]
    assert model.input_example_params == {"offset": 1.0}
    assert model.metadata == made
    assert isinstance(model.unwrap_python_model(), object)


def test_a_script_is_kept_as_it_is(tmp_path: Path) -> None:
    script = tmp_path / "model.py"
    script.write_text(
        "from tidemill.pyfunc import PythonModel, model_config, set_model\n"
        "class Adder(PythonModel):\n"
        "    def predict(self, context, model_input: list[int], params=None):\n"
        "        return [x + model_config_at_start['n'] for x in model_input]\n"
        "model_config_at_start = model_config()\n"
        "set_model(Adder())\n"
    )
    pyfunc.save_model(tmp_path / "m", script, input_example=[1], model_config={"n": 10})
    assert (tmp_path / "m" / "model.py").read_text() == script.read_text()
    assert not list((tmp_path / "m").glob("*.pkl"))
    assert pyfunc.load_model(str(tmp_path / "m"), allow_pickle=True).predict([1, 2]) == [11, 12]
    changed = pyfunc.load_model(str(tmp_path / "m"), allow_pickle=True, model_config={"n": 1})
    assert changed.predict([1]) == [2]
    assert changed.metadata.signature is not None
    assert changed.metadata.signature.from_type_hint


def test_nothing_runs_unless_it_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyfunc.save_model(tmp_path / "m", shout)
    with pytest.raises(Untrusted, match=r"python_model.pkl.*allow_pickle=True"):
        pyfunc.load_model(str(tmp_path / "m"))
    with pytest.raises(Untrusted):
        load_native(tmp_path / "m")
    monkeypatch.setenv("TIDEMILL_ALLOW_PICKLE", "1")
    assert load_pyfunc(tmp_path / "m").predict(["a"]) == ["A"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(AlreadyExists, match="not empty"):
        pyfunc.save_model(tmp_path, shout)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]


def test_nothing_stays_of_a_model_that_cannot_be_saved(tmp_path: Path) -> None:
    def broken(model_input: Any) -> Any:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        pyfunc.save_model(tmp_path / "m", broken, input_example=[1])
    assert not (tmp_path / "m").exists()
    with pytest.raises(InvalidParameter, match="is a int"):
        pyfunc.save_model(tmp_path / "m", 5)


def test_errors_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file MLmodel"):
        load_pyfunc(tmp_path)
    with pytest.raises(InvalidParameter, match="There is no flavor 'nope'; known flavors are"):
        save_model("nope", shout, tmp_path / "m")
