"""`tidemill.xgboost`: what Tidemill does for XGBoost."""

from tidemill.tracking.autolog.xgboost import autolog

__all__ = ["autolog"]
