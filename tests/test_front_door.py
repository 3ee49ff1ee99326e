"""`import tidemill` is cheap, knows all its names, and agrees with what type checkers see."""

import ast
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tidemill

NAMES = sorted([*tidemill._HOME_OF, *tidemill._MODULES])


def test_importing_pulls_in_nothing_but_itself() -> None:
    program = "import sys, importlib; before = set(sys.modules); import tidemill; print(*set(sys.modules) - before)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == ["tidemill"]


def test_logging_needs_no_http_client_and_no_data_frames(tmp_path: Path) -> None:
    program = "import sys, tidemill; tidemill.log_metric('m', 1); print(*sys.modules)"
    env = {**os.environ, "TIDEMILL_URI": str(tmp_path / "store")}
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    heavy = {"urllib3", "pandas", "numpy", "polars", "rich", "starlette", "uvicorn", "obstore"}
    assert not heavy & set(loaded.stdout.split())


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_documented(name: str) -> None:
    found = getattr(tidemill, name)
    assert inspect.getdoc(found)
    assert name in dir(tidemill)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(inspect.getsource(tidemill))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    declared = {
        (alias.asname, node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    homes = {(name, home) for name, home in tidemill._HOME_OF.items()}
    modules = {(name, home.rpartition(".")[0]) for name, home in tidemill._MODULES.items()}
    assert declared == homes | modules


def test_public_modules_can_be_imported_by_name() -> None:
    for name in ("artifacts", "data", "entities", "exceptions", "tracking"):
        assert importlib.import_module(f"tidemill.{name}") is getattr(tidemill, name)
    from tidemill.artifacts import download_artifacts
    from tidemill.entities import Metric, ViewType
    from tidemill.exceptions import MlflowException
    from tidemill.tracking import MlflowClient

    assert all(callable(one) for one in (download_artifacts, Metric, ViewType, MlflowClient))
    with pytest.raises(MlflowException) as caught:
        tidemill.Client("databricks://x")
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_other_names_are_attribute_errors() -> None:
    for module in (tidemill, tidemill.artifacts, tidemill.tracking):
        with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
            module.nonsense  # noqa: B018
