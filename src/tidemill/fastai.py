"""`tidemill.fastai`: what Tidemill does for fastai: `autolog()` and `TidemillCallback`."""

from typing import TYPE_CHECKING, Any

from tidemill.tracking.autolog.fastai import autolog

if TYPE_CHECKING:
    from tidemill.tracking.loggers.fastai import TidemillCallback

__all__ = ["TidemillCallback", "autolog"]


def __getattr__(name: str) -> Any:
    if name == "TidemillCallback":
        from tidemill.tracking.loggers.fastai import TidemillCallback  # it derives from a class of the framework

        return TidemillCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
