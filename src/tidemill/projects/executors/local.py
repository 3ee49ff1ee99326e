"""Jobs on this machine, as processes of this one."""

import contextlib
import fcntl
import os
import struct
import subprocess
import sys
import termios
import threading
import uuid

from tidemill.errors import InvalidParameter, NotFound, Unavailable
from tidemill.projects import tree
from tidemill.projects.job import NOT_PASSED_ON, Ending, Job, Out, ended

_LOOK_S = 0.05
_REST_S = 1.0


class LocalExecutor:
    """Runs jobs here. A ticket holds in the process that submitted.

    With `terminal` the job sees a terminal where this process has one, so that progress bars and colours stay.
    """

    def __init__(self, terminal: bool = False) -> None:
        self._terminal = terminal
        self._running: dict[str, tuple[subprocess.Popen[bytes], list[tuple[int, bool]]]] = {}

    def submit(self, job: Job) -> str:
        """Start the job's process. Raises NotFound where its program is not installed."""
        mark = f"{job.run_id}-{uuid.uuid4().hex[:8]}"
        env = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON} | dict(job.variables)
        for name in job.secrets:
            if name not in env:
                raise InvalidParameter(f"The secret {name} is not set in the environment.")
        outputs, ends = _outputs(self._terminal)
        try:
            process = tree.start(job.argv, job.folder, env, mark, ends[0], ends[1])
        except FileNotFoundError as error:
            _close([fd for fd, _ in outputs])
            raise _not_found(job, error) from None
        except OSError as error:
            _close([fd for fd, _ in outputs])
            raise Unavailable(f"'{job.argv[0]}' cannot be started: {error.strerror or error}.") from None
        finally:
            _close(set(ends))
        self._running[mark] = (process, outputs)
        return mark

    def watch(self, ticket: str, out: Out, stop: threading.Event) -> Ending:
        """Follow a job that this object submitted. Raises NotFound for others."""
        if ticket not in self._running:
            raise NotFound(f"This process runs no job '{ticket}'.")
        process, outputs = self._running[ticket]
        pumps = [threading.Thread(target=_pump, args=(fd, error, out), daemon=True) for fd, error in outputs]
        for pump in pumps:
            pump.start()
        try:
            stopped = _wait(process, ticket, stop)
        except BaseException:
            tree.end(process.pid, ticket)
            process.wait()
            raise
        for pump in pumps:
            pump.join(_REST_S)  # what the job left behind may hold its end of the pipe for ever
        del self._running[ticket]
        return ended(process.returncode, stopped)


def _wait(process: "subprocess.Popen[bytes]", mark: str, stop: threading.Event) -> bool:
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_S)
            return False
        if stop.is_set():
            tree.end(process.pid, mark)
            process.wait()
            return True


def _not_found(job: Job, error: OSError) -> NotFound:
    if error.filename == job.folder:
        return NotFound(f"The folder '{job.folder}' of the project is gone.")
    return NotFound(f"The command needs the program '{job.argv[0]}', which is not installed in this environment.")


def _outputs(terminal: bool) -> tuple[list[tuple[int, bool]], tuple[int, int]]:
    """What to read from (descriptor, is it standard error), and the two ends that the job writes to."""
    if terminal and sys.stdout.isatty():
        outer, inner = os.openpty()
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
            fcntl.ioctl(inner, termios.TIOCSWINSZ, size)
            modes = termios.tcgetattr(inner)
            modes[1] &= ~termios.OPOST  # the real terminal does what is to be done with line ends
            termios.tcsetattr(inner, termios.TCSANOW, modes)
        return [(outer, False)], (inner, inner)
    (out, out_end), (error, error_end) = os.pipe(), os.pipe()
    return [(out, False), (error, True)], (out_end, error_end)


def _pump(fd: int, is_error: bool, out: Out) -> None:
    with contextlib.suppress(OSError):  # a terminal whose other side is closed says so by an error
        while data := os.read(fd, 65_536):
            out(data, is_error)
    _close([fd])


def _close(fds: "list[int] | set[int]") -> None:
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)
