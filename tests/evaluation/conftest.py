"""A fresh store for each test, and models of scikit-learn on data of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import tidemill
from tidemill.tracking import resolve, run, start


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(os.environ)
    for name in [name for name in before if name.startswith(("MLFLOW_", "TIDEMILL_"))]:
        del os.environ[name]
    os.environ["TIDEMILL_CAPTURE"] = "0"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start, "_chosen", None)
    monkeypatch.setattr(start, "_clients", {})
    tidemill.set_tracking_uri(str(tmp_path / "store"))
    yield
    for active in reversed(run.stack()):
        run._forget(active)
    run._of_thread.last = None
    resolve.choose(None)
    resolve.close_all()
    os.environ.clear()
    os.environ.update(before)
