"""The writing side: what a process logs, appended to its own journal in microseconds.

Nothing here talks to a network. Threads share one lock, held while one record is copied into memory.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from tidemill.api import codec
from tidemill.clock import now_ms
from tidemill.journal import format, owners, segments, state
from tidemill.types.runs import SetTag

if TYPE_CHECKING:
    from tidemill.journal.ahead import Ahead

LOST_TAG = "tidemill.lost"
"""The tag of a run that says how many of its entries found no room in a journal."""
MOST_BYTES = 2 * 2**30
_LOOK_BYTES = 32 * 1024
_LOOK_S = 5.0
"""After so many bytes, but not more often than so, the writer looks around: does the sender live, is there room again."""
_MOST_LAYOUTS = 10_000

Layout = tuple[bytes, Callable[..., bytes], int]
"""For a run and its keys in this segment: what their records begin with, what packs the rest, bytes of a record."""


def say(text: str) -> None:
    """Tell the user, in one line on standard error."""
    print(f"tidemill: {text}", file=sys.stderr, flush=True)


class Writer:
    """Appends to the journal of this process below `root`, which is for the store `target`.

    The journal's folder is made with the first record. All journals below `root` together take at most `most_bytes` of
    disk; what finds no room is counted in `lost` and gone. After a fork the child has a journal of its own. `look` is
    called now and then by whichever thread appends, so that somebody sees to the sender.
    """

    def __init__(
        self,
        root: Path,
        target: str,
        *,
        most_bytes: int = MOST_BYTES,
        segment_bytes: int = segments.SIZE,
    ) -> None:
        self.root = root
        self.target = target
        self.folder: Path | None = None
        self.lost: dict[str, int] = {}
        self.troubles: list[str] = []
        self.look: Callable[[], None] = _nothing
        self._most = most_bytes
        self._segment_bytes = segment_bytes
        self._lock = threading.Lock()
        self._segment: segments.Segment | None = None
        self._owner: int | None = None
        self._ahead: Ahead | None = None
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._map: memoryview = memoryview(b"")
        self._at = 0
        self._mark = 0
        self._slots: dict[str, int] = {}
        self._layouts: dict[tuple[str, tuple[str, ...]], Layout] = {}
        self._tried = self._looked = float("-inf")

    def log_points(
        self, run_id: str, keys: tuple[str, ...], values: Sequence[float], timestamp: int, step: int
    ) -> None:
        """Append one value for each key. Raises struct.error where a value or time is no number of 64 bits."""
        with self._lock:
            layout = self._layouts.get((run_id, keys))
            if layout is not None:
                prefix, pack, size = layout
                at = self._at
                end = at + size
                if end <= self._mark:
                    body = prefix + pack(timestamp, step, *values)
                    self._map[at:end] = crc32(body).to_bytes(4, "little") + body
                    self._at = end
                    return
        self._log_slowly(run_id, keys, values, timestamp, step)

    def _log_slowly(
        self, run_id: str, keys: tuple[str, ...], values: Sequence[float], timestamp: int, step: int
    ) -> None:
        tail = format.points_tail(len(keys))
        packed = tail.pack(timestamp, step, *values)
        texts = {text: text.encode() for text in (run_id, *keys)}
        size = format.FRAME + 4 + 4 * len(keys) + len(packed)
        with self._lock:
            if not self._has_room(size + sum(format.FRAME + 4 + len(text) for text in texts.values())):
                self._lose(run_id, len(keys))
                return
            for text in texts:
                if text not in self._slots:
                    self._put(format.define(len(self._slots), text))
                    self._slots[text] = len(self._slots)
            prefix = format.points_prefix(self._slots[run_id], tuple(self._slots[key] for key in keys))
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            self._layouts[run_id, keys] = prefix, tail.pack, size
            body = prefix + packed
            self._put(crc32(body).to_bytes(4, "little") + body)
        self._look_around()

    def append(self, record: bytes, run_id: str = "") -> bool:
        """Append a whole record. Where there is no room: False, and one more entry of `run_id` is lost."""
        with self._lock:
            fits = self._has_room(len(record))
            if fits:
                self._put(record)
            else:
                self._lose(run_id, 1)
        self._look_around()
        return fits

    def prepare(self) -> None:
        """Make the first segment now, where the program can wait for it, and not in its first logging call."""
        with self._lock:
            if self._segment is None:
                self._has_room(format.HEADER)

    def position(self) -> tuple[int, int]:
        """Segment and offset up to which everything is written; (0, 0) before the first record."""
        with self._lock:
            return (self._segment.number, self._at) if self._segment is not None else (0, 0)

    def files(self) -> Path:
        """The folder for artifacts that wait, made if need be. Raises OSError."""
        with self._lock:
            if self.folder is None:
                self._open_folder()
            assert self.folder is not None
            found = self.folder / state.FILES
            found.mkdir(exist_ok=True)
            return found

    def fits(self, size: int) -> bool:
        """Whether the journals may grow by `size` bytes."""
        return state.bytes_below(self.root) + size <= self._most

    def close(self) -> Path | None:
        """End the journal in good order, and answer its folder. A later record begins a new one."""
        with self._lock:
            folder, self.folder = self.folder, None
            if self._segment is not None:
                if self._has_room(64):
                    self._put(format.end(now_ms()))
                self._finish_segment()
            if self._ahead is not None:
                self._ahead.close()
                self._ahead = None
            if self._owner is not None:
                os.close(self._owner)
                self._owner = None
            self._begin_anew()
            return folder

    def after_fork_in_child(self) -> None:
        """Leave the parent's journal to the parent."""
        segment, owner, ahead = self._segment, self._owner, self._ahead
        self._lock = threading.Lock()
        self._segment = self._owner = self._ahead = self.folder = None
        self.lost, self.troubles = {}, []
        self._begin_anew()
        if segment is not None:
            segment.abandon()
        if ahead is not None:
            ahead.abandon()
        if owner is not None:
            os.close(owner)  # the parent's own descriptor keeps the lock

    def _put(self, record: bytes) -> None:
        end = self._at + len(record)
        self._map[self._at : end] = record
        self._at = end

    def _has_room(self, need: int) -> bool:
        """See that the next `need` bytes fit in the segment; a fresh one is begun where they do not."""
        segment = self._segment
        if segment is None or self._at + need > segment.size:
            segment = self._next_segment(need)
            if segment is None:
                return False
        self._mark = min(segment.size, self._at + max(need, _LOOK_BYTES))
        if self._at > segment.size // 16 and self._ahead is not None and self.folder is not None:
            self._ahead.prepare(self.folder, self._segment_bytes)
        return True

    def _next_segment(self, need: int) -> segments.Segment | None:
        now = time.monotonic()
        if self.troubles and now - self._tried < _LOOK_S:
            return None
        self._tried = now
        size = max(self._segment_bytes, need + 2 * format.HEADER)
        try:
            fresh = self._made(size).begin(1 + (self._segment.number if self._segment else 0))
        except OSError as error:
            self._warn(error)
            return None
        if self._segment is not None:
            self._finish_segment()
        self._segment = fresh
        self._slots.clear()
        self._layouts.clear()
        self._map, self._at = memoryview(fresh.map), fresh.at
        if self.troubles:
            self.troubles.clear()
            self._note_lost()
        return fresh

    def _made(self, size: int) -> segments.Segment:
        """A segment of at least this size: the one made ahead, or one made now. Raises OSError."""
        if self._ahead is None:
            # Loads ctypes, so only where something is journaled.
            from tidemill.journal.ahead import Ahead

            self._ahead = Ahead(self.fits)
        ready = self._ahead.take(size)
        if ready is not None:
            return ready
        if not self.fits(size):
            raise OSError(f"the journals in {self.root} take {self._most / 2**30:.3g} GiB, the most they may")
        if self.folder is None:
            self._open_folder()
        assert self.folder is not None
        return segments.Segment(self.folder, size)

    def _note_lost(self) -> None:
        """There is room again: let each run say how much of it is missing, as far as that fits in a segment."""
        for run_id, count in self.lost.items():
            tag = format.call("runs.set_tag", codec.encode(SetTag(run_id, key=LOST_TAG, value=str(count))))
            if run_id and self._at + len(tag) + format.HEADER < self._segment_bytes // 2:
                self._put(tag)

    def _open_folder(self) -> None:
        folder = self.root / owners.name_of_this_process()
        folder.mkdir(parents=True, mode=0o700)
        self._owner = owners.lock(folder / owners.LOCK)
        state.write_target(folder, self.target)
        self.folder = folder

    def _finish_segment(self) -> None:
        assert self._segment is not None
        self._segment.at = self._at
        self._map.release()
        if self._ahead is not None:
            self._ahead.finish(self._segment)
        self._segment = None

    def _lose(self, run_id: str, count: int) -> None:
        self.lost[run_id] = self.lost.get(run_id, 0) + count

    def _warn(self, error: OSError) -> None:
        if not self.troubles:
            say(
                f"the journal cannot grow ({error.strerror or error}). The program goes on, but what it logs from now on "
                "is lost until there is room again."
            )
        self.troubles.append(str(error))
        del self.troubles[:-1]

    def _look_around(self) -> None:
        now = time.monotonic()
        if now - self._looked >= _LOOK_S:
            self._looked = now
            self.look()


def _nothing() -> None:
    return
