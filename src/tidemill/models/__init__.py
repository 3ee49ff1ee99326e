"""Models as folders on disk, in MLflow's open format: written, checked, audited and loaded without any server."""
