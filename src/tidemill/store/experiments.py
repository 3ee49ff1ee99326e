"""Experiments, in the database."""

from collections.abc import Sequence

from tidemill.clock import now_ms
from tidemill.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from tidemill.store import limits
from tidemill.store.experiment_keys import keys as keys
from tidemill.store.experiment_keys import values as values
from tidemill.store.filters import experiments_filter, experiments_order
from tidemill.store.outbox import emit
from tidemill.store.pages import page, read_token
from tidemill.store.transaction import Row, Tx, marks
from tidemill.types import experiments as t
from tidemill.types.page import NOTHING, Nothing, Tag, ViewType

_COLUMNS = "e.id, e.name, e.artifact_location, e.creation_time, e.last_update_time, e.deleted_at"


def is_new(tx: Tx) -> bool:
    """Whether there is no experiment at all."""
    return tx.row("SELECT 1 FROM experiments LIMIT 1") is None


def ensure_default(tx: Tx) -> None:
    """Make the experiment `Default` with id 0 where the store is new."""
    if is_new(tx):
        now = now_ms()
        tx.run(
            "INSERT INTO experiments (id, name, artifact_location, creation_time, last_update_time) "
            "VALUES (0, 'Default', ?, ?, ?) ON CONFLICT DO NOTHING",
            (tx.site.files.join(tx.site.artifact_root, "0"), now, now),
        )


def create(tx: Tx, arg: t.CreateExperiment) -> t.CreatedExperiment:
    """See the operation `experiments.create`."""
    limits.check_length("name", arg.name, limits.MAX_EXPERIMENT_NAME)
    for tag in arg.tags:
        _check_tag(tag.key, tag.value)
    location = tx.site.files.check_location(arg.artifact_location) if arg.artifact_location else ""
    if tx.row("SELECT 1 FROM experiments WHERE name = ?", (arg.name,)) is not None:
        raise AlreadyExists(f"Experiment(name={arg.name}) already exists.")
    now = now_ms()
    row = tx.row(
        "INSERT INTO experiments (name, artifact_location, creation_time, last_update_time) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING RETURNING id",
        (arg.name, location, now, now),
    )
    if row is None:
        raise AlreadyExists(f"Experiment(name={arg.name}) already exists.")
    if not location:
        default = tx.site.files.join(tx.site.artifact_root, str(row[0]))
        tx.run("UPDATE experiments SET artifact_location = ? WHERE id = ?", (default, row[0]))
    _set_tags(tx, row[0], arg.tags)
    _announce(tx, "created", row[0], name=arg.name)
    return t.CreatedExperiment(experiment_id=str(row[0]))


def get(tx: Tx, arg: t.GetExperiment) -> t.ExperimentAnswer:
    """See the operation `experiments.get`."""
    row = tx.row(f"SELECT {_COLUMNS} FROM experiments e WHERE e.id = ?", (experiment_key(arg.experiment_id),))
    if row is None:
        raise NotFound(f"No Experiment with id={arg.experiment_id} exists")
    return t.ExperimentAnswer(experiment=_entities(tx, [row])[0])


def get_by_name(tx: Tx, arg: t.GetExperimentByName) -> t.ExperimentAnswer:
    """See the operation `experiments.get_by_name`."""
    row = tx.row(f"SELECT {_COLUMNS} FROM experiments e WHERE e.name = ?", (arg.experiment_name,))
    if row is None:
        raise NotFound(f"Could not find experiment with name '{arg.experiment_name}'")
    return t.ExperimentAnswer(experiment=_entities(tx, [row])[0])


def search(tx: Tx, arg: t.SearchExperiments) -> t.ExperimentPage:
    """See the operation `experiments.search`."""
    if arg.max_results < 1:
        raise InvalidParameter(
            f"Invalid value {arg.max_results} for parameter 'max_results' supplied. It must be a positive integer"
        )
    if arg.max_results > 50_000:
        raise InvalidParameter(
            f"Invalid value {arg.max_results} for parameter 'max_results' supplied. It must be at most 50000"
        )
    where = experiments_filter(tx, arg.filter)
    where.append(*lifecycle(arg.view_type, "e.deleted_at"))
    order = experiments_order(arg.order_by)
    rows, token = page(tx, _COLUMNS, "experiments e", where, order, arg.max_results, read_token(arg.page_token, order))
    return t.ExperimentPage(experiments=_entities(tx, rows), next_page_token=token)


def update(tx: Tx, arg: t.UpdateExperiment) -> Nothing:
    """See the operation `experiments.update`."""
    limits.check_length("name", arg.new_name, limits.MAX_EXPERIMENT_NAME)
    key = experiment_key(arg.experiment_id)
    row = tx.row("SELECT deleted_at, name FROM experiments WHERE id = ?", (key,))
    if row is None:
        raise NotFound(f"No Experiment with id={arg.experiment_id} exists")
    if row[0] is not None:
        raise InvalidState("Cannot rename a non-active experiment.")
    if tx.row("SELECT 1 FROM experiments WHERE name = ? AND id <> ?", (arg.new_name, key)) is not None:
        raise AlreadyExists(f"Experiment(name={arg.new_name}) already exists.")
    tx.run("UPDATE experiments SET name = ?, last_update_time = ? WHERE id = ?", (arg.new_name, now_ms(), key))
    if arg.new_name != row[1]:
        _announce(tx, "renamed", key, name=arg.new_name, previous_name=row[1])
    return NOTHING


