"""Looking for a model's imports takes a process each time: only the tests about it do."""

import pytest


@pytest.fixture(autouse=True)
def no_search_for_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_INFER_REQUIREMENTS", "0")
