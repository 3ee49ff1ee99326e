"""Ready-made JSON of runs, so that a search over runs that did not change costs no work per key.

An entry is valid as long as the run's `rev` is the one it was made at.
"""

import threading
from collections import OrderedDict


class RunCache:
    """Oldest first out, bounded by bytes (default 32 MiB). Safe from many threads."""

    def __init__(self, most_bytes: int = 32 * 2**20) -> None:
        self._most = most_bytes
        self._size = 0
        self._entries: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, pk: int, rev: int) -> bytes | None:
        """The JSON of the run, or None where it is unknown or has changed."""
        found = self._entries.get(pk)
        return found[1] if found is not None and found[0] == rev else None

    def put(self, pk: int, rev: int, body: bytes) -> None:
        """Keep the JSON of a run as of `rev`."""
        if len(body) > self._most // 8:
            return
        with self._lock:
            older = self._entries.pop(pk, None)
            self._size += len(body) - (len(older[1]) if older else 0)
            self._entries[pk] = (rev, body)
            while self._size > self._most:
                _, (_, dropped) = self._entries.popitem(last=False)
                self._size -= len(dropped)
