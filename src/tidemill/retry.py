"""Trying again: what may succeed a moment later is not an error yet."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from tidemill.errors import Unavailable

T = TypeVar("T")


def retrying(call: Callable[[], T], attempts: int = 5, first_s: float = 0.5, most_s: float = 30.0) -> T:
    """The answer of `call`, tried up to `attempts` times while it raises Unavailable.

    The pause starts at about `first_s` seconds and doubles up to `most_s`, with jitter so that many clients do not
    come back together. The last error, and every other, is raised as it is.
    """
    for attempt in range(1, attempts):
        try:
            return call()
        except Unavailable:
            time.sleep(min(most_s, first_s * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0))  # noqa: S311
    return call()
