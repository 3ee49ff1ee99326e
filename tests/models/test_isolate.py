"""A model runs in its own environment, rebuilt by uv; what the model names never reaches a shell or an option."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tidemill import pyfunc
from tidemill.errors import InvalidParameter, Untrusted
from tidemill.models.isolate import run_isolated, uv_command

needs_uv = pytest.mark.skipif(
    not shutil.which("uv") and not Path(sys.executable).with_name("uv").exists(), reason="uv is not installed"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def where(model_input: list[float]) -> list[str]:
        import sys

        return [f"{sys.prefix} {'pytest' in sys.modules}" for _ in model_input]

    pyfunc.save_model(tmp_path / "m", where, pip_requirements=["cloudpickle", "pandas", "pyarrow"])
    return tmp_path / "m"


@needs_uv
def test_the_environment_is_the_models_own(folder: Path, tmp_path: Path) -> None:
    pd.DataFrame({"x": [1.0, 2.0]}).to_csv(tmp_path / "in.csv", index=False)
    job = {
        "source": str(tmp_path / "in.csv"),
        "target": str(tmp_path / "out.csv"),
        "params": None,
        "rows": 10,
        "with_input": False,
    }
    reach = subprocess.run([*uv_command(folder, True), "-c", ""], capture_output=True, text=True)
    if reach.returncode:
        pytest.skip(f"uv cannot build an environment here: {reach.stderr.strip()[-200:]}")
    assert run_isolated(folder, job, allow_pickle=True) == 2
    prefix, loaded = pd.read_csv(tmp_path / "out.csv")["prediction"][0].split()
    assert (prefix != sys.prefix, loaded) == (True, "False")


@needs_uv
@pytest.mark.parametrize("version", ["3.11; touch /tmp/x", "$(id)", "--with", "3.11\n3.12", "../python"])
def test_a_python_version_is_one(folder: Path, version: str) -> None:
    (folder / "python_env.yaml").write_text(f"python: {version!r}\n")
    with pytest.raises(InvalidParameter, match="which is none"):
        uv_command(folder, True)


@needs_uv
@pytest.mark.parametrize(
    "line", ["--index-url http://127.0.0.1:1/x", "-e .", "x @ git+https://127.0.0.1/x", "https://127.0.0.1/a.whl"]
)
def test_requirements_that_run_code_need_trust(folder: Path, line: str) -> None:
    (folder / "requirements.txt").write_text(f"numpy\n{line}\n")
    with pytest.raises(Untrusted, match="no release from an index"):
        uv_command(folder, False)


@needs_uv
def test_names_stay_single_arguments(folder: Path) -> None:
    (folder / "requirements.txt").write_text("numpy; touch /tmp/x\n$(id)\n")
    command = uv_command(folder, True)
    assert command[command.index("numpy; touch /tmp/x") - 1] == "--with"
    assert command[command.index("$(id)") - 1] == "--with"
    assert command[command.index("--python") + 1] == ".".join(platform.python_version_tuple()[:2])
    assert os.path.basename(command[0]) == "uv"
