"""`tidemill.entities`: what the Python API answers and takes, under the module name that MLflow's scripts use."""

from tidemill.tracking.entities import *  # noqa: F403
from tidemill.tracking.entities import __all__ as __all__
