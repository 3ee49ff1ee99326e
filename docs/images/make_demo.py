"""Draws docs/images/demo.svg: what `tidemill demo` really prints, at a terminal of 84 columns.

    python docs/images/make_demo.py

The command runs in a folder of its own. The picture names no font file: viewers use their own monospaced font, and
the text keeps its columns because each piece says how wide it is.
"""

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

COLUMNS = 84
TARGET = Path(__file__).with_name("demo.svg")
GREY, WHITE = (95, 101, 112), (240, 242, 245)
RED, GREEN, YELLOW = (224, 108, 117), (126, 198, 121), (222, 184, 105)
BLUE, MAGENTA, CYAN = (97, 160, 236), (190, 125, 218), (86, 182, 194)
DARK, LIGHT = (24, 26, 31), (205, 209, 217)
COLOURS = [RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN]
THEME = TerminalTheme(DARK, LIGHT, [DARK, *COLOURS, LIGHT], [GREY, *COLOURS, WHITE])


def seen_at_a_terminal(command: list[str], folder: str) -> str:
    """What a command prints to a terminal, with its colours."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "TIDEMILL_URI")}
    process = subprocess.Popen(
        command, cwd=folder, stdout=inner, stderr=subprocess.DEVNULL, env={**env, "TERM": "xterm-256color"}
    )
    os.close(inner)
    seen = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(outer, 4096):
            seen += chunk
    if process.wait() != 0:
        raise SystemExit("tidemill demo failed")
    return seen.decode().replace("\r\n", "\n")


def main() -> None:
    """Run the command and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        text = seen_at_a_terminal([sys.executable, "-m", "tidemill.cli.main", "demo"], folder)
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi("$ tidemill demo\n" + text.rstrip() + "\n"))
    svg = console.export_svg(title="tidemill demo", theme=THEME, unique_id="demo")
    svg = re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    TARGET.write_text(svg.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas") + "\n")


if __name__ == "__main__":
    main()
