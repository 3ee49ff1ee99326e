"""`tidemill.transformers`: what Tidemill does for transformers: `autolog()` and `TidemillCallback`."""

from typing import TYPE_CHECKING, Any

from tidemill.tracking.autolog.transformers import autolog

if TYPE_CHECKING:
    from tidemill.tracking.loggers.transformers import TidemillCallback

__all__ = ["TidemillCallback", "autolog"]


def __getattr__(name: str) -> Any:
    if name == "TidemillCallback":
        from tidemill.tracking.loggers.transformers import TidemillCallback  # it derives from a class of the framework

        return TidemillCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
