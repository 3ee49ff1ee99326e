import os
import subprocess
import sys

import pytest

from tidemill.tracking.progress import TransferBar

PROGRAM = """
from tidemill.tracking import progress
progress.PATIENCE_S = {patience}
with progress.TransferBar("Uploading") as bar:
    for done in range(0, 101, 10):
        bar(done * 10_000, 1_000_000, "a.bin")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("patience, switch, shown", [(0, "true", True), (60, "true", False), (0, "false", False)])
def test_a_bar_appears_on_a_terminal_after_a_while(patience: int, switch: str, shown: bool) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", PROGRAM.format(patience=patience)]
    env = {**os.environ, "TERM": "xterm", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": switch}
    done = subprocess.run(command, stderr=theirs, stdout=subprocess.PIPE, env=env, check=True)
    os.write(theirs, b"END")
    os.close(theirs)
    seen = b""
    while not seen.endswith(b"END"):
        seen += os.read(ours, 65536)
    os.close(ours)
    assert (b"Uploading" in seen) is shown
    assert done.stdout == b""


def test_nothing_appears_elsewhere(capfd: pytest.CaptureFixture[str]) -> None:
    with TransferBar("Uploading") as bar:
        bar(1, 2, "a.bin")
    assert capfd.readouterr() == ("", "")
