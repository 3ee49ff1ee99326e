"""Runs, in the database."""

import json
import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from tidemill.api import codec
from tidemill.api.codec import Encoded
from tidemill.api.columns import unpack
from tidemill.clock import now_ms
from tidemill.errors import AlreadyExists, InvalidParameter, NotFound
from tidemill.ids import is_run_id, new_name, new_run_id
from tidemill.store import limits, metrics
from tidemill.store.compaction import note_finished
from tidemill.store.experiments import active as active_experiment
from tidemill.store.filters import STATUSES
from tidemill.store.heartbeats import heartbeat
from tidemill.store.run_documents import INFO, Selection, documents, info_of, read
from tidemill.store.run_events import OF_STATUS, announce, announce_by_pk
from tidemill.store.run_groups import groups
from tidemill.store.run_search import search
from tidemill.store.run_table import table
from tidemill.store.transaction import Tx
from tidemill.types import runs as t
from tidemill.types.inputs import RunInputs
from tidemill.types.page import NOTHING, Nothing, Tag

_NAME_TAG = "mlflow.runName"
_HISTORY_TAG = "mlflow.log-model.history"
_RUNNING = 1


def create(tx: Tx, arg: t.CreateRun) -> t.RunAnswer:
    """See the operation `runs.create`."""
    experiment, location = active_experiment(tx, arg.experiment_id)
    # Only here, MLflow takes tags of any name.
    for tag in arg.tags:
        limits.check_length("key", tag.key, limits.MAX_KEY)
    tags = {tag.key: limits.fit_value(tag.value, "value", limits.MAX_TAG_VALUE) for tag in arg.tags}
    tagged = tags.pop(_NAME_TAG, "")
    if arg.run_name and tagged and arg.run_name != tagged:
        raise InvalidParameter(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name='{arg.run_name}', mlflow.runName='{tagged}')."
        )
    name = arg.run_name or tagged or new_name()
    tags[_NAME_TAG] = limits.fit_value(name, "value", limits.MAX_TAG_VALUE)
    run_id = arg.run_id or new_run_id()
    if not is_run_id(run_id):
        raise InvalidParameter(f"Invalid value {json.dumps(run_id)} for parameter 'run_id' supplied.")
    uri = tx.site.files.join(location, run_id, "artifacts")
    row = tx.row(
        "INSERT INTO runs (run_id, experiment_id, name, user_id, status, start_time, artifact_uri) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id) DO NOTHING RETURNING pk",
        (run_id, experiment, name, arg.user_id, _RUNNING, arg.start_time, uri),
    )
    if row is None:
        return _created_before(tx, arg, experiment)
    _add_tags(tx, row[0], experiment, tags.items())
    info = info_of((row[0], run_id, experiment, name, arg.user_id, _RUNNING, arg.start_time, None, uri, None))
    data = t.RunData(tags=[Tag(key, value) for key, value in tags.items()])
    announce(tx, "created", info)
    return t.RunAnswer(run=t.Run(info=info, data=data, inputs=RunInputs()))


def _created_before(tx: Tx, arg: t.CreateRun, experiment: int) -> t.RunAnswer:
    """The same creation sent twice answers the same run; another one with the same id is refused."""
    row = tx.row("SELECT pk, experiment_id, start_time FROM runs WHERE run_id = ?", (arg.run_id,))
    assert row is not None
    if row[1] != experiment or row[2] != arg.start_time:
        raise AlreadyExists(f"Run with id={arg.run_id} already exists.")
    return t.RunAnswer(run=read(tx, [row[0]], Selection(("tags", "inputs")))[row[0]])


def get(tx: Tx, arg: t.GetRun) -> Encoded[t.RunAnswer]:
    """See the operation `runs.get`."""
    row = tx.row("SELECT pk, rev FROM runs WHERE run_id = ?", (arg.run_id,))
    if row is None:
        raise _unknown(arg.run_id)
    (body,) = documents(tx, [(row[0], row[1])])
    return Encoded(b'{"run":%b}' % bytes(body))


