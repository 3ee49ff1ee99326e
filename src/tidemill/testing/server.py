"""A real server in a process of its own, for tests that need one or want to kill it."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidemill.errors import Unavailable

_START = "import sys; from tidemill.cli.main import main; sys.exit(main())"
_PATIENCE_S = 60


@dataclass
class ServerProcess:
    """A running `tidemill server`: its address (`http://127.0.0.1:…`) and its process."""

    address: str
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """End it at once (SIGKILL), in the middle of whatever it does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end (SIGTERM) and wait; answers the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def server_process(
    store: str | Path, artifacts: str | Path, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[ServerProcess]:
    """Run `tidemill server` on any free port of 127.0.0.1 until the block ends. `options` are added to its command line.

    Raises Unavailable, with what it said, where it does not start within a minute.
    """
    places = ["--store", str(store), "--artifacts", str(artifacts)]
    with _running(["server", "--port", "0", *places, *options], env) as server:
        yield server


@contextmanager
def serving_process(
    *models: str, uri: str, cache: str | Path, options: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> Iterator[ServerProcess]:
    """Run `tidemill serve` for `models` on any free port of 127.0.0.1 until the block ends. `uri` is the registry.

    Raises Unavailable, with what it said, where it does not start within a minute.
    """
    command = ["--uri", uri, "serve", "--port", "0", "--cache", str(cache), *options, *models]
    with _running(command, env) as server:
        yield server


@contextmanager
def _running(command: list[str], env: Mapping[str, str] | None) -> Iterator[ServerProcess]:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, *command],
            stdout=subprocess.PIPE,
            stderr=said,
            env={**os.environ, **(env or {})},
        )
        server = ServerProcess("", process)
        try:
            server.address = _address_of(process)
            yield server
        except Unavailable as error:
            said.seek(0)
            raise Unavailable(f"{error} {said.read().decode(errors='replace')[-2000:]}") from None
        finally:
            server.stop()
            assert process.stdout is not None
            process.stdout.close()


def _address_of(process: "subprocess.Popen[bytes]") -> str:
    """The address in the line that a server prints once it can be reached."""
    assert process.stdout is not None
    deadline = time.monotonic() + _PATIENCE_S
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        more = os.read(process.stdout.fileno(), 4096) if ready else b""
        if not more:
            raise Unavailable("The server did not start.")
        line += more
    for word in line.decode().split():
        if word.startswith("http://"):
            return word
    raise Unavailable(f"The server did not say its address: {line.decode(errors='replace')}")
