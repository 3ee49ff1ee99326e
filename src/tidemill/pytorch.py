"""`tidemill.pytorch`: what Tidemill does for plain PyTorch, and `autolog()`, which is Lightning's, as in MLflow."""

from tidemill.tracking.autolog.lightning import autolog
from tidemill.tracking.loggers.torch import Watch, log_summary, summary, watch

__all__ = ["Watch", "autolog", "log_summary", "summary", "watch"]
