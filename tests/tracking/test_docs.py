"""The pages of the Python API run as they stand, and leave out no name."""

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import tidemill

DOCS = Path(__file__).parents[2] / "docs"
Script = Callable[..., "CompletedProcess[str]"]


@pytest.mark.parametrize(
    "page", ["reference/python.md", "reference/models.md", "tutorials/first-run.md", "tutorials/adopt-models.md"]
)
def test_examples_run(page: str, script: Script) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) > 2
    done = script("\n".join(blocks))
    assert done.stderr == ""


def test_no_name_is_left_out() -> None:
    text = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    for name in sorted({*tidemill._HOME_OF, *tidemill._MODULES} - {"ActiveRun", "client"}):
        assert re.search(rf"\b{name}\b", text), f"{name} is not on the page"