def update(tx: Tx, arg: t.UpdateRun) -> t.RunInfoAnswer:
    """See the operation `runs.update`."""
    pk, experiment = active(tx, arg.run_id)
    changes: dict[str, Any] = {}
    moved = False
    if arg.status is not None:
        status = STATUSES.index(arg.status) + 1
        # Only one of two that say the same at once changes something.
        moved = bool(
            tx.run("UPDATE runs SET status = ?, rev = rev + 1 WHERE pk = ? AND status <> ?", (status, pk, status))
        )
    if arg.end_time is not None:
        changes["end_time"] = arg.end_time
    if arg.run_name:
        changes["name"] = arg.run_name
        _set_tags(tx, pk, experiment, [(_NAME_TAG, limits.fit_value(arg.run_name, "value", limits.MAX_TAG_VALUE))])
    if changes:
        sets = ", ".join(f"{column} = ?" for column in changes)
        tx.run(f"UPDATE runs SET {sets}, rev = rev + 1 WHERE pk = ?", [*changes.values(), pk])
    if arg.status not in (None, t.RunStatus.RUNNING, t.RunStatus.SCHEDULED):
        note_finished(tx.site, pk)
    row = tx.row(f"SELECT {INFO} FROM runs r WHERE r.pk = ?", (pk,))
    assert row is not None
    info = info_of(row)
    if moved:
        announce(tx, OF_STATUS[info.status], info)
    return t.RunInfoAnswer(run_info=info)


def delete(tx: Tx, arg: t.DeleteRun) -> Nothing:
    """See the operation `runs.delete`."""
    pk = _known(tx, arg.run_id)
    if tx.run("UPDATE runs SET deleted_at = ?, rev = rev + 1 WHERE pk = ? AND deleted_at IS NULL", (now_ms(), pk)):
        announce_by_pk(tx, "deleted", pk)
    return NOTHING


def restore(tx: Tx, arg: t.RestoreRun) -> Nothing:
    """See the operation `runs.restore`."""
    pk = _known(tx, arg.run_id)
    if tx.run("UPDATE runs SET deleted_at = NULL, rev = rev + 1 WHERE pk = ? AND deleted_at IS NOT NULL", (pk,)):
        announce_by_pk(tx, "restored", pk)
    return NOTHING


def log_metric(tx: Tx, arg: t.LogMetric) -> Nothing:
    """See the operation `runs.log_metric`."""
    assert arg.value is not None
    assert arg.timestamp is not None
    limits.check_name(arg.key, "name", "Metric name")
    limits.check_timestamp(arg.key, arg.value, arg.timestamp)
    pk, experiment = active(tx, arg.run_id)
    points = [(arg.key, limits.metric_value(arg.value), arg.timestamp, arg.step)]
    metrics.append(tx, pk, experiment, points)
    if arg.model_id:
        metrics.append_to_model(tx, arg.run_id, [arg])
    return NOTHING


def log_param(tx: Tx, arg: t.LogParam) -> Nothing:
    """See the operation `runs.log_param`."""
    limits.check_name(arg.key, "key", "Param key")
    value = limits.fit_value(arg.value, "Param value", limits.MAX_PARAM_VALUE)
    pk, experiment = active(tx, arg.run_id)
    changed = _add_params(tx, pk, experiment, {arg.key: value})
    if changed:
        ((key, old, new),) = changed
        raise InvalidParameter(
            f"Changing param values is not allowed. Param with key='{key}' was already logged with value='{old}' for run "
            f"ID='{arg.run_id}'. Attempted logging new value '{new}'."
        )
    return NOTHING


def set_tag(tx: Tx, arg: t.SetTag) -> Nothing:
    """See the operation `runs.set_tag`."""
    limits.check_name(arg.key, "key", "key")
    value = limits.fit_value(arg.value, "value", limits.MAX_TAG_VALUE)
    pk, experiment = active(tx, arg.run_id)
    _set_tags(tx, pk, experiment, [(arg.key, value)])
    return NOTHING


def delete_tag(tx: Tx, arg: t.DeleteTag) -> Nothing:
    """See the operation `runs.delete_tag`."""
    pk, _ = active(tx, arg.run_id)
    if not tx.run("DELETE FROM tags WHERE run_pk = ? AND name_id = ?", (pk, tx.names.find(tx, arg.key))):
        raise NotFound(f"No tag with name: {arg.key} in run with id {arg.run_id}")
    tx.touched.add(pk)
    return NOTHING


