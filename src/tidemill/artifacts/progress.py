"""How far a transfer is, and the threads that carry it."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Progress = Callable[[int, int, str], None]
"""Called with the bytes done, the bytes in all, and the name of the file that moved; one call at a time."""

T = TypeVar("T")
R = TypeVar("R")


class Meter:
    """Adds up what several threads transfer and reports each step to `progress`, if there is one."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()

    def add(self, size: int, name: str) -> None:
        """`size` more bytes of the file `name` are done; negative where they must be sent again."""
        if self._progress is None:
            return
        with self._lock:
            self._done += size
            self._progress(self._done, self._total, name)


def in_threads(work: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
    """`work` on each item, up to `threads` at once; results in the items' order.

    After the first error nothing new is started; it is raised once what was under way has ended. A single item needs
    no thread, which could not be started any more while the interpreter exits.
    """
    todo = list(items)
    if len(todo) <= 1 or threads <= 1:
        return [work(item) for item in todo]
    with ThreadPoolExecutor(max(1, threads), thread_name_prefix="tidemill-transfer") as pool:
        futures = [pool.submit(work, item) for item in todo]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
