"""Triggers, as far as the database knows them: their runs. What they do is known to the server alone."""

from collections.abc import Sequence

from tidemill.errors import NotFound
from tidemill.store import deliveries
from tidemill.store.events import newest_id
from tidemill.store.transaction import Tx
from tidemill.types import triggers as t
from tidemill.types.page import NOTHING, Nothing
from tidemill.types.webhooks import DeliveryPage


def list_triggers(tx: Tx, arg: t.ListTriggers) -> t.TriggerList:
    """See the operation `triggers.list_triggers`."""
    return t.TriggerList(list(tx.site.triggers))


def list_runs(tx: Tx, arg: t.ListTriggerRuns) -> DeliveryPage:
    """See the operation `triggers.list_runs`."""
    return deliveries.listed(tx, _sink(tx, arg.name), arg.state, arg.max_results, arg.page_token)


def run_again(tx: Tx, arg: t.RunTriggerAgain) -> Nothing:
    """See the operation `triggers.run_again`."""
    deliveries.again(tx, _sink(tx, arg.name), arg.delivery_id)
    return NOTHING


def subscribe(tx: Tx, names: Sequence[str]) -> None:
    """Note triggers that are new: they care for what happens from now on."""
    for name in names:
        deliveries.subscribe(tx, f"trigger/{name}", newest_id(tx))


def _sink(tx: Tx, name: str) -> str:
    sink = f"trigger/{name}"
    if tx.row("SELECT 1 FROM subscriptions WHERE sink = ?", (sink,)) is None:
        raise NotFound(
            f"There is no trigger '{name}' here. Triggers are written in the file that the server was given."
        )
    return sink
