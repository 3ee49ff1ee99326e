"""Autologging is off after each test, and no test may be complained about unless it asks for the `complaints`."""

import logging
from collections.abc import Iterator

import pytest

import tidemill
from tidemill.tracking.autolog import session


class Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture
def _heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Complaints]:
    logger, handler = logging.getLogger("tidemill.autolog"), Complaints()
    logger.addHandler(handler)
    monkeypatch.setattr(session, "_unavailable_until", 0.0)
    yield handler
    logger.removeHandler(handler)
    tidemill.autolog(disable=True)


@pytest.fixture
def complaints(_heard: Complaints) -> list[str]:
    """What autologging complained about so far."""
    return _heard.texts


@pytest.fixture(autouse=True)
def no_complaints(_heard: Complaints, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    assert "complaints" in request.fixturenames or not _heard.texts


@pytest.fixture
def store(tmp_path) -> str:
    """An embedded store of the test's own."""
    tidemill.set_tracking_uri(tmp_path / "store")
    return str(tmp_path / "store")


@pytest.fixture
def runs(store: str):
    """All runs so far, newest first, as a function."""
    return lambda: tidemill.search_runs(output_format="list", search_all_experiments=True)


@pytest.fixture
def files(store: str):
    """The names of a run's files, as a function."""

    def names(run_id: str, folder: str | None = None) -> list[str]:
        return [one.path for one in tidemill.Client().list_artifacts(run_id, folder) if one.path != "environment"]

    return names
