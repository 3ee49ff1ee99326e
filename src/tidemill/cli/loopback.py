"""`python -m tidemill.cli.loopback FD DATABASE ARTIFACTS`: serve a store on a listening socket that was handed over.

Started by `tidemill.projects.loopback`; ends when standard input does, which is when the process that asked for it ends.
"""

import os
import signal
import socket
import sys
import threading


def main(number: str, database: str, artifacts: str) -> None:
    """Serve until standard input ends."""
    from tidemill.http.logs import start_logging
    from tidemill.server.config import ServerConfig
    from tidemill.server.launch import run

    threading.Thread(target=_end_with_input, daemon=True).start()
    start_logging("warning")
    listening = socket.socket(fileno=int(number))
    run(ServerConfig(store=database, artifacts=artifacts, log_level="warning", drain_seconds=3.0), [listening])


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
