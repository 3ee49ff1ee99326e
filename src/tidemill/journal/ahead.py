"""Segments made ready before they are needed, and finished after, so that no logging call waits for the disk.

The work is done in a thread that holds Python's lock for microseconds only: what takes long (allocating, touching each
page, letting go of them) happens in system calls during which Python runs on.
"""

import _thread
import contextlib
import ctypes
import mmap
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tidemill.journal import segments

_POPULATE_WRITE = 23
"""Linux: touch each page of a mapping as if it was written to. Older kernels refuse, and nothing is lost."""
_DONTNEED = 4
"""Linux: let go of the pages. The file keeps what was written."""
_FINISHED_S = 5.0


class Ahead:
    """One segment ahead of a writer in `folder`. `fits(size)` is asked whether the disk may take so many bytes more."""

    def __init__(self, fits: Callable[[int], bool]) -> None:
        self._fits = fits
        self._ready: segments.Segment | None = None
        self._full: list[segments.Segment] = []
        self._idle = threading.Event()
        self._idle.set()

    def prepare(self, folder: Path, size: int) -> None:
        """Begin to make the next segment, unless that is done or under way, and finish those that are full."""
        if self._idle.is_set() and (self._ready is None or self._full):
            self._idle.clear()
            _thread.start_new_thread(self._work, (folder, size))

    def take(self, size: int) -> segments.Segment | None:
        """The segment that was made, if it has at least `size` bytes. Waits while it is being made."""
        self._idle.wait(_FINISHED_S)
        ready = self._ready
        if ready is None or ready.size < size:
            return None
        self._ready = None
        return ready

    def finish(self, segment: segments.Segment) -> None:
        """Finish a full segment when there is time."""
        self._full.append(segment)

    def close(self) -> None:
        """Finish what is left; a segment that nobody took is removed."""
        self._idle.wait(_FINISHED_S)
        self._finish_all()
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.discard()

    def abandon(self) -> None:
        """Leave everything to another process: this is a fork of it."""
        for segment in (*self._full, self._ready):
            if segment is not None:
                with contextlib.suppress(BufferError):  # another thread of the parent was just at it
                    segment.abandon()
        self._full, self._ready = [], None

    def _work(self, folder: Path, size: int) -> None:
        try:
            self._finish_all()
            if self._ready is None and self._fits(size):
                made = segments.Segment(folder, size)
                _advise(made.map, _POPULATE_WRITE)
                self._ready = made
        except OSError:
            return  # the writer will try for itself, and say what is wrong
        finally:
            self._idle.set()

    def _finish_all(self) -> None:
        while self._full:
            segment = self._full.pop()
            _advise(segment.map, _DONTNEED)
            segment.close()


if sys.platform == "linux":
    _libc = ctypes.CDLL(None)

    def _advise(mapped: mmap.mmap, advice: int) -> None:
        """As `mapped.madvise(advice)`, which would keep Python's lock meanwhile."""
        start = ctypes.c_char.from_buffer(mapped)
        _libc.madvise(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(len(mapped)), advice)
        del start  # a mapping that somebody points into cannot be closed

else:

    def _advise(mapped: mmap.mmap, advice: int) -> None:
        """Only Linux is asked."""
