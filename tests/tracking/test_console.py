"""What is kept of the console: real processes whose output goes to pipes and terminals."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import tidemill
from tidemill.tracking import tee

Script = Callable[..., "CompletedProcess[str]"]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the tests use POSIX processes and terminals")


def kept() -> str:
    (run,) = tidemill.search_runs(output_format="list", filter_string="attributes.status != 'SCHEDULED'")
    return tidemill.artifacts.load_text(f"runs:/{run.info.run_id}/console/output.log")


def shown(text: str, **sizes: int) -> str:
    record = tee.Transcript(**sizes)
    record.feed(text.encode())
    return record.render().decode()


def test_all_writers_are_kept_and_passed_on(script: Script) -> None:
    done = script(
        "import ctypes, os, subprocess, sys, tidemill\n"
        "print('before')\n"
        "with tidemill.start_run(log_console=True):\n"
        "    print('python')\n"
        "    print('python error', file=sys.stderr)\n"
        "    os.write(1, b'descriptor\\n')\n"
        "    sys.stdout.flush()\n"
        "    subprocess.run(['sh', '-c', 'echo child; echo child error >&2'], check=True)\n"
        "    ctypes.CDLL(None).puts(b'c library')\n"
        "print('after')\n"
        "print('after error', file=sys.stderr)\n",
        PYTHONUNBUFFERED="",
    )
    assert sorted(done.stdout.splitlines()) == ["after", "before", "c library", "child", "descriptor", "python"]
    assert done.stderr.splitlines() == ["python error", "child error", "after error"]
    assert sorted(kept().splitlines()) == ["c library", "child", "child error", "descriptor", "python", "python error"]


def test_one_sink_for_both_keeps_their_order(script: Script, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(
        "import os, tidemill\n"
        "with tidemill.start_run(log_console=True):\n"
        "    for n in range(200): os.write(1 + n % 2, b'%d\\n' % n)\n"
    )
    done = subprocess.run(
        [sys.executable, "job.py"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    assert done.stdout.split() == kept().split() == [str(n) for n in range(200)]


def test_an_exception_restores_everything_and_is_noted(script: Script) -> None:
    done = script(
        "import os, sys, tidemill\n"
        "before = os.fstat(1), os.fstat(2)\n"
        "open_before = len(os.listdir('/dev/fd'))\n"
        "for n in range(3):\n"
        "    try:\n"
        "        with tidemill.start_run(log_console=True):\n"
        "            if n == 0: open_before = len(os.listdir('/dev/fd'))\n"
        "            raise ValueError(f'broken {n}')\n"
        "    except ValueError: pass\n"
        "assert (os.fstat(1).st_ino, os.fstat(2).st_ino) == (before[0].st_ino, before[1].st_ino)\n"
        "assert len(os.listdir('/dev/fd')) < open_before\n"
        "raise SystemExit(0)\n"
    )
    assert done.stderr == ""
    runs = tidemill.search_runs(output_format="list")
    texts = [tidemill.artifacts.load_text(f"runs:/{run.info.run_id}/console/output.log") for run in runs]
    assert len(texts) == 3
    assert all("Traceback" in text and "ValueError: broken" in text for text in texts)


def test_an_uncaught_exception_without_a_block_is_kept(script: Script) -> None:
    done = script("import tidemill\ntidemill.start_run(log_console=True)\nraise ValueError('oh')", check=False)
    assert "ValueError: oh" in done.stderr
    assert kept().count("ValueError: oh") == 1


def test_what_a_crash_in_c_prints_still_comes_out(script: Script) -> None:
    done = script(
        "import faulthandler, os, sys, tidemill\n"
        "faulthandler.enable()\n"
        "tidemill.start_run(log_console=True)\n"
        "os.write(1, b'last words\\n')\n"
        "faulthandler._sigsegv()\n",
        check=False,
    )
    assert done.returncode == -signal.SIGSEGV
    assert done.stdout == "last words\n"
    assert "Segmentation fault" in done.stderr


def test_a_killed_process_has_its_output_passed_on_and_uploaded_so_far(script: Script) -> None:
    done = script(
        "import os, signal, time, tidemill\n"
        "from tidemill.tracking import console\n"
        "console._EVERY_S = 0.2\n"
        "tidemill.start_run(log_console=True)\n"
        "print('early', flush=True)\n"
        "time.sleep(2.5)\n"
        "print('late', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n",
        check=False,
    )
    assert done.stdout == "early\nlate\n"
    assert kept() == "early\n"


def test_the_record_grows_while_the_run_goes_on(script: Script) -> None:
    done = script(
        "import time, tidemill\n"
        "from tidemill.tracking import console\n"
        "console._EVERY_S = 0.2\n"
        "with tidemill.start_run(log_console=True) as run:\n"
        "    print('first', flush=True)\n"
        "    until = time.monotonic() + 20\n"
        "    path = f'runs:/{run.info.run_id}/console/output.log'\n"
        "    while time.monotonic() < until:\n"
        "        try: seen = tidemill.artifacts.load_text(path); break\n"
        "        except tidemill.MlflowException: time.sleep(0.2)\n"
        "    assert seen == 'first\\n', seen\n"
    )
    assert done.stdout == "first\n"


def test_a_tee_that_dies_does_not_stop_the_training(script: Script) -> None:
    done = script(
        "import os, signal, subprocess, sys, time, tidemill\n"
        "run = tidemill.start_run(log_console=True)\n"
        "print('one', flush=True)\n"
        "time.sleep(1.5)\n"
        "child = subprocess.Popen(['sh', '-c', 'sleep 1; echo from a child'])\n"
        "os.kill(run.companions[-1]._source._process.pid, signal.SIGKILL)\n"
        "for n in range(20_000): print('a long enough line to fill a pipe many times over', n, flush=True)\n"
        "child.wait()\n"
        "tidemill.end_run()\n"
        "print('done')\n",
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 20_003
    assert lines[-1] == "done"
    assert "from a child" in lines
    assert kept() == "one\n"


def test_much_output_comes_through_whole(script: Script) -> None:
    done = script(
        "import tidemill\nwith tidemill.start_run(log_console=True):\n    for n in range(300_000): print('line', n)\n"
    )
    assert done.stdout == "".join(f"line {n}\n" for n in range(300_000))
    assert kept() == done.stdout


def test_output_while_the_interpreter_is_held_does_not_block(script: Script) -> None:
    done = script(
        "import ctypes, tidemill\n"
        "libc = ctypes.PyDLL(None)  # keeps the interpreter's lock during the call\n"
        "with tidemill.start_run(log_console=True):\n"
        "    text = b'x' * 1_000_000 + b'\\n'\n"
        "    assert libc.write(1, text, len(text)) == len(text)\n"
    )
    assert len(done.stdout) == 1_000_001


def test_processes_that_outlive_the_run_keep_their_output(script: Script) -> None:
    done = script(
        "import subprocess, tidemill\n"
        "with tidemill.start_run(log_console=True):\n"
        "    late = subprocess.Popen(['sh', '-c', 'sleep 1; echo late'])\n"
        "    print('inside', flush=True)\n"
        "late.wait()\n"
        "print('end')\n"
    )
    assert sorted(done.stdout.split()) == ["end", "inside", "late"]
    assert kept() == "inside\n"


def test_runs_inside_one_another_each_have_a_record(script: Script) -> None:
    script(
        "import tidemill\n"
        "with tidemill.start_run(log_console=True) as outer:\n"
        "    print('outer 1')\n"
        "    with tidemill.start_run(nested=True, log_console=True) as inner: print('inner')\n"
        "    print('outer 2')\n"
        "text = lambda run: tidemill.artifacts.load_text(f'runs:/{run.info.run_id}/console/output.log')\n"
        "assert text(outer) == 'outer 1\\ninner\\nouter 2\\n', text(outer)\n"
        "assert text(inner) == 'inner\\n', text(inner)\n"
    )


def test_the_setting_means_runs_that_are_not_nested(script: Script) -> None:
    script(
        "import tidemill\n"
        "with tidemill.start_run() as outer:\n"
        "    with tidemill.start_run(nested=True) as inner: print('x')\n"
        "with tidemill.start_run(log_console=False) as off: pass\n"
        "client = tidemill.Client()\n"
        "assert [bool(client.list_artifacts(run.info.run_id, 'console')) for run in (outer, inner, off)]"
        " == [True, False, False]\n",
        TIDEMILL_CONSOLE="1",
    )


def test_a_terminal_stays_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(
        "import os, sys, tidemill\n"
        "with tidemill.start_run(log_console=True):\n"
        "    print(sys.stdout.isatty(), os.isatty(2), os.get_terminal_size(1))\n"
        "    print('\\033[31mred\\033[0m')\n"
        "    print('1%\\r2%', file=sys.stderr)\n"
    )
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-W", "ignore", "job.py"])
    output = b""
    try:
        while data := os.read(terminal, 4096):
            output += data
    except OSError:  # the last writer is gone
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, output
    assert b"\x1b[31mred\x1b[0m\r\n" in output
    assert b"1%\r2%\r\n" in output
    assert kept() == "True True os.terminal_size(columns=0, lines=0)\nred\n2%\n"


def test_replaced_streams_are_copied_and_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with tidemill.start_run(log_console=True) as run:
        assert sys.stdout is not before[0]
        print("in a notebook", "10%\r20%", sep="\n")
        print("error", file=sys.stderr)
        sys.stdout.writelines(["a", "b\n"])
        assert sys.stdout.encoding == before[0].encoding
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "in a notebook\n10%\r20%\nab\n"
    assert tidemill.artifacts.load_text(f"runs:/{run.info.run_id}/console/output.log") == (
        "in a notebook\n20%\nerror\nab\n"
    )


def test_streams_replaced_by_somebody_else_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    with tidemill.start_run(log_console=True):
        other = sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    assert sys.stdout is other
    other.close()


def test_a_server_that_is_gone_does_not_hold_the_end() -> None:
    with tidemill.start_run(log_console=True) as run:

        class Away:
            def write(self, *_: object, **__: object) -> None:
                raise OSError("gone")

        run.companions[-1]._files = Away()  # type: ignore[attr-defined]
        began = time.monotonic()
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a\nb", "a\nb\n"),
        ("", ""),
        ("1%\r2%\r100%\n", "100%\n"),
        ("abcdef\rxy\n", "xycdef\n"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("ab\b\bc\n", "cb\n"),
        ("\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\n", "red x\n"),
        ("old\r\x1b[Knew\n", "new\n"),
        ("one\ntwo\n\x1b[2A\x1b[2KONE\n\n", "ONE\ntwo\n"),
        ("██████ 100%\r█▌     012%\n", "█▌     012%\n"),
        ("a\tb\x07\n", "a\tb\n"),
    ],
)
def test_a_record_is_what_a_terminal_would_show(text: str, expected: str) -> None:
    assert shown(text) == expected
    record = tee.Transcript()
    for byte in text.encode():  # however it is cut up
        record.feed(bytes([byte]))
    assert record.render().decode() == expected


def test_two_bars_above_each_other_are_two_lines() -> None:
    record = tee.Transcript()
    for n in range(1000):
        record.feed(f"\router {n // 100}\n\rinner {n % 100}\x1b[A".encode())
    record.feed(b"\n\n")
    assert record.render() == b"outer 9\ninner 99\n"


def test_the_middle_of_a_long_record_is_left_out() -> None:
    lines = [f"{n:09}\n" for n in range(10_000)]
    for text in (lines, ["".join(lines)]):
        record = tee.Transcript(head=100, tail=1000)
        for part in text:
            record.feed(part.encode())
        found = record.render().decode()
        head, note, tail = found[:100], found[100:].partition("\n")[0], found[100:].partition("\n")[2]
        assert head == "".join(lines[:10])
        assert tail == "".join(lines)[-len(tail) :]
        assert 1000 <= len(tail) < 1000 + 1000
        assert note == f"... {100_000 - 100 - len(tail)} bytes left out ..."


def test_a_line_without_end_stays_bounded() -> None:
    assert len(shown("x" * 1_000_000)) <= tee._LONGEST + 1


def test_a_record_that_grows_does_not_fill_the_journal(script: Script, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    script(
        "import time, tidemill\n"
        "from tidemill.tracking import console\n"
        "console._EVERY_S = 0.1\n"
        "with tidemill.start_run(log_console=True) as run:\n"
        "    for n in range(30): print('x' * 1000, flush=True); time.sleep(0.1)\n",
        TIDEMILL_URI="http://127.0.0.1:9",
        TIDEMILL_OFFLINE="1",
        TIDEMILL_JOURNAL=str(journal),
    )
    sizes = [path.stat().st_size for path in journal.rglob("*") if path.is_file()]
    assert [size for size in sizes if size and size % 1001 == 0] == [30 * 1001]
