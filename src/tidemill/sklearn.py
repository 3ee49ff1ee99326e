"""`tidemill.sklearn`: what Tidemill does for scikit-learn."""

from tidemill.tracking.autolog.sklearn import autolog

__all__ = ["autolog"]
