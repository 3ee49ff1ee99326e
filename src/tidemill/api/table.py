"""All operations, by name. A new noun adds its line here."""

from tidemill.api import (
    approvals,
    artifacts,
    deployments,
    events,
    experiments,
    inputs,
    jobs,
    logged_models,
    metrics,
    model_records,
    model_versions,
    registered_models,
    runs,
    server,
    trash,
    triggers,
    views,
    webhooks,
)
from tidemill.api.operation import AnyOperation

OPERATIONS: dict[str, AnyOperation] = {
    op.name: op
    for noun in (
        experiments,
        runs,
        metrics,
        inputs,
        logged_models,
        registered_models,
        model_versions,
        model_records,
        approvals,
        artifacts,
        server,
        trash,
        events,
        deployments,
        jobs,
        views,
        webhooks,
        triggers,
    )
    for op in noun.OPERATIONS
}
