"""`tidemill.statsmodels`: what Tidemill does for statsmodels."""

from tidemill.tracking.autolog.statsmodels import autolog

__all__ = ["autolog"]
