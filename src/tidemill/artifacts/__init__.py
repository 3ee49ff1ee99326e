"""Artifact bytes: addresses, and the storages behind them.

`tidemill.artifacts` is a public name too: `download_artifacts` and its siblings, found here because the package has
one attribute of that name. They live in `tracking/downloads.py`, which is imported when one of them is asked for.
"""

from importlib import import_module
from typing import Any

_PUBLIC = ("download_artifacts", "list_artifacts", "load_dict", "load_image", "load_text")


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module("tidemill.tracking.downloads"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
