"""Who owns a journal: one folder a process, named after it and locked by it for as long as it lives."""

import os
import socket
import time
from pathlib import Path

LOCK = "owner.lock"
_UNLOCKABLE_S = 3600.0
"""On a file system without locks, a journal of another host is taken for abandoned after so long without a change."""


def name_of_this_process() -> str:
    """`<host>-<pid>-<start>`: no two processes share it, and after a fork parent and child differ."""
    host = "".join(char if char.isalnum() or char in "._" else "_" for char in socket.gethostname())[:64] or "host"
    return f"{host}-{os.getpid()}-{time.time_ns() // 1000}"


def lock(path: Path, *, wait: bool = False) -> int | None:
    """Take the lock file `path` and answer its descriptor; None where another process has it.

    Raises OSError where the file cannot be made. Where the file system knows no locks, everybody gets it.
    """
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        pass  # no locks here: `is_owned` goes by the process id instead
    return descriptor


def is_owned(folder: Path) -> bool:
    """Whether the process that writes this journal is alive."""
    import fcntl

    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return _seems_alive(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return _seems_alive(folder)
    finally:
        os.close(descriptor)
    return False


def is_of_this_host(folder: Path) -> bool:
    """Whether the process that writes this journal runs, or ran, on this machine."""
    return folder.name.rsplit("-", 2)[0] == name_of_this_process().rsplit("-", 2)[0]


def last_change(folder: Path) -> float:
    """When something was last written to this journal, in seconds since the epoch."""
    return max((one.stat().st_mtime for one in folder.glob("*.seg")), default=0.0)


def _seems_alive(folder: Path) -> bool:
    pid = folder.name.rsplit("-", 2)[1]
    if is_of_this_host(folder):
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return False
        except (PermissionError, ValueError):
            return True
        return True
    return time.time() - last_change(folder) < _UNLOCKABLE_S
