"""A progress bar for transfers that take long enough to wonder about, on a terminal only."""

import sys
import time
from types import TracebackType
from typing import Any, Self

from tidemill import settings

PATIENCE_S = 2.0
"""How long a transfer may take before a bar appears."""


class TransferBar:
    """Shows the progress that `artifacts.upload` and `artifacts.download` report. As a context manager it goes away."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._bar: Any = None
        self._task: Any = None
        wanted = sys.stderr is not None and sys.stderr.isatty() and settings.progress_bar()
        self._due = time.monotonic() + PATIENCE_S if wanted else float("inf")

    def __call__(self, done: int, total: int, name: str) -> None:
        """`done` of `total` bytes have moved, of `name` lately."""
        if self._bar is None:
            if time.monotonic() < self._due:
                return
            self._show(total)
        self._bar.update(self._task, completed=done)

    def _show(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(self.label, total=total)
        self._bar.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
