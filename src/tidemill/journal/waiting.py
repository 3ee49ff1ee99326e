"""What a person sees while a program waits for its journal to be sent."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from tidemill.journal import state


class Waiting:
    """A line on the terminal, once sending takes longer than a second."""

    def __init__(self, folder: Path, shown: bool) -> None:
        self._shown = shown and sys.stderr is not None and sys.stderr.isatty()
        self._left = state.bytes_left(folder) if self._shown else 0
        self._due = time.monotonic() + 1.0
        self._wrote = False

    def __enter__(self) -> Callable[[int], None]:
        return self._sent

    def _sent(self, count: int) -> None:
        self._left -= count
        if self._shown and time.monotonic() > self._due:
            self._due = time.monotonic() + 0.2
            self._wrote = True
            sys.stderr.write(f"\rtidemill: sending what was logged, {max(0, self._left) / 1e6:.1f} MB to go … ")
            sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self._wrote:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def megabytes(folder: Path) -> str:
    """How much of a journal is still to be sent, for people."""
    return f"{max(state.bytes_left(folder), 1) / 1e6:.3g} MB"
