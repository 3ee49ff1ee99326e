"""Projects: run somebody's code, from a folder, a git address or an archive, with its environment and its parameters.

`run` and `SubmittedRun` have the signatures of `mlflow.projects`.
"""

from tidemill.projects.submit import SubmittedRun, run

__all__ = ["SubmittedRun", "run"]
