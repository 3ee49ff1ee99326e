"""Trying again: what may succeed a moment later is not an error yet."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from tidemill.errors import Unavailable

T = TypeVar("T")

_random = random.Random()  # noqa: S311 (spreading, not secrecy); its own, so that a program's seeded numbers stay as they are


def jitter() -> float:
    """A factor between 0.5 and 1 for a pause, so that many clients that failed together do not come back together."""
    return _random.uniform(0.5, 1.0)


def retrying(call: Callable[[], T], attempts: int = 5, first_s: float = 0.5, most_s: float = 30.0) -> T:
    """The answer of `call`, tried up to `attempts` times while it raises Unavailable.

    The pause starts at about `first_s` seconds and doubles up to `most_s`, with jitter so that many clients do not
    come back together. The last error, and every other, is raised as it is.
    """
    for attempt in range(1, attempts):
        try:
            return call()
        except Unavailable:
            time.sleep(min(most_s, first_s * 2 ** (attempt - 1)) * jitter())
    return call()
