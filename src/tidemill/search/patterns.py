"""Regular expressions in filters: RE2's, whose time grows with the text and never explodes.

Python's own engine backtracks: one pattern such as `(a+)+$` from one caller could hold the interpreter, and with it a
whole server, for hours. RE2 has no backreferences and no look-around; everything else is as people know it.
"""

from functools import lru_cache
from typing import Protocol, cast

MAX_PATTERN = 1000
"""Most characters in a pattern."""


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str) -> object | None:
        """Something true where the pattern occurs in `text`."""
        ...


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Pattern:
    """The pattern `text`. Raises ValueError, saying what is wrong, where it is none."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        return cast(Pattern, re2.compile(text, options))
    except re2.error as error:
        reason = error.args[0] if error.args else "it cannot be read"
        raise ValueError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from None
