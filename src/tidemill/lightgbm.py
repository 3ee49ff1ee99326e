"""`tidemill.lightgbm`: what Tidemill does for LightGBM."""

from tidemill.tracking.autolog.lightgbm import autolog

__all__ = ["autolog"]
