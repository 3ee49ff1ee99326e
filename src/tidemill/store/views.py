"""Saved views, in the database."""

from tidemill.clock import now_ms
from tidemill.store import limits
from tidemill.store.experiments import experiment_key, get
from tidemill.store.transaction import Tx
from tidemill.types import views as t
from tidemill.types.experiments import GetExperiment
from tidemill.types.page import NOTHING, Nothing

_MOST_STATE = 20_000


def save(tx: Tx, arg: t.SaveView) -> t.View:
    """See the operation `views.save`."""
    limits.check_length("name", arg.name, limits.MAX_KEY)
    limits.check_length("state", arg.state, _MOST_STATE)
    get(tx, GetExperiment(arg.experiment_id))
    now = now_ms()
    tx.run(
        "INSERT INTO views (experiment_id, name, state, updated) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (experiment_id, name) DO UPDATE SET state = excluded.state, updated = excluded.updated",
        (experiment_key(arg.experiment_id), arg.name, arg.state, now),
    )
    return t.View(arg.experiment_id, arg.name, arg.state, now)


def list_all(tx: Tx, arg: t.ListViews) -> t.Views:
    """See the operation `views.list_all`."""
    rows = tx.rows(
        "SELECT name, state, updated FROM views WHERE experiment_id = ? ORDER BY name",
        (experiment_key(arg.experiment_id),),
    )
    return t.Views([t.View(arg.experiment_id, *row) for row in rows])


def delete(tx: Tx, arg: t.DeleteView) -> Nothing:
    """See the operation `views.delete`."""
    tx.run("DELETE FROM views WHERE experiment_id = ? AND name = ?", (experiment_key(arg.experiment_id), arg.name))
    return NOTHING