def log_batch(tx: Tx, arg: t.LogBatch) -> Nothing:
    """See the operation `runs.log_batch`."""
    if not is_run_id(arg.run_id):
        raise InvalidParameter(f"Invalid value {json.dumps(arg.run_id)} for parameter 'run_id' supplied.")
    points = _checked_points(arg)
    params, tags = _checked_params(arg.params), _checked_tags(arg.tags)
    _check_counts(arg)
    seen: set[str] = set()
    twice = {param.key for param in arg.params if param.key in seen or seen.add(param.key)}  # type: ignore[func-returns-value]
    if twice:
        raise InvalidParameter(
            f"Duplicate parameter keys have been submitted: {sorted(twice)}. Please ensure the request contains only one "
            "param value per param key."
        )
    pk, experiment = active(tx, arg.run_id)
    changed = _add_params(tx, pk, experiment, params)
    if changed:
        listed = [{"key": key, "old_value": old, "new_value": new} for key, old, new in changed]
        raise InvalidParameter(
            f"Changing param values is not allowed. Params were already logged='{listed}' for run ID='{arg.run_id}'."
        )
    metrics.append(tx, pk, experiment, points)
    modelled = [point for point in arg.metrics if point.model_id]
    if modelled:
        metrics.append_to_model(tx, arg.run_id, modelled)
    _set_tags(tx, pk, experiment, tags.items())
    return NOTHING


def ingest(tx: Tx, arg: t.IngestPoints) -> Nothing:
    """See the operation `runs.ingest`."""
    found = unpack(arg.columns)
    pk, experiment = active(tx, arg.run_id)
    if not found.values:
        return NOTHING
    for key in found.keys:
        if not key:
            raise codec.missing("key")
        limits.check_name(key, "name", "Metric name")
    early = min(found.timestamps)
    if early < 0:
        at = found.timestamps.index(early)
        limits.check_timestamp(found.keys[found.indexes[at]], found.values[at], early)
    values: Sequence[float] = found.values
    if math.inf in found.values or -math.inf in found.values:
        values = [limits.metric_value(value) for value in found.values]
    ids = tx.names.find_or_make(tx, dict.fromkeys(found.keys))
    by_index = [ids[key] for key in found.keys]
    names = [by_index[index] for index in found.indexes]
    metrics.append_columns(tx, pk, experiment, names, values, found.timestamps, found.steps)
    return NOTHING


def log_model(tx: Tx, arg: t.LogModel) -> Nothing:
    """See the operation `runs.log_model`."""
    try:
        model = json.loads(arg.model_json)
    except (ValueError, RecursionError):
        raise InvalidParameter(f"Malformed model info. \n {arg.model_json} \n is not a valid JSON.") from None
    wanted = {"artifact_path", "flavors", "utc_time_created", "run_id"}
    lacking = wanted - (model.keys() if isinstance(model, dict) else set())
    if lacking:
        raise InvalidParameter(f"Model json is missing mandatory fields: {lacking}")
    summary = {key: model[key] for key in ("artifact_path", "utc_time_created", "run_id", "model_uuid") if key in model}
    flavors = model["flavors"] if isinstance(model["flavors"], dict) else {}
    summary["flavors"] = {
        name: {k: v for k, v in conf.items() if k != "config"} if isinstance(conf, dict) else conf
        for name, conf in flavors.items()
    }
    pk, experiment = active(tx, arg.run_id)
    name = tx.names.find(tx, _HISTORY_TAG)
    row = tx.row("SELECT value FROM tags WHERE run_pk = ? AND name_id = ?", (pk, name))
    history = json.loads(row[0]) if row else []
    if summary in history:
        return NOTHING  # sent again after an answer that was lost
    history.append(summary)
    # Never cut: half a JSON text would be of no use to anyone.
    _set_tags(tx, pk, experiment, [(_HISTORY_TAG, json.dumps(history))])
    return NOTHING


def active(tx: Tx, run_id: str) -> tuple[int, int]:
    """Pk and experiment of a run that may be written to."""
    row = tx.row("SELECT pk, experiment_id, deleted_at FROM runs WHERE run_id = ?", (run_id,))
    if row is None:
        raise _unknown(run_id)
    if row[2] is not None:
        raise InvalidParameter(f"The run {run_id} must be in the 'active' state. Current state is deleted.")
    return row[0], row[1]


