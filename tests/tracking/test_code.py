import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import tidemill
from tidemill.tracking import code, git

Script = Callable[..., "CompletedProcess[str]"]
TRAIN = "import tidemill\nwith tidemill.start_run(): pass\n"


def sh(folder: Path, *words: str) -> str:
    name = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    return subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository with two committed files, one of them binary."""
    sh(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "model.py").write_text("rate = 1\n")
    (tmp_path / "weights.bin").write_bytes(bytes(range(256)))
    (tmp_path / ".gitignore").write_text(".tidemill\n")
    sh(tmp_path, "add", ".")
    sh(tmp_path, "commit", "-qm", "first")
    return tmp_path


def kept() -> dict[str, str]:
    """Every text that the one run keeps about its code."""
    (run,) = tidemill.search_runs(output_format="list")
    client = tidemill.Client()
    paths = [one.path for one in client.list_artifacts(run.info.run_id, "code")]
    return {path: tidemill.artifacts.load_text(f"runs:/{run.info.run_id}/{path}") for path in paths}


def test_uncommitted_changes_can_be_applied_again(work: Path, script: Script) -> None:
    (work / "model.py").write_text("rate = 2  # é\n")
    (work / "weights.bin").write_bytes(b"\0other\xff")
    (work / "nötes.txt").write_text("x")
    script(TRAIN)
    found = kept()
    assert set(found) == {"code/diff.patch", "code/untracked.txt", "code/script.py"}
    assert found["code/untracked.txt"].splitlines() == ["nötes.txt", "script.py"]
    assert found["code/script.py"] == TRAIN
    sh(work, "checkout", "-q", "--", ".")
    (work / "p").write_text(found["code/diff.patch"])
    sh(work, "apply", "p")
    assert (work / "model.py").read_text() == "rate = 2  # é\n"
    assert (work / "weights.bin").read_bytes() == b"\0other\xff"


def test_a_clean_repository_needs_no_files(work: Path, script: Script) -> None:
    (work / "script.py").write_text(TRAIN)
    sh(work, "add", ".")
    sh(work, "commit", "-qm", "second")
    script(TRAIN)
    assert kept() == {}


def test_a_script_outside_git_is_kept(script: Script) -> None:
    script(TRAIN)
    assert kept() == {"code/script.py": TRAIN}


def test_modules_and_installed_launchers_are_not_scripts(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", TRAIN], check=True)
    assert kept() == {}


@pytest.mark.parametrize("name", ["TIDEMILL_CAPTURE", "TIDEMILL_CAPTURE_CODE"])
def test_it_can_be_switched_off(work: Path, script: Script, name: str) -> None:
    (work / "model.py").write_text("secret = 1\n")
    script(TRAIN, **{name: "0"})
    assert kept() == {}
    (run,) = tidemill.search_runs(output_format="list")
    packages = tidemill.Client().list_artifacts(run.info.run_id, "environment")
    assert bool(packages) is (name == "TIDEMILL_CAPTURE_CODE")


def test_long_changes_are_cut_and_say_so(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "model.py").write_text("x = 'long'\n" * 1000)
    (work / "one.txt").write_text("")
    (work / "two.txt").write_text("")
    monkeypatch.setattr(code, "PATCH_BYTES", 500)
    monkeypatch.setattr(code, "LIST_BYTES", 10)
    repository = git.find(str(work))
    assert repository is not None
    patch = code.patch(repository)
    assert patch.startswith(b"# These changes are longer")
    assert len(patch.partition(b"\n")[2]) == 500
    assert code.untracked(repository).endswith(b"\none.txt\ntw")


def test_before_the_first_commit_there_is_no_patch(tmp_path: Path) -> None:
    sh(tmp_path, "init", "-q")
    repository = git.find(str(tmp_path))
    assert repository is not None
    assert code.patch(repository) == b""


def test_external_diff_programs_do_not_run(work: Path) -> None:
    (work / ".gitattributes").write_text("*.py diff=evil\n")
    sh(work, "config", "diff.evil.command", "touch ran-command")
    sh(work, "config", "diff.evil.textconv", "touch ran-textconv")
    (work / "model.py").write_text("rate = 3\n")
    repository = git.find(str(work))
    assert repository is not None
    assert b"+rate = 3" in code.patch(repository)
    assert not [path for path in os.listdir(work) if path.startswith("ran-")]


def test_without_git_the_run_goes_on(work: Path, script: Script) -> None:
    (work / "model.py").write_text("rate = 2\n")
    script(TRAIN, PATH="/nowhere")
    assert set(kept()) == {"code/script.py"}


def test_a_git_that_hangs_does_not_hold_the_start_up(work: Path, script: Script) -> None:
    (work / "bin").mkdir()
    (work / "bin" / "git").write_text("#!/bin/sh\nexec sleep 2\n")
    (work / "bin" / "git").chmod(0o755)
    done = script(
        "import time, tidemill\n"
        "tidemill.set_experiment('x')\n"
        "began = time.monotonic()\n"
        "tidemill.start_run()\n"
        "print(time.monotonic() - began)\n",
        PATH=f"{work}/bin:{os.environ['PATH']}",
    )
    assert float(done.stdout) < 1


def test_the_cells_of_a_session_are_kept_in_order(tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    cells = [
        "import tidemill",
        "run = tidemill.start_run()",
        "def f():\n    return 1",
        "%time f()",
        "tidemill.end_run()",
    ]
    program = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        f"for cell in {cells!r}: shell.run_cell(cell, store_history=True)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    text = kept()["code/notebook_history.py"]
    compile(text, "history", "exec")
    assert text.startswith("# In [1]:\nimport tidemill\n\n# In [2]:\nrun = tidemill.start_run()\n")
    assert "# In [3]:\ndef f():\n    return 1\n" in text
    assert text.endswith("# In [5]:\ntidemill.end_run()\n")


def test_starting_a_run_costs_little_more() -> None:
    def seconds() -> float:
        began = time.perf_counter()
        run = tidemill.start_run()
        took = time.perf_counter() - began
        assert run
        tidemill.end_run()
        return took

    os.environ["TIDEMILL_CAPTURE_CODE"] = "0"
    seconds()
    without = sorted(seconds() for _ in range(9))[4]
    os.environ["TIDEMILL_CAPTURE_CODE"] = "1"
    seconds()
    assert sorted(seconds() for _ in range(9))[4] - without < 0.03