def delete(tx: Tx, arg: t.DeleteExperiment) -> Nothing:
    """See the operation `experiments.delete`."""
    key = experiment_key(arg.experiment_id)
    now = now_ms()
    changed = tx.run(
        "UPDATE experiments SET deleted_at = ?, last_update_time = ? WHERE id = ? AND deleted_at IS NULL",
        (now, now, key),
    )
    if not changed:
        raise NotFound(f"No Experiment with id={arg.experiment_id} exists")
    tx.run("UPDATE runs SET deleted_at = ?, rev = rev + 1 WHERE experiment_id = ? AND deleted_at IS NULL", (now, key))
    _announce(tx, "deleted", key)
    return NOTHING


def restore(tx: Tx, arg: t.RestoreExperiment) -> Nothing:
    """See the operation `experiments.restore`."""
    key = experiment_key(arg.experiment_id)
    changed = tx.run(
        "UPDATE experiments SET deleted_at = NULL, last_update_time = ? WHERE id = ? AND deleted_at IS NOT NULL",
        (now_ms(), key),
    )
    if not changed:
        raise NotFound(f"No Experiment with id={arg.experiment_id} exists")
    tx.run(
        "UPDATE runs SET deleted_at = NULL, rev = rev + 1 WHERE experiment_id = ? AND deleted_at IS NOT NULL", (key,)
    )
    _announce(tx, "restored", key)
    return NOTHING


def set_tag(tx: Tx, arg: t.SetExperimentTag) -> Nothing:
    """See the operation `experiments.set_tag`."""
    _check_tag(arg.key, arg.value)
    _set_tags(tx, active(tx, arg.experiment_id)[0], [Tag(arg.key, arg.value)])
    return NOTHING


def delete_tag(tx: Tx, arg: t.DeleteExperimentTag) -> Nothing:
    """See the operation `experiments.delete_tag`."""
    key, _ = active(tx, arg.experiment_id)
    if not tx.run("DELETE FROM experiment_tags WHERE experiment_id = ? AND key = ?", (key, arg.key)):
        raise NotFound(f"No tag with name: {arg.key} in experiment with id {arg.experiment_id}")
    return NOTHING


def experiment_key(experiment_id: str) -> int:
    """The number that an experiment id is."""
    try:
        key = int(experiment_id)
    except ValueError:
        key = -(2**63) - 1
    if not (experiment_id.isascii() and -(2**63) <= key < 2**63):
        raise InvalidParameter(f"Invalid experiment ID '{experiment_id}'. Experiment ID must be a valid integer.")
    return key


def active(tx: Tx, experiment_id: str) -> tuple[int, str]:
    """Key and artifact location of an experiment that may be written to."""
    key = experiment_key(experiment_id)
    row = tx.row("SELECT artifact_location, deleted_at FROM experiments WHERE id = ?", (key,))
    if row is None:
        raise NotFound(f"No Experiment with id={experiment_id} exists")
    if row[1] is not None:
        raise InvalidParameter(
            f"The experiment {experiment_id} must be in the 'active' state. Current state is deleted."
        )
    return key, row[0]


def lifecycle(view: ViewType, column: str) -> tuple[str, tuple[int, ...]]:
    """The condition for a view type."""
    if view is ViewType.ACTIVE_ONLY:
        return f"{column} IS NULL", ()
    if view is ViewType.DELETED_ONLY:
        return f"{column} IS NOT NULL", ()
    return "1 = 1", ()


def _announce(tx: Tx, what: str, key: int, **more: str) -> None:
    emit(tx, f"experiment.{what}", f"experiment/{key}", {"experiment_id": str(key), **more})


def _check_tag(key: str, value: str) -> None:
    limits.check_name(key, "key", "key")
    limits.check_length("value", value, limits.MAX_EXPERIMENT_TAG_VALUE)


def _set_tags(tx: Tx, experiment: int, tags: Sequence[Tag]) -> None:
    if tags:
        tx.many(
            "INSERT INTO experiment_tags (experiment_id, key, value) VALUES (?, ?, ?) "
            "ON CONFLICT (experiment_id, key) DO UPDATE SET value = excluded.value",
            [(experiment, tag.key, tag.value) for tag in tags],
        )


def _entities(tx: Tx, rows: list[Row]) -> list[t.Experiment]:
    tags: dict[int, list[Tag]] = {}
    for start in range(0, len(rows), 500):
        keys = [row[0] for row in rows[start : start + 500]]
        found = tx.rows(
            f"SELECT experiment_id, key, value FROM experiment_tags WHERE experiment_id IN ({marks(len(keys))}) "
            "ORDER BY experiment_id, key",
            keys,
        )
        for experiment, key, value in found:
            tags.setdefault(experiment, []).append(Tag(key, value))
    return [
        t.Experiment(
            experiment_id=str(row[0]),
            name=row[1],
            artifact_location=row[2],
            lifecycle_stage="active" if row[5] is None else "deleted",
            last_update_time=row[4],
            creation_time=row[3],
            tags=tags.get(row[0], []),
        )
        for row in rows
    ]
