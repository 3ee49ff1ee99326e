"""The environment of a model: what it imports, pinned, or what the caller says."""

import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from tidemill import pyfunc
from tidemill.errors import InvalidParameter


def shout(model_input: list[str]) -> list[str]:
    return [text.upper() for text in model_input]


def lines(folder: Path) -> list[str]:
    return (folder / "requirements.txt").read_text().splitlines()


def test_what_the_model_imports_is_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_INFER_REQUIREMENTS", "1")

    def predict(model_input: list[str]) -> list[str]:
        import re2

        return [re2.sub("a", "b", text) for text in model_input]

    pyfunc.save_model(tmp_path / "m", predict, input_example=["a"])
    found = lines(tmp_path / "m")
    assert f"google-re2=={version('google-re2')}" in found
    assert f"cloudpickle=={version('cloudpickle')}" in found
    assert not [line for line in found if line.startswith(("tidemill", "msgspec", "pytest", "scikit-learn"))]


def test_modules_of_no_package_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_INFER_REQUIREMENTS", "1")
    (tmp_path / "tide_helper.py").write_text("x = 1")
    monkeypatch.syspath_prepend(str(tmp_path))

    def predict(model_input: list[str]) -> list[str]:
        import tide_helper

        return [str(tide_helper.x) for _ in model_input]

    with pytest.warns(UserWarning, match=r"no installed package \(tide_helper\)"):
        pyfunc.save_model(tmp_path / "m", predict, input_example=["a"])
    pyfunc.save_model(tmp_path / "n", predict, input_example=["a"], code_paths=[tmp_path / "tide_helper.py"])
    sys.path[:] = [one for one in sys.path if not one.endswith("/code")]


def test_a_model_that_does_not_load_elsewhere_is_still_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_INFER_REQUIREMENTS", "1")
    monkeypatch.setenv("MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT", "0.01")
    with pytest.warns(UserWarning, match="could not be found out: loading it took longer"):
        pyfunc.save_model(tmp_path / "m", shout)
    assert lines(tmp_path / "m") == [f"cloudpickle=={version('cloudpickle')}"]


def test_the_caller_decides(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("six\n# nothing\n")
    (tmp_path / "limits.txt").write_text("numpy<3\n")
    (tmp_path / "all.txt").write_text("-r more.txt\n-c limits.txt\nnumpy>=1 # fast\npandas \\\n  >=2\n")
    pyfunc.save_model(tmp_path / "a", shout, pip_requirements=str(tmp_path / "all.txt"))
    assert lines(tmp_path / "a") == ["six", "numpy>=1", "pandas   >=2", "-c constraints.txt"]
    assert (tmp_path / "a" / "constraints.txt").read_text() == "numpy<3"
    pyfunc.save_model(tmp_path / "b", shout, extra_pip_requirements=["Cloud_Pickle>=1", "cloudpickle==9"])
    assert lines(tmp_path / "b") == ["Cloud_Pickle>=1", "cloudpickle==9"]
    conda = {"name": "mine", "dependencies": ["python=3.11.4", {"pip": ["six"]}]}
    pyfunc.save_model(tmp_path / "c", shout, conda_env=conda)
    assert lines(tmp_path / "c") == ["six"]
    assert yaml.safe_load((tmp_path / "c" / "conda.yaml").read_text()) == conda
    assert yaml.safe_load((tmp_path / "c" / "python_env.yaml").read_text())["python"] == "3.11.4"


def test_conda_and_python_are_written_as_mlflow_does(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", shout, pip_requirements=["six==1.0"])
    conda = yaml.safe_load((tmp_path / "m" / "conda.yaml").read_text())
    assert (conda["name"], conda["channels"]) == ("mlflow-env", ["conda-forge"])
    assert conda["dependencies"][0] == f"python={platform.python_version()}"
    assert conda["dependencies"][-1] == {"pip": ["six==1.0"]}
    python = yaml.safe_load((tmp_path / "m" / "python_env.yaml").read_text())
    assert python["dependencies"] == ["-r requirements.txt"]
    said = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())["flavors"]["python_function"]
    assert said["env"] == {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}


@pytest.mark.parametrize(
    "options",
    [
        {"pip_requirements": ["a"], "extra_pip_requirements": ["b"]},
        {"pip_requirements": ["a"], "conda_env": {}},
        {"pip_requirements": "nowhere.txt"},
        {"conda_env": ["x"]},
    ],
)
def test_contradictions_are_refused(tmp_path: Path, options: Any) -> None:
    with pytest.raises((InvalidParameter, TypeError)):
        pyfunc.save_model(tmp_path / "m", shout, **options)
    assert not (tmp_path / "m").exists()


def test_without_the_search_it_is_what_the_flavor_requires(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    from tidemill import sklearn

    sklearn.save_model(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), tmp_path / "m")
    found = lines(tmp_path / "m")
    for name in ("scikit-learn", "skops", "numpy", "scipy", "joblib", "threadpoolctl"):
        assert f"{name}=={version(name)}" in found
