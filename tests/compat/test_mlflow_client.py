"""Unmodified MLflow clients at work: each program of `scripts/` runs against our server, with MLflow 3.x and 2.x.

The programs check what they read back, and end with a line that says so.
"""

import subprocess
from pathlib import Path

import pytest

_SCRIPTS = Path(__file__).parent / "scripts"
_MORE = {
    # In parts from 5 MiB on, which real users reach at 500 MB only.
    "files_in_parts": {
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(5 << 20),
        "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 << 20),
    },
}


@pytest.mark.parametrize("script", sorted(_SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_script(script: Path, mlflow_python: str, client_environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [mlflow_python, "-W", "ignore", str(script)],
        cwd=tmp_path,
        env={**client_environment, **_MORE.get(script.stem, {})},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-1000:]}\n{done.stderr[-4000:]}"
    assert done.stdout.rstrip().endswith(": all good")
    left = [path.name for path in tmp_path.iterdir()]
    assert not left, f"the client wrote into its own folder instead of to the server: {left}"


def test_each_script_has_its_line_of_success() -> None:
    assert all('all good")' in path.read_text("utf-8") for path in _SCRIPTS.glob("*.py"))