def _known(tx: Tx, run_id: str) -> int:
    row = tx.row("SELECT pk FROM runs WHERE run_id = ?", (run_id,))
    if row is None:
        raise _unknown(run_id)
    pk: int = row[0]
    return pk


def _unknown(run_id: str) -> NotFound:
    return NotFound(f"Run with id={run_id} not found")


def _checked_points(arg: t.LogBatch) -> list[metrics.Logged]:
    points: list[metrics.Logged] = []
    good = limits.known_names()
    for number, point in enumerate(arg.metrics):
        if point.key not in good:
            if not point.key:
                raise codec.missing(f"metrics[{number}].key")
            limits.check_name(point.key, f"metrics[{number}].name", "Metric name")
        if point.timestamp < 0:
            limits.check_timestamp(point.key, point.value, point.timestamp, f"metrics[{number}].timestamp")
        points.append((point.key, limits.metric_value(point.value), point.timestamp, point.step))
    return points


def _checked_params(params: Sequence[t.Param]) -> dict[str, str]:
    checked = {}
    for number, param in enumerate(params):
        if not param.key:
            raise codec.missing(f"params[{number}].key")
        limits.check_name(param.key, f"params[{number}].key", "Param key")
        checked[param.key] = limits.fit_value(param.value, "Param value", limits.MAX_PARAM_VALUE)
    return checked


def _checked_tags(tags: Sequence[Tag]) -> dict[str, str]:
    checked = {}
    for number, tag in enumerate(tags):
        if not tag.key:
            raise codec.missing(f"tags[{number}].key")
        limits.check_name(tag.key, f"tags[{number}].key", f"tags[{number}].key")
        checked[tag.key] = limits.fit_value(tag.value, "value", limits.MAX_TAG_VALUE)
    return checked


def _check_counts(arg: t.LogBatch) -> None:
    counts = {"metrics": len(arg.metrics), "params": len(arg.params), "tags": len(arg.tags)}
    total = sum(counts.values())
    for what, count, most in (
        ("metrics", counts["metrics"], 1000),
        ("params", counts["params"], 100),
        ("tags", counts["tags"], 100),
        ("metrics, params, and tags", total, 1000),
    ):
        if count > most:
            raise InvalidParameter(
                f"A batch logging request can contain at most {most} {what}. Got {count} {what}. "
                f"Please split up {what} across multiple requests and try again."
            )


def _add_params(tx: Tx, pk: int, experiment: int, params: dict[str, str]) -> list[tuple[str, str, str]]:
    """Add params; answers those that exist with another value: key, old value, new value."""
    if not params:
        return []
    ids = tx.names.find_or_make(tx, params)
    old: dict[int, str] = dict(tx.rows("SELECT name_id, value FROM params WHERE run_pk = ?", (pk,)))
    changed = []
    fresh = []
    for key, value in params.items():
        before = old.get(ids[key])
        if before is None:
            fresh.append((pk, ids[key], experiment, value, limits.number_of(value)))
        elif before != value:
            changed.append((key, before, value))
    if fresh and not changed:
        tx.many(
            "INSERT INTO params (run_pk, name_id, experiment_id, value, number) VALUES (?, ?, ?, ?, ?)", sorted(fresh)
        )
        tx.touched.add(pk)
    return changed


def _set_tags(tx: Tx, pk: int, experiment: int, tags: Iterable[tuple[str, str]]) -> None:
    pairs = dict(tags)
    if not pairs:
        return
    _add_tags(tx, pk, experiment, pairs.items())
    name = pairs.get(_NAME_TAG)
    if name:
        tx.run("UPDATE runs SET name = ? WHERE pk = ?", (name, pk))
    tx.touched.add(pk)


def _add_tags(tx: Tx, pk: int, experiment: int, pairs: Collection[tuple[str, str]]) -> None:
    ids = tx.names.find_or_make(tx, [key for key, _ in pairs])
    tx.many(
        "INSERT INTO tags (run_pk, name_id, experiment_id, value) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (run_pk, name_id) DO UPDATE SET value = excluded.value",
        sorted((pk, ids[key], experiment, value) for key, value in pairs),
    )


__all__ = [  # the operations on runs; some have files of their own
    "create", "delete", "delete_tag", "get", "groups", "heartbeat", "ingest", "log_batch", "log_metric", "log_model", "log_param",
    "restore", "search", "set_tag", "table", "update",
]  # fmt: skip
