"""What commands print: tables that fit the terminal, one JSON document for programs, and words for numbers and times.

Only data goes to standard output; everything said beside it goes to standard error (`note`). Colours follow the
terminal and NO_COLOR. Texts from a store are made harmless before they reach a terminal (`plain`).
"""

import datetime
import math
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from tidemill.clock import now_ms

if TYPE_CHECKING:
    from rich.console import Console

GAP = 2
"""Blanks between two columns."""

_UNLIMITED = 1_000_000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_STATUS_STYLES = {
    "RUNNING": "cyan",
    "SCHEDULED": "blue",
    "FINISHED": "green",
    "FAILED": "red",
    "KILLED": "magenta",
    "active": "green",
    "deleted": "red",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One text in a table, with a rich style such as `bold green`."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, whether it lines up on the right, and how narrow it may get (None: never narrower)."""

    heading: str
    right: bool = False
    least: int | None = None


Row = Sequence[Cell | str]


def console(*, err: bool = False) -> "Console":
    """A console on standard output or standard error."""
    from rich.console import Console

    return Console(stderr=err, highlight=False, markup=False, emoji=False, soft_wrap=True, width=width())


def width() -> int:
    """Characters in a line: what COLUMNS says, else the terminal's, else no limit."""
    if os.environ.get("COLUMNS", "").isdecimal() or sys.stdout.isatty():
        return max(20, shutil.get_terminal_size().columns)
    return _UNLIMITED


def note(text: str) -> None:
    """Say something that is not data."""
    click.echo(text, err=True)


def emit(text: str) -> None:
    """Print one line of data."""
    click.echo(text)


def print_json(value: Any) -> None:
    """Print one JSON document. NaN and infinities are the texts `NaN`, `Infinity`, `-Infinity`, as on the wire."""
    import msgspec

    from tidemill.api.codec import encode

    emit(msgspec.json.format(encode(value), indent=2).decode())


def print_table(columns: Sequence[Column], rows: Sequence[Row], *, indent: int = 0) -> None:
    """Print a table no wider than the terminal: columns that may get narrower do, and their texts are cut."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    cells = [[Cell(plain(cell.text), cell.style) for cell in row] for row in cells]
    widths = [natural_width(column, [row[place].text for row in cells]) for place, column in enumerate(columns)]
    fit(widths, columns, width() - indent)
    out = console()
    header = [Cell(column.heading, "bold") for column in columns]
    for row in ([header] if any(column.heading for column in columns) else []) + cells:
        out.print(_line(columns, row, widths, indent))


def print_fields(fields: Sequence[tuple[str, Cell | str]], *, indent: int = 0) -> None:
    """Print names with their values, one a line; fields without a value are left out."""
    print_table(
        [Column(""), Column("", least=20)],
        [(Cell(name, "dim"), value) for name, value in fields if _text(value)],
        indent=indent,
    )


def heading(text: str) -> None:
    """Print a heading, with a blank line before it."""
    from rich.text import Text

    out = console()
    out.print()
    out.print(Text(plain(text), "bold"))


def natural_width(column: Column, texts: Sequence[str]) -> int:
    """The width at which nothing of a column is cut."""
    from rich.cells import cell_len

    return max((cell_len(text) for text in (column.heading, *texts)), default=0)


def fit(widths: list[int], columns: Sequence[Column], room: int) -> None:
    """Narrow the widest columns that allow it until all of them fit into `room`."""
    while sum(widths) + GAP * (len(widths) - 1) > room:
        able = [
            (widths[place], place)
            for place, one in enumerate(columns)
            if one.least is not None and widths[place] > one.least
        ]
        if not able:
            return
        widths[max(able)[1]] -= 1


def _line(columns: Sequence[Column], row: Sequence[Cell], widths: Sequence[int], indent: int) -> Any:
    from rich.cells import cell_len, set_cell_size
    from rich.text import Text

    line = Text(" " * indent)
    for place, (column, cell, room) in enumerate(zip(columns, row, widths, strict=True)):
        text = cell.text
        if cell_len(text) > room:
            text = set_cell_size(text, max(room - 1, 0)).rstrip() + "…"
        padding = " " * (room - cell_len(text))
        if column.right:
            line.append(padding)
        line.append(text, cell.style or None)
        if not column.right and place < len(columns) - 1:
            line.append(padding)
        if place < len(columns) - 1:
            line.append(" " * GAP)
    line.rstrip()
    return line


def _text(value: Cell | str) -> str:
    return value.text if isinstance(value, Cell) else value


def plain(text: str) -> str:
    """`text` on one line, without the characters that steer terminals."""
    return _CONTROL.sub(lambda found: " " if found[0].isspace() else "�", text)


def status_cell(status: str) -> Cell:
    """A run's status or a lifecycle stage in its colour."""
    return Cell(status, _STATUS_STYLES.get(status, ""))


def number(value: float) -> str:
    """A number with four significant digits; whole numbers in full."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == int(value) and abs(value) < 1e12:
        return str(int(value))
    return f"{value:.4g}"


def numbers(values: Sequence[float | None], missing: str = "–") -> list[str]:
    """Numbers to be read below or beside each other: with the same decimals where each keeps three digits of its own."""
    real = [abs(value) for value in values if value is not None and math.isfinite(value) and value]
    whole = all(value == int(value) for value in real)
    if not real or whole or max(real) >= 1e6 or min(real) < 1e-4:
        return [missing if value is None else number(value) for value in values]
    decimals = max(0, 3 - math.floor(math.log10(max(real))))
    if min(real) < 10 ** (2 - decimals) and len(real) > 1:
        return [missing if value is None else number(value) for value in values]
    return [
        missing if value is None else f"{value:.{decimals}f}" if math.isfinite(value) else number(value)
        for value in values
    ]


def ago(ms: int | None, now: int | None = None) -> str:
    """A time (ms since the epoch) as seen from now: `3 min ago`; older than a month: the day."""
    if not ms:
        return "–"
    seconds = ((now_ms() if now is None else now) - ms) / 1000
    if seconds < 1:
        return "now"
    if seconds < 60:
        return f"{int(seconds)} s ago"
    if seconds < 3600:
        return f"{int(seconds / 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds / 3600)} h ago"
    if seconds < 31 * 86_400:
        days = int(seconds / 86_400)
        return f"{days} day{'s' if days > 1 else ''} ago"
    return moment(ms)[:10]


def moment(ms: int | None) -> str:
    """A time (ms since the epoch) in the local zone, to the second."""
    if not ms:
        return "–"
    try:
        return datetime.datetime.fromtimestamp(ms / 1000).isoformat(" ", "seconds")
    except (OverflowError, OSError, ValueError):
        return f"{ms} ms"


def duration(ms: float | None) -> str:
    """A length of time in its two largest units."""
    if ms is None:
        return "–"
    if ms < 1000:
        return f"{max(0, round(ms))} ms"
    seconds = ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    return f"{hours // 24} days {hours % 24} h" if hours % 24 else f"{hours // 24} days"


def size(count: int | None) -> str:
    """A number of bytes."""
    if count is None:
        return ""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{count} B" if unit == "B" else f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"


def count_of(count: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def text_width(text: str) -> int:
    """How many places a text takes on a terminal."""
    from rich.cells import cell_len

    return cell_len(plain(text))
