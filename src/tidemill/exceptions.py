"""`tidemill.exceptions`: MLflow's names for errors, so that its scripts' `except` clauses work unchanged."""

from tidemill.errors import TidemillError

MlflowException = TidemillError
RestException = TidemillError

__all__ = ["MlflowException", "RestException"]
