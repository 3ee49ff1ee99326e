"""All operations, by name. A new noun adds its line here."""

from tidemill.api import artifacts, events, experiments, inputs, logged_models, metrics, runs, server, trash, webhooks
from tidemill.api.operation import AnyOperation

OPERATIONS: dict[str, AnyOperation] = {
    op.name: op
    for noun in (experiments, runs, metrics, inputs, logged_models, artifacts, server, trash, events, webhooks)
    for op in noun.OPERATIONS
}
