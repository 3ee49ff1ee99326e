"""The typed client: MLflow's method names and arguments, on whatever store an address names."""

from tidemill.tracking.approvals import ApprovalCalls
from tidemill.tracking.artifacts import ArtifactCalls
from tidemill.tracking.experiments import ExperimentCalls
from tidemill.tracking.inputs import InputCalls
from tidemill.tracking.metrics import MetricCalls
from tidemill.tracking.webhooks import WebhookCalls


class Client(ExperimentCalls, MetricCalls, InputCalls, ArtifactCalls, ApprovalCalls, WebhookCalls):
    """Everything about experiments, runs, logged models and registered models, without any notion of an active run.

    `Client()` works on the address in force (`tidemill.get_tracking_uri()`), `Client("http://host:5000")` on another.
    Safe to use from many threads. Each method raises errors of `tidemill.errors`: NotFound, InvalidParameter and, where
    a database or server cannot be reached, Unavailable.
    """


MlflowClient = Client
"""MLflow's name for it, so that its scripts run unchanged."""
