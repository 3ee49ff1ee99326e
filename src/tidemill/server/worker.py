"""One of several server processes; see `workers.py`. Run as `python -m tidemill.server.worker`."""

import logging
import os
import signal
import socket
import sys
import threading

import msgspec

from tidemill.errors import TidemillError
from tidemill.http.logs import start_logging
from tidemill.server.launch import run
from tidemill.server.workers import Job

_log = logging.getLogger("tidemill.server")


def main() -> int:
    """Serve as standard input says, until a signal comes or standard input ends; the exit status."""
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    start_logging(job.config.log_level)
    threading.Thread(target=_stop_with_parent, name="tidemill-parent", daemon=True).start()
    try:
        run(job.config, [socket.socket(fileno=number) for number in job.sockets])
    except TidemillError as error:
        _log.error("%s", error)
        return 1
    return 0


def _stop_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
