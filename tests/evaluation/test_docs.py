"""The page on evaluation runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "evaluation.md"


def test_the_examples_run(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 5
    text = "\n".join(blocks) + "\nassert result.passed and len(result.checks) == 3, result.checks\n"
    env = {**os.environ, "TIDEMILL_URI": str(tmp_path / "store"), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
