"""Tracking: what a data scientist imports."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("Client", "MlflowClient"):
        return getattr(import_module("tidemill.tracking.client"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
