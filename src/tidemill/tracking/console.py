"""What the process prints, kept with a run as `console/output.log` and uploaded while it grows.

Where `sys.stdout` and `sys.stderr` are the process's own descriptors 1 and 2, these are redirected through a helper
process (`tee.py`), so that output of C libraries and of subprocesses is kept too; a terminal stays a terminal. Elsewhere
(notebooks, test runners, Windows) what Python writes to the two objects is kept.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

from tidemill.tracking import tee
from tidemill.tracking.files import Files

PATH = "console/output.log"
_EVERY_S = 5.0
_END_S = 5.0
_lingering: list["subprocess.Popen[bytes]"] = []
"""Tees that still pass on the output of processes which outlived their run."""


class _Source(Protocol):
    def text(self) -> bytes: ...
    def close(self) -> None: ...


class ConsoleCapture:
    """Keeps what is printed from now on in `files`, until `finish`. Uploads go at most every 5 s, longer texts less often."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._uploaded = b""
        self._last_words = b""
        self._ended = threading.Event()
        self._source: _Source = _Descriptors() if _has_own_descriptors() else _Streams()
        self._thread = threading.Thread(target=self._work, name="tidemill-console", daemon=True)
        self._thread.start()

    def finish(self, error: BaseException | None = None) -> None:
        """Give the process its output back, and upload the rest; an error that ends the run is noted at the end.

        Waits at most 5 s for the upload, which goes on in the background after that.
        """
        self._source.close()
        if error is not None:
            self._last_words = "".join(traceback.format_exception(error)).encode(errors="replace")
        self._ended.set()
        self._thread.join(_END_S)

    def _work(self) -> None:
        pause = _EVERY_S
        while not self._ended.wait(pause):
            began = time.monotonic()
            self._upload(self._source.text())
            # At most a tenth of the time, and of what a slow server can bear, goes into uploads.
            pause = max(_EVERY_S, 10 * (time.monotonic() - began), _EVERY_S * len(self._uploaded) / 1e6)
        self._upload(self._source.text() + self._last_words)

    def _upload(self, text: bytes) -> None:
        if text == self._uploaded:
            return
        try:
            if self._ended.is_set():
                self._files.write(PATH, text, attempts=3)
            else:
                self._files.write_live(PATH, text)
        except Exception:  # a server that is away now may be back at the next time
            return
        self._uploaded = text


def _has_own_descriptors() -> bool:
    if os.name != "posix" or not sys.executable:
        return False
    try:
        return sys.stdout.fileno() == 1 and sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):
        return False


