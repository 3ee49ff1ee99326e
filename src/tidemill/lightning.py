"""`tidemill.lightning`: what Tidemill does for Lightning: `autolog()` and `TidemillLogger`."""

from typing import TYPE_CHECKING, Any

from tidemill.tracking.autolog.lightning import autolog

if TYPE_CHECKING:
    from tidemill.tracking.loggers.lightning import TidemillLogger

__all__ = ["TidemillLogger", "autolog"]


def __getattr__(name: str) -> Any:
    if name == "TidemillLogger":
        from tidemill.tracking.loggers.lightning import TidemillLogger  # it derives from a class of the framework

        return TidemillLogger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
