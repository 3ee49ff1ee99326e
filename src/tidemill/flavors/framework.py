"""Frameworks are imported when a flavor is used; one that is absent says what to install."""

import sys
from importlib import import_module, metadata
from typing import Any

from tidemill.errors import MissingDependency


def framework(module: str, extra: str, package: str | None = None) -> Any:
    """The imported `module`. Raises MissingDependency, naming the `package` (default: the module's) and the `extra`."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        top = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != top:
            raise  # it is there, but something that it needs is not
        raise MissingDependency(package or top, extra, "This kind of model") from error


def distribution(*names: str) -> str:
    """Which of these distributions of one package is installed; the first where none is."""
    for name in names:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        return name
    return names[0]


def frames() -> list[str]:
    """pandas, where this program has data frames."""
    return ["pandas"] if "pandas" in sys.modules else []
