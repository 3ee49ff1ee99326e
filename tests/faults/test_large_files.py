"""A large file whose upload breaks is gone on with, not begun again."""

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tidemill.artifacts import parts
from tidemill.testing.faults import FaultyProxy, program
from tidemill.testing.server import ServerProcess
from tidemill.tracking.client import Client

Start = Callable[[], AbstractContextManager[ServerProcess]]
Sync = Callable[..., subprocess.CompletedProcess[str]]

SIZE = 5 * parts.PART_BYTES + 12345
TRAINING = f"""
import os, tidemill
with open("weights.bin", "wb") as file:
    for _ in range({SIZE} // 65536):
        file.write(os.urandom(65536))
    file.write(os.urandom({SIZE} % 65536))
with tidemill.start_run() as run:
    tidemill.log_artifact("weights.bin", "epoch1")
    tidemill.log_metric("after", 1.0)
    print(run.info.run_id)
"""


class Watching(FaultyProxy):
    """Notes the number of each part that the server behind it took, and fails for every part in `bad`, once."""

    def __init__(self, target: str, bad: dict[int, str]) -> None:
        super().__init__(target, lambda _: "pass")
        self.taken: list[int] = []
        self.whole: list[str] = []
        self._bad = dict(bad)

    def _forwarded(self, request: bytes) -> bytes:
        line = request[: request.index(b"\r\n")].decode()
        number = re.search(r"part_number=(\d+)", line)
        if "weights.bin" in line and line.startswith("PUT") and number is None:
            self.whole.append(line)
        if number is None:
            return super()._forwarded(request)
        fault = self._bad.pop(int(number[1]), None)
        if fault == "refuse":
            raise OSError("gone")
        answer = super()._forwarded(request)
        self.taken.append(int(number[1]))
        if fault == "drop":
            raise OSError("gone")
        return answer


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def offline(work: Path) -> str:
    with program(TRAINING, work, {"TIDEMILL_URI": "http://127.0.0.1:9", "TIDEMILL_OFFLINE": "1"}) as training:
        output, errors = training.communicate(timeout=60)
    assert training.returncode == 0, errors
    return output.strip()


def arrived(address: str, run_id: str, work: Path) -> None:
    path = Client(address).download_artifacts(run_id, "epoch1/weights.bin", str(work / "down"))
    assert digest(Path(path)) == digest(work / "weights.bin")
    assert Client(address).get_run(run_id).data.metrics == {"after": 1.0}
    assert [one for one in (work / ".tidemill" / "journal").iterdir() if one.is_dir()] == []


def test_only_the_parts_that_are_missing_are_sent_again(start: Start, address: str, work: Path, sync: Sync) -> None:
    run_id = offline(work)
    with start():
        proxy = Watching(address, {2: "refuse", 4: "drop"})
        for attempt in range(3):
            done = sync(work, "--to", proxy.address)
            assert (done.returncode == 0) == (attempt == 2), done.stderr
            if attempt < 2:
                assert list(work.glob(".tidemill/journal/*/files/*.parts"))
        proxy.close()
        # The fourth part arrived, but nobody knew: it alone came twice.
        assert proxy.taken == [1, 2, 3, 4, 4, 5, 6]
        assert proxy.whole == []
        arrived(address, run_id, work)


def test_a_sender_that_is_killed_is_gone_on_with(start: Start, address: str, work: Path, sync: Sync) -> None:
    run_id = offline(work)
    with start():
        proxy = Watching(address, {})
        command = [sys.executable, "-c", "import sys; from tidemill.cli.main import main; sys.exit(main())", "sync"]
        with subprocess.Popen([*command, str(work), "--to", proxy.address], stderr=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 60
            while len(proxy.taken) < 3 and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.002)
            process.kill()
        before = len(proxy.taken)
        done = sync(work, "--to", proxy.address)
        assert done.returncode == 0, done.stderr
        proxy.close()
        assert before >= 3
        assert sorted(set(proxy.taken)) == [1, 2, 3, 4, 5, 6]
        assert len(proxy.taken) <= 7  # the one that was under way may have come twice
        arrived(address, run_id, work)


def test_parts_that_the_server_has_thrown_away(
    start: Start, address: str, work: Path, tmp_path: Path, sync: Sync
) -> None:
    run_id = offline(work)
    with start():
        proxy = Watching(address, {3: "refuse"})
        assert sync(work, "--to", proxy.address).returncode == 1
        thrown = [path for path in (tmp_path / "artifacts").rglob("*") if path.is_dir() and "parts" in path.name]
        assert thrown
        for folder in thrown:
            subprocess.run(["rm", "-r", str(folder)], check=True)
        done = sync(work, "--to", proxy.address)
        assert done.returncode == 0, done.stderr
        proxy.close()
        arrived(address, run_id, work)
        assert os.path.getsize(work / "weights.bin") == SIZE
