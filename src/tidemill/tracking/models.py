"""Models by address: found, downloaded, and (`log_model`) written as logged models of a run."""

from pathlib import Path

from tidemill.tracking.downloads import download_artifacts


def resolve_model(uri: str) -> Path:
    """The local folder of the model at `uri`: the folder itself, or a copy of what lies elsewhere. Raises NotFound."""
    return Path(download_artifacts(str(uri)))
