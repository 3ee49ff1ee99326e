"""Every variable that the code reads has its row on the page, and every row is read somewhere."""

import re
from pathlib import Path

import pytest

from tidemill import settings

ROOT = Path(__file__).parents[1]
VARIABLE = re.compile(r"\b(?:TIDEMILL|MLFLOW)_[A-Z0-9_]*[A-Z0-9]\b")
MADE_OF_PARTS = {f"TIDEMILL_SFTP_{name}" for name in ("USER", "PASSWORD", "KEY", "KNOWN_HOSTS")}
NOT_OURS = {"TIDEMILL_SFTP"}


def test_the_page_and_the_code_agree() -> None:
    written = set(VARIABLE.findall((ROOT / "docs" / "settings.md").read_text(encoding="utf-8")))
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in [*(ROOT / "src").rglob("*.py"), ROOT / "hatch_build.py"]
    )
    read = set(re.findall(r'"((?:TIDEMILL|MLFLOW)_[A-Z0-9_]*[A-Z0-9])"', sources))
    # Their places are CONTRIBUTING.md and docs/reference/triggers.md.
    for_tests = {name for name in read if name.startswith(("TIDEMILL_TEST_", "TIDEMILL_EVENT_"))}
    assert (read | MADE_OF_PARTS) - NOT_OURS - for_tests == written


def test_a_run_to_resume_is_taken_once() -> None:
    env = {"MLFLOW_RUN_ID": "abc"}
    assert settings.take_run_id(env) == "abc"
    assert settings.take_run_id(env) is None


@pytest.mark.parametrize(
    "text, value", [("1", True), ("Yes", True), ("off", False), ("FALSE", False), ("maybe", True), ("", True)]
)
def test_yes_and_no(text: str, value: bool) -> None:
    assert settings.capture({"TIDEMILL_CAPTURE": text}) is value