class _Descriptors:
    """Descriptors 1 and 2 led through a tee process, and back again."""

    def __init__(self) -> None:
        _flush()
        self._folder = tempfile.mkdtemp(prefix="tidemill-console-")
        self._path = os.path.join(self._folder, "output.log")
        self._saved = {number: os.dup(number) for number in (1, 2)}
        self._lock = threading.Lock()
        self._closed = self._taken_over = False
        self._finished = threading.Event()
        self._text: bytes | None = None
        writers, self._sources = self._channels()
        try:
            self._process = self._start()
        except BaseException:
            for number in {*self._saved.values(), *self._sources, *writers.values()}:
                os.close(number)
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        for number, writer in writers.items():
            os.dup2(writer, number)
        self._identity = {number: _identity(number) for number in writers}
        for writer in set(writers.values()):
            os.close(writer)
        threading.Thread(target=self._watch, name="tidemill-tee", daemon=True).start()

    def _channels(self) -> tuple[dict[int, int], dict[int, int]]:
        """What to write to instead of 1 and 2; what the tee reads from → where it writes to."""
        reader, writer = _channel(1)
        writers, sources = {1: writer, 2: writer}, {reader: self._saved[1]}
        if _identity(1) != _identity(2):  # else one channel keeps the order of the two
            reader, writers[2] = _channel(2)
            sources[reader] = self._saved[2]
        return writers, sources

    def _start(self) -> "subprocess.Popen[bytes]":
        control, self._control = os.pipe()
        self._answer, answer = os.pipe()
        routes = [f"{source}:{sink}" for source, sink in self._sources.items()]
        try:
            return subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", tee.__file__, self._path, str(control), str(answer), *routes],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(control, answer, *self._sources, *self._sources.values()),
                start_new_session=True,  # Ctrl-C is for the training; its last words must still be passed on
            )
        finally:
            os.close(control)
            os.close(answer)

    def _watch(self) -> None:
        try:
            answer = os.read(self._answer, 1)
        except OSError:
            answer = b""
        if not answer:
            self._take_over()
        self._finished.set()

    def text(self) -> bytes:
        """The record as the tee last saved it."""
        return _content(self._path) if self._text is None else self._text

    def close(self) -> None:
        """Restore the descriptors, and let the tee finish its record of what was written before."""
        _flush()
        _flush_c()
        with self._lock:
            self._closed = True
            self._restore()
        with suppress(OSError):  # the tee may have ended
            os.write(self._control, b".")
        self._finished.wait(_END_S)
        self._text = _content(self._path)
        self._tidy()

    def _restore(self) -> None:
        for number, saved in self._saved.items():
            # Who redirected the descriptor after us (a run inside this one) still needs it so.
            if _identity(number) == self._identity.get(number):
                os.dup2(saved, number)

    def _take_over(self) -> None:
        """The tee was killed: restore the descriptors at once, and pass on what others still write into the pipes."""
        with self._lock:
            if self._closed:
                return
            self._taken_over = True
            self._restore()
        for reader, sink in self._sources.items():
            threading.Thread(target=_pass_on, args=(os.dup(reader), os.dup(sink)), daemon=True).start()

    def _tidy(self) -> None:
        for number in {*self._saved.values(), *self._sources, self._control}:
            os.close(number)
        if self._finished.is_set():
            os.close(self._answer)
        shutil.rmtree(self._folder, ignore_errors=True)
        try:
            self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            _lingering.append(self._process)
        _lingering[:] = [one for one in _lingering if one.poll() is None]


def _identity(number: int) -> tuple[int, int, int] | None:
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_rdev


def _channel(number: int) -> tuple[int, int]:
    """Descriptors to read from and to write to: a pseudo-terminal where `number` is a terminal, else a pipe."""
    if not os.isatty(number):
        return os.pipe()
    import tty

    reader, writer = os.openpty()
    tty.setraw(writer)  # the real terminal does what there is to do
    tee.copy_size(number, reader)
    return reader, writer


def _pass_on(reader: int, sink: int) -> None:
    try:
        while data := os.read(reader, 65_536):
            while data:
                data = data[os.write(sink, data) :]
    except OSError:
        return
    finally:
        os.close(reader)
        os.close(sink)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue


def _flush_c() -> None:
    """C libraries have buffers of their own, which would be written only after the descriptors are restored."""
    try:
        import ctypes

        ctypes.CDLL(None).fflush(None)
    except (ImportError, OSError, AttributeError):
        return


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


class _Streams:
    """`sys.stdout` and `sys.stderr` replaced by objects that write to the old ones and keep a copy."""

    def __init__(self) -> None:
        self._transcript = tee.Transcript()
        self._lock = threading.Lock()
        present = [name for name in ("stdout", "stderr") if getattr(sys, name) is not None]
        self._ours = {name: _Copied(getattr(sys, name), self._keep) for name in present}
        for name, stream in self._ours.items():
            setattr(sys, name, stream)

    def _keep(self, text: str) -> None:
        with self._lock:
            self._transcript.feed(text.encode(errors="replace"))

    def text(self) -> bytes:
        """The record so far."""
        with self._lock:
            return self._transcript.render()

    def close(self) -> None:
        """Put the old streams back, unless somebody put others there meanwhile."""
        for name, stream in self._ours.items():
            stream.process = None
            if getattr(sys, name) is stream:
                setattr(sys, name, stream.inner)


class _Copied:
    """A text stream that passes everything on to `inner` and, in this process alone, shows each text to `keep`."""

    def __init__(self, inner: Any, keep: Callable[[str], None]) -> None:
        self.inner = inner
        self.process: int | None = os.getpid()
        self._keep = keep

    def write(self, text: str) -> Any:
        """As the inner stream's."""
        written = self.inner.write(text)
        if self.process == os.getpid():  # a forked child may have inherited the lock as somebody held it
            self._keep(text)
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        """As the inner stream's."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __iter__(self) -> Any:
        return iter(self.inner)
