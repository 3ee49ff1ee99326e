"""How far long work is: shown on standard error, on a terminal only, and gone when the work is done."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tidemill.cli import output

Advance = Callable[[int], None]
"""Called with how many more things are done."""


@contextmanager
def counting(label: str, total: int | None = None) -> Iterator[Advance]:
    """A bar, or a count where the total is not known. The value to call as the work goes on."""
    if not sys.stderr.isatty():
        yield _ignore
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns: tuple[Any, ...] = (SpinnerColumn(), TextColumn("{task.description}"))
    columns += (BarColumn(), MofNCompleteColumn()) if total is not None else (TextColumn("{task.completed:,.0f}"),)
    with Progress(*columns, TimeElapsedColumn(), console=output.console(err=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda count: bar.update(task, advance=count)


def _ignore(_: int) -> None:
    return None
