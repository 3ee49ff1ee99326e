"""A process with all that it starts: begun as a group of its own, and ended as a whole.

What leaves the group (daemons, `setsid`) is found by a mark in its environment, where the system shows environments
(Linux); nothing that was started before is ever touched.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

MARK = "TIDEMILL_JOB"
"""The variable that marks processes of a job; it begins with the run's id."""
_PATIENCE_S = 5.0
_LAST_S = 2.0


def start(
    argv: Sequence[str], folder: str, env: Mapping[str, str], mark: str, stdout: int | None, stderr: int | None
) -> "subprocess.Popen[bytes]":
    """Start a process in a session of its own, marked with `mark`. Raises OSError."""
    return subprocess.Popen(  # noqa: S603
        list(argv), cwd=folder, env={**env, MARK: mark}, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
        start_new_session=True,
    )  # fmt: skip


def end(group: int, mark: str, patience_s: float = _PATIENCE_S) -> None:
    """End the group and everything else that carries the mark: asked first (SIGINT, SIGTERM), then killed."""
    for number, wait in (
        (signal.SIGINT, patience_s),
        (signal.SIGTERM, min(patience_s, 2.0)),
        (signal.SIGKILL, _LAST_S),
    ):
        alive = _signal(group, mark, number)
        deadline = time.monotonic() + wait
        while alive and time.monotonic() < deadline:
            time.sleep(0.02)
            alive = _signal(group, mark, 0)
        if not alive:
            return


def marked(mark: str) -> list[int]:
    """The processes that carry a mark, where the system shows it; zombies do not count."""
    needle = f"{MARK}={mark}".encode()
    found = []
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if name.isdecimal() and int(name) != os.getpid():
            with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                if needle in file.read().split(b"\0") and not _sends_journals(name):
                    found.append(int(name))
    return found


def _sends_journals(process: str) -> bool:
    """Whether a process only brings to the store what a job has logged: it ends by itself, and must not lose anything."""
    with open(f"/proc/{process}/cmdline", "rb") as file:
        return b"tidemill.tracking.shipping" in file.read()


def _signal(group: int, mark: str, number: int) -> bool:
    """Send a signal (0: only look) and answer whether anyone was there."""
    there = False
    if group > 0 and not _only_zombies(group):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            there = True
    for process in marked(mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process) != group:
                os.kill(process, number)
            there = True
    return there


def _only_zombies(group: int) -> bool:
    """Whether the group's first process has ended and waits to be collected, alone."""
    try:
        with open(f"/proc/{group}/stat", "rb") as file:
            state = file.read().rpartition(b")")[2].split()[0]
    except OSError:
        return not os.path.isdir("/proc/self")
    if state != b"Z":
        return False
    return not any(
        _group_of(int(name)) == group for name in os.listdir("/proc") if name.isdecimal() and int(name) != group
    )


def _group_of(process: int) -> int:
    try:
        return os.getpgid(process)
    except OSError:
        return -1
