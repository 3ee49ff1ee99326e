import math
from pathlib import Path
from typing import Any

import pytest

from tidemill.cli import output
from tidemill.cli.output import Cell, Column

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (3.0, "3"),
        (-12345.0, "-12345"),
        (0.123456, "0.1235"),
        (1234.5678, "1235"),
        (1e-9, "1e-09"),
        (1.5e300, "1.5e+300"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
    ],
)
def test_numbers_have_four_significant_digits(value: float, text: str) -> None:
    assert output.number(value) == text


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.5, 0.25, None], ["0.5000", "0.2500", "–"]),
        ([1.0, 0.972], ["1.000", "0.972"]),
        ([3.0, 10.0], ["3", "10"]),
        ([53.5, 0.001], ["53.5", "0.001"]),  # common decimals would hide the second
        ([1e9 + 0.5, 1.0], ["1e+09", "1"]),
        ([0.5, math.nan, math.inf], ["0.5000", "NaN", "∞"]),
        ([], []),
        ([None, None], ["–", "–"]),
    ],
)
def test_numbers_beside_each_other_share_their_decimals(values: list[float | None], texts: list[str]) -> None:
    assert output.numbers(values) == texts


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (0, "now"),
        (-5 * SECOND, "now"),
        (59 * SECOND, "59 s ago"),
        (61 * SECOND, "1 min ago"),
        (2 * HOUR, "2 h ago"),
        (DAY, "1 day ago"),
        (30 * DAY, "30 days ago"),
    ],
)
def test_times_as_seen_from_now(age: int, text: str) -> None:
    assert output.ago(NOW - age, NOW) == text


def test_old_and_impossible_times() -> None:
    assert output.ago(NOW - 400 * DAY, NOW).startswith("2025-")
    assert output.ago(None) == output.moment(0) == "–"
    assert output.moment(2**62) == f"{2**62} ms"


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (None, "–"),
        (-5, "0 ms"),
        (250, "250 ms"),
        (1500, "1.5 s"),
        (90 * SECOND, "1 min 30 s"),
        (3 * HOUR + 5 * MINUTE, "3 h 05 min"),
        (30 * DAY, "30 days"),
        (3 * DAY + HOUR, "3 days 1 h"),
    ],
)
def test_durations(length: int | None, text: str) -> None:
    assert output.duration(length) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, ""), (0, "0 B"), (999, "999 B"), (1234, "1.23 kB"), (5_000_000, "5 MB"), (3 * 10**15, "3e+03 TB")],
)
def test_sizes(count: int | None, text: str) -> None:
    assert output.size(count) == text


def test_texts_cannot_steer_the_terminal() -> None:
    assert output.plain("a\x1b[31mb\x07\x9b2J") == "a�[31mb�2J"
    assert output.plain("two\r\nlines\tand \u202eturned") == "two lines and �turned"
    assert output.plain("日本語 é") == "日本語 é"


WIDE = [
    [Cell("0123abcd", "yellow"), "a long name of many words " * 3, "日本語の名前" * 5, "1.5"],
    [Cell("4567cdef"), "short", "", "20.25"],
]
COLUMNS = [Column("ID"), Column("NAME", least=10), Column("OTHER", least=10), Column("LOSS", right=True)]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_table_fits_the_terminal(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.cells import cell_len

    monkeypatch.setenv("COLUMNS", str(width))
    output.print_table(COLUMNS, WIDE)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(cell_len(line) <= width for line in lines)
    assert max(map(cell_len, lines)) == width
    assert lines[1].startswith("0123abcd  a long na")
    assert "…" in lines[1]
    assert lines[1].endswith("1.5")
    assert lines[2].endswith("20.25")


def test_without_a_terminal_nothing_is_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    output.print_table(COLUMNS, WIDE)
    out = capsys.readouterr().out
    assert "日本語の名前" * 5 in out
    assert "\x1b" not in out


def test_json_holds_what_json_cannot(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"a": math.nan, "b": [math.inf, None], "c": "é"})
    assert capsys.readouterr().out == '{\n  "a": "NaN",\n  "b": [\n    "Infinity",\n    null\n  ],\n  "c": "é"\n}\n'


def test_colours_are_for_terminals_that_want_them(filled: Path, at_terminal: Any) -> None:
    assert "\x1b[32mFINISHED" in at_terminal("runs", "list")
    assert "\x1b[32m" not in at_terminal("runs", "list", NO_COLOR="1")


@pytest.mark.parametrize("columns", [50, 90])
def test_the_width_is_that_of_the_terminal(filled: Path, at_terminal: Any, columns: int) -> None:
    from rich.cells import cell_len

    lines = (
        at_terminal("runs", "list", columns=columns, NO_COLOR="1")
        .replace("\x1b[1m", "")
        .replace("\x1b[0m", "")
        .splitlines()
    )
    assert len(lines) == 6
    assert max(map(cell_len, lines)) <= columns
