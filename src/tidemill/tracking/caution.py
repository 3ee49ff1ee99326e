"""Saying that something went wrong beside a training, without ever stopping it."""

import sys
import warnings


def caution(text: str) -> None:
    """Warn with one line. Where warnings are errors, the line goes to stderr instead: nothing is raised, in any thread."""
    try:
        warnings.warn(f"tidemill: {text}", RuntimeWarning, stacklevel=3)
    except Warning:
        print(f"tidemill: {text}", file=sys.stderr)
