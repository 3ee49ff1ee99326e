"""A process of its own that passes on what a training prints and keeps a bounded record of it.

Run by `console.py` as `python -I -S tee.py`, with the standard library alone: it lives on when the training is killed
or crashes in C, and it reads while the training holds the interpreter's lock, so that a full pipe never stops it.
"""

import codecs
import os
import re
import select
import signal
import sys
import time
from collections import deque

HEAD_BYTES = 1_000_000
TAIL_BYTES = 3_000_000
_CHUNK = 65_536
_ROWS = 40
"""How far up the cursor can go: the lines that progress bars may still change."""
_LONGEST = 20_000
_SAVE_S = 1.0
_SETTLE_S = 0.05
_SETTLED_S = 1.0
# Cursor movements and erasures, which progress bars use; all other escape sequences (colours, titles) are dropped.
_CONTROL = re.compile(
    r"[\n\r\b]|\x1b\[([0-9;?]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\^_=>78]"
    r"|[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]{0,40}|\][^\x07\x1b]{0,400}\x1b?)?\Z")
_SPECIAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Transcript:
    """What a terminal would show after everything that was written, without colours: its first and its last part.

    Carriage returns, backspaces and cursor movements are carried out, so a progress bar is one line. About
    `head + tail` bytes are kept; what is left out between is counted.
    """

    def __init__(self, head: int = HEAD_BYTES, tail: int = TAIL_BYTES) -> None:
        self._head_room = head
        self._tail_room = tail
        self._head: list[bytes] = []
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._left_out = 0
        self._rows = [""]
        self._row = 0
        self._column = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""

    def feed(self, data: bytes) -> None:
        """Take what was written next, UTF-8; may end anywhere, within a character or an escape sequence too."""
        text = self._pending + self._decoder.decode(data)
        self._pending = ""
        unfinished = _UNFINISHED.search(text)
        if unfinished:
            self._pending, text = text[unfinished.start() :], text[: unfinished.start()]
        if self._row == len(self._rows) - 1 and text.count("\n") >= _ROWS and not _SPECIAL.search(text):
            self._feed_lines(text)
            return
        at = 0
        for control in _CONTROL.finditer(text):
            self._put(text[at : control.start()])
            at = control.end()
            self._obey(control)
        self._put(text[at:])

    def render(self) -> bytes:
        """The record so far."""
        rows = list(self._rows)
        while rows and not rows[-1]:
            rows.pop()
        note = b"... %d bytes left out ...\n" % self._left_out if self._left_out else b""
        return b"".join([*self._head, note, *self._tail, *map(_line, rows)])

    def _feed_lines(self, text: str) -> None:
        """More plain lines than the cursor can go up: they are kept as they are, quickly."""
        first, _, rest = text.partition("\n")
        self._put(first)
        lines, newline, last = rest.rpartition("\n")
        self._keep(b"".join(map(_line, self._rows)) + (lines + newline).encode())
        self._rows, self._row, self._column = [""], 0, 0
        self._put(last)

    def _put(self, text: str) -> None:
        if not text:
            return
        row, text = self._rows[self._row], text[: max(_LONGEST - self._column, 0)]
        self._rows[self._row] = row[: self._column].ljust(self._column) + text + row[self._column + len(text) :]
        self._column += len(text)

    def _obey(self, control: re.Match[str]) -> None:
        sign = control[0]
        if sign == "\n":
            self._down(1)
            self._column = 0
        elif sign == "\r":
            self._column = 0
        elif sign == "\b":
            self._column = max(self._column - 1, 0)
        elif control[2]:
            self._move(control[2], int(control[1]) if control[1].isdigit() else 0)

    def _move(self, final: str, number: int) -> None:
        row = self._rows[self._row]
        if final == "A":
            self._row = max(self._row - max(number, 1), 0)
        elif final == "B":
            self._down(max(number, 1))
        elif final == "G":
            self._column = min(max(number, 1) - 1, _LONGEST)
        elif final == "K" and number in (0, 2):
            self._rows[self._row] = row[: self._column] if number == 0 else ""
        elif final == "J" and number == 0:
            self._rows[self._row :] = [row[: self._column]]

    def _down(self, rows: int) -> None:
        for _ in range(min(rows, _ROWS)):
            self._row += 1
            if self._row == len(self._rows):
                self._rows.append("")
            if len(self._rows) > _ROWS:
                self._keep(_line(self._rows.pop(0)))
                self._row -= 1

    def _keep(self, lines: bytes) -> None:
        if self._head_room > 0:
            part = lines[: self._head_room]
            self._head.append(part)
            self._head_room -= len(part)
            lines = lines[len(part) :]
        if not lines:
            return
        part = lines[-self._tail_room :]
        self._tail.append(part)
        self._tail_size += len(part)
        self._left_out += len(lines) - len(part)
        while self._tail_size - len(self._tail[0]) >= self._tail_room:
            gone = len(self._tail.popleft())
            self._tail_size -= gone
            self._left_out += gone


