"""Nothing that a log call returned from is lost, and nothing arrives twice, whatever happens to server and client."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tidemill.testing.faults import faulty, program
from tidemill.testing.server import ServerProcess

Start = Callable[[], AbstractContextManager[ServerProcess]]
Steps = Callable[[str, str, str], list[int]]
Sync = Callable[..., subprocess.CompletedProcess[str]]

TRAINING = """
import json, os, sys, time
import tidemill
steps, pause = int(os.environ["STEPS"]), float(os.environ["PAUSE"])
worst = 0.0
with tidemill.start_run() as run:
    tidemill.log_params({"lr": 0.1})
    tidemill.log_text("note", "note.txt")
    print(run.info.run_id, flush=True)
    for step in range(steps):
        before = time.perf_counter()
        tidemill.log_metrics({"loss": 1 / (1 + step), "acc": step}, step=step)
        worst = max(worst, time.perf_counter() - before)
        print(step, flush=True)
        time.sleep(pause)
print("worst", worst, flush=True)
"""


def settings(address: str, steps: int, pause: float, **more: str) -> dict[str, str]:
    return {
        "TIDEMILL_URI": address, "STEPS": str(steps), "PAUSE": str(pause), "TIDEMILL_SENDER_LINGER": "0", **more,
    }  # fmt: skip


def journals(work: Path) -> list[Path]:
    return sorted(path for path in (work / ".tidemill" / "journal").iterdir() if path.is_dir())


@pytest.mark.parametrize("seed", [*range(5), *(pytest.param(n, marks=pytest.mark.deep) for n in range(5, 100))])
def test_a_killed_client_loses_nothing(
    seed: int, start: Start, address: str, work: Path, steps: Steps, sync: Sync
) -> None:
    with start(), program(TRAINING, work, settings(address, 100_000, 0.0)) as training:
        assert training.stdout is not None
        run_id = training.stdout.readline().strip()
        last = -1
        deadline = time.monotonic() + random.Random(seed).uniform(0.0, 1.5)
        while time.monotonic() < deadline:
            last = int(training.stdout.readline())
        training.kill()
        rest = training.stdout.read().split()
        last = int(rest[-1]) if rest else last
        done = sync(work)
        assert done.returncode == 0, done.stderr
        found = steps(address, run_id, "loss")
        # One more value may have been written when the kill came before its step was printed.
        assert found in (list(range(last + 1)), list(range(last + 2)))
        assert steps(address, run_id, "acc") in (found, found[: last + 1])
        assert journals(work) == []


@pytest.mark.parametrize("kills", [20, pytest.param(100, marks=pytest.mark.deep)])
def test_a_server_that_is_killed_and_comes_back_gets_everything_once(
    kills: int, start: Start, address: str, work: Path, steps: Steps, sync: Sync
) -> None:
    dice = random.Random(kills)
    with program(TRAINING, work, settings(address, 200 * kills, 0.005)) as training:
        assert training.stdout is not None
        for _ in range(kills):
            with start() as server:
                time.sleep(dice.uniform(0.05, 0.8))
                server.kill()
            if training.poll() is not None:
                break
        with start():
            output, errors = training.communicate(timeout=120)
            lines = output.splitlines()
            assert training.returncode == 0, errors
            sync(work)
            assert steps(address, lines[0], "loss") == list(range(200 * kills))
            worst = float(lines[-1].split()[1])
            assert worst < 0.25, f"the training waited {worst * 1000:.1f} ms in a log call"


@pytest.mark.parametrize("fault", ["drop", "refuse", "stall", "garbage", "408", "429", "500", "503"])
def test_faults_on_the_way_neither_lose_nor_double(
    fault: str, start: Start, address: str, work: Path, steps: Steps, sync: Sync
) -> None:
    env = settings("", 3000, 0.0, TIDEMILL_HTTP_TIMEOUT="0.5") if fault == "stall" else settings("", 3000, 0.0)
    with start(), faulty(address, fault, share=0.4, stall_s=1.0) as proxy:
        with program(TRAINING, work, {**env, "TIDEMILL_URI": proxy.address}) as training:
            output, errors = training.communicate(timeout=120)
        assert training.returncode == 0, errors
        done = sync(work, "--to", address)
        assert done.returncode == 0, done.stderr
        run_id = output.split()[0]
        assert steps(address, run_id, "loss") == list(range(3000))
        assert proxy.counts.get(fault, 0) > 0
        assert list(work.glob(".tidemill/journal/*/rejected.jsonl")) == []


def test_an_offline_folder_is_copied_elsewhere_and_synced(
    start: Start, address: str, work: Path, tmp_path: Path, steps: Steps, sync: Sync
) -> None:
    text = "import tidemill\ntidemill.set_experiment('offline/one')\n" + TRAINING
    with program(text, work, settings("http://127.0.0.1:9", 500, 0.0, TIDEMILL_OFFLINE="1")) as training:
        output, errors = training.communicate(timeout=60)
    assert training.returncode == 0, errors
    assert "tidemill sync" in errors
    elsewhere = tmp_path / "elsewhere"
    subprocess.run(["cp", "-r", str(work / ".tidemill"), str(elsewhere)], check=True)
    with start():
        for _ in range(2):  # the second time there is nothing left to do
            done = sync(elsewhere, "--to", address)
            assert done.returncode == 0, done.stderr
        run_id = output.split()[0]
        assert steps(address, run_id, "loss") == list(range(500))
        from tidemill.tracking.client import Client

        client = Client(address)
        run = client.get_run(run_id)
        assert run.info.status == "FINISHED"
        assert run.data.params == {"lr": "0.1"}
        experiment = client.get_experiment_by_name("offline/one")
        assert experiment is not None
        assert experiment.experiment_id == run.info.experiment_id
        assert Path(client.download_artifacts(run_id, "note.txt")).read_text() == "note"


def test_damage_is_reported_and_everything_before_it_recovered(
    start: Start, address: str, work: Path, steps: Steps, sync: Sync
) -> None:
    with program(TRAINING, work, settings("http://127.0.0.1:9", 1000, 0.0, TIDEMILL_OFFLINE="1")) as training:
        output, _ = training.communicate(timeout=60)
    (folder,) = journals(work)
    segment = folder / "000001.seg"
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0x10
    segment.write_bytes(data)
    verify = [
        sys.executable,
        "-c",
        "import sys; from tidemill.cli.main import main; sys.exit(main())",
        "journal",
        "verify",
    ]
    seen = subprocess.run([*verify, str(work)], capture_output=True, text=True, timeout=60)
    assert seen.returncode == 1
    assert "is damaged at offset" in seen.stderr + seen.stdout
    with start():
        assert sync(work, "--to", address).returncode == 0
        found = steps(address, output.split()[0], "loss")
        assert 300 < len(found) < 700
        assert found == list(range(len(found)))
    (noted,) = [json.loads(line) for line in (folder / "rejected.jsonl").read_text().splitlines()]
    assert noted["code"] == "DAMAGED"
    assert (folder / "000001.damaged").read_bytes() == data
