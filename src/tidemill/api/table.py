"""All operations, by name. A new noun adds its line here."""

from tidemill.api import artifacts, experiments, inputs, logged_models, metrics, runs, server, trash, views
from tidemill.api.operation import AnyOperation

OPERATIONS: dict[str, AnyOperation] = {
    op.name: op
    for noun in (experiments, runs, metrics, inputs, logged_models, artifacts, server, trash, views)
    for op in noun.OPERATIONS
}