def _line(row: str) -> bytes:
    return row.rstrip().encode(errors="replace") + b"\n"


class Tee:
    """Passes on each of `routes` (the descriptor to read → the one to write) until all its writers are gone.

    `control` brings one byte when the record is to be finished; `answer` gets one byte when it is. Output of processes
    that outlive the run is passed on still.
    """

    def __init__(self, routes: dict[int, int], control: int, answer: int, path: str) -> None:
        self._routes = routes
        self._control = control
        self._answer = answer
        self._path = path
        self._transcript = Transcript()
        self._recording = True
        self._changed = False
        self._saved_at = 0.0

    def work(self) -> None:
        """Pass on until the end."""
        while self._routes:
            waiting = [*self._routes, *([self._control] if self._recording else [])]
            ready, _, _ = select.select(waiting, [], [], _SAVE_S)
            for source in ready:
                if source != self._control:
                    self._pass_on(source)
            if self._control in ready and self._recording:
                self._finish()
            if self._changed and time.monotonic() - self._saved_at >= _SAVE_S:
                self._save()
            self._follow_sizes()
        if self._recording:
            self._finish()

    def _pass_on(self, source: int) -> None:
        try:
            data = os.read(source, _CHUNK)
        except OSError:  # a pseudo-terminal without writers
            data = b""
        if not data:
            del self._routes[source]
            return
        if self._recording:
            self._transcript.feed(data)
            self._changed = True
        try:
            written = 0
            while written < len(data):
                written += os.write(self._routes[source], data[written:])
        except OSError:  # the reader of the output went away (`| head`); the record goes on
            return

    def _finish(self) -> None:
        # A pseudo-terminal hands its bytes over a little later than they were written.
        until = time.monotonic() + _SETTLED_S
        while self._routes and time.monotonic() < until:
            ready, _, _ = select.select(list(self._routes), [], [], _SETTLE_S)
            if not ready:
                break
            for source in ready:
                self._pass_on(source)
        self._save()
        self._recording = self._changed = False
        try:
            os.write(self._answer, b".")
            os.close(self._answer)
        except OSError:
            return

    def _save(self) -> None:
        self._changed = False
        began = time.monotonic()
        partial = f"{self._path}.new"
        try:
            with open(partial, "wb") as file:
                file.write(self._transcript.render())
            os.replace(partial, self._path)
        except OSError:  # the disk is full: what is printed must be passed on all the same
            pass
        # A slow disk is asked less often.
        self._saved_at = time.monotonic() + 10 * (time.monotonic() - began)

    def _follow_sizes(self) -> None:
        for source, sink in self._routes.items():
            if os.isatty(sink):
                copy_size(sink, source)


def copy_size(terminal: int, pseudo: int) -> None:
    """Give a pseudo-terminal the size of a terminal."""
    import fcntl
    import termios

    try:
        size = fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8))
        if size != fcntl.ioctl(pseudo, termios.TIOCGWINSZ, bytes(8)):
            fcntl.ioctl(pseudo, termios.TIOCSWINSZ, size)
    except OSError:
        return


def main(words: list[str]) -> None:
    """`tee.py PATH CONTROL ANSWER SOURCE:SINK...`, all but the path being numbers of open descriptors."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    path, control, answer, *routes = words
    pairs = [route.split(":") for route in routes]
    Tee({_low(source): _low(sink) for source, sink in pairs}, _low(control), _low(answer), path).work()


def _low(text: str) -> int:
    """The open descriptor by its lowest free number: `select` takes none over 1023."""
    number = os.dup(int(text))
    os.close(int(text))
    return number


if __name__ == "__main__":
    main(sys.argv[1:])
