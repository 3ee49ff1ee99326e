"""Logged models, in the database."""

import base64
import binascii
import json
from collections.abc import Sequence

import msgspec

from tidemill.clock import now_ms
from tidemill.errors import AlreadyExists, BadRequest, InvalidParameter, NotFound
from tidemill.ids import new_model_id, new_name
from tidemill.store import limits
from tidemill.store.experiments import active as active_experiment
from tidemill.store.experiments import experiment_key
from tidemill.store.logged_model_filters import models_filter, models_order
from tidemill.store.outbox import emit
from tidemill.store.pages import fetch, make_token, read_token
from tidemill.store.transaction import Row, Tx, marks
from tidemill.types import logged_models as t
from tidemill.types.metrics import Metric
from tidemill.types.page import NOTHING, Nothing, Tag
from tidemill.types.runs import Param

_COLUMNS = (
    "l.pk, l.model_id, l.experiment_id, l.name, l.model_type, l.source_run_id, l.artifact_uri, l.status, l.created, "
    "l.updated"
)
_STATUSES = list(t.LoggedModelStatus)
_PAGE = 50
_MAX_VALUE = 65_535
_FORBIDDEN = ("/", ":", ".", "%", '"', "'")


def check_name(name: str) -> None:
    """Raises InvalidParameter where no logged model may have this name."""
    if any(char in name for char in _FORBIDDEN):
        raise InvalidParameter(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and cannot contain the "
            f"following characters: {_FORBIDDEN}"
        )
    limits.check_length("name", name, 500)


def create(tx: Tx, arg: t.CreateLoggedModel) -> t.LoggedModelAnswer:
    """See the operation `logged_models.create`."""
    check_name(arg.name)
    experiment, location = active_experiment(tx, arg.experiment_id)
    model_id = arg.model_id or new_model_id()
    if not model_id.replace("-", "").isalnum() or not model_id.isascii() or len(model_id) > 100:
        raise InvalidParameter(f"Invalid value {json.dumps(model_id)} for parameter 'model_id' supplied.")
    now = now_ms()
    row = tx.row(
        "INSERT INTO logged_models "
        "(model_id, experiment_id, name, model_type, source_run_id, artifact_uri, status, created, updated) "
        "VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (model_id) DO NOTHING RETURNING pk",
        (
            model_id,
            experiment,
            arg.name or new_name(),
            arg.model_type,
            arg.source_run_id,
            tx.site.files.join(location, "models", model_id, "artifacts"),
            now,
            now,
        ),
    )
    if row is None:
        return _created_before(tx, arg, experiment)
    _add_params(tx, row[0], model_id, arg.params)
    _set_tags(tx, row[0], arg.tags)
    answer = _answer(tx, model_id, deleted_too=False)
    _announce(tx, "created", answer.model.info)
    return answer


def _created_before(tx: Tx, arg: t.CreateLoggedModel, experiment: int) -> t.LoggedModelAnswer:
    """The same creation sent twice answers the same model; another one with the same id is refused."""
    row = tx.row("SELECT experiment_id, name FROM logged_models WHERE model_id = ?", (arg.model_id,))
    assert row is not None
    if row[0] != experiment or (arg.name and row[1] != arg.name):
        raise AlreadyExists(f"Logged model with ID '{arg.model_id}' already exists.")
    return _answer(tx, arg.model_id, deleted_too=True)


def get(tx: Tx, arg: t.GetLoggedModel) -> t.LoggedModelAnswer:
    """See the operation `logged_models.get`."""
    return _answer(tx, arg.model_id, deleted_too=arg.allow_deleted)


def finalize(tx: Tx, arg: t.FinalizeLoggedModel) -> t.LoggedModelAnswer:
    """See the operation `logged_models.finalize`."""
    assert arg.status is not None
    pk = _known(tx, arg.model_id)
    status = _STATUSES.index(arg.status)
    if status == 0:
        raise InvalidParameter("Invalid model status: LOGGED_MODEL_STATUS_UNSPECIFIED. Name the state the model is in.")
    sets = "UPDATE logged_models SET status = ?, updated = ? WHERE pk = ?"
    moved = tx.run(sets + " AND status <> ?", (status, now_ms(), pk, status))
    if not moved:
        tx.run("UPDATE logged_models SET updated = ? WHERE pk = ?", (now_ms(), pk))
    answer = _answer(tx, arg.model_id, deleted_too=True)
    if moved:
        _announce(tx, "finalized", answer.model.info)
    return answer


def delete(tx: Tx, arg: t.DeleteLoggedModel) -> Nothing:
    """See the operation `logged_models.delete`."""
    now = now_ms()
    sets = "UPDATE logged_models SET deleted_at = ?, updated = ? WHERE pk = ? AND deleted_at IS NULL"
    if tx.run(sets, (now, now, _known(tx, arg.model_id))):
        _announce(tx, "deleted", _answer(tx, arg.model_id, deleted_too=True).model.info)
    return NOTHING


def set_tags(tx: Tx, arg: t.SetLoggedModelTags) -> Nothing:
    """See the operation `logged_models.set_tags`."""
    _set_tags(tx, _known(tx, arg.model_id), arg.tags)
    return NOTHING


def delete_tag(tx: Tx, arg: t.DeleteLoggedModelTag) -> Nothing:
    """See the operation `logged_models.delete_tag`."""
    pk = _known(tx, arg.model_id)
    if not tx.run("DELETE FROM logged_model_tags WHERE model_pk = ? AND key = ?", (pk, arg.tag_key)):
        raise NotFound(f"No tag with key '{arg.tag_key}' found for model with ID '{arg.model_id}'.")
    return NOTHING


def log_params(tx: Tx, arg: t.LogLoggedModelParams) -> Nothing:
    """See the operation `logged_models.log_params`."""
    pk = _known(tx, arg.model_id)
    if not _has_params(tx, pk, arg.params):
        _add_params(tx, pk, arg.model_id, arg.params)
    return NOTHING


def search(tx: Tx, arg: t.SearchLoggedModels) -> t.LoggedModelPage:
    """See the operation `logged_models.search`."""
    # 0 means the default, as in MLflow.
    most = arg.max_results or _PAGE
    if not 1 <= most <= 50_000:
        raise InvalidParameter(
            f"Invalid value {arg.max_results} for parameter 'max_results' supplied. It must be between 1 and 50000"
        )
    inner = _open_token(arg)
    experiments = [experiment_key(one) for one in arg.experiment_ids]
    if not experiments:
        return t.LoggedModelPage()
    where = models_filter(tx, arg.filter, arg.datasets)
    where.append(f"l.deleted_at IS NULL AND l.experiment_id IN ({marks(len(experiments))})", experiments)
    order = models_order(arg.order_by)
    rows = fetch(tx, _COLUMNS, "logged_models l", where, order, most + 1, read_token(inner, order))
    token = None
    if len(rows) > most:
        del rows[most:]
        token = _seal_token(arg, make_token(order, rows[-1][-len(order.columns) :]))
    return t.LoggedModelPage(models=_entities(tx, rows), next_page_token=token)


def list_artifacts(tx: Tx, arg: t.ListLoggedModelArtifacts) -> t.LoggedModelArtifacts:
    """See the operation `logged_models.list_artifacts`."""
    row = tx.row("SELECT artifact_uri FROM logged_models WHERE model_id = ? AND deleted_at IS NULL", (arg.model_id,))
    if row is None:
        raise _unknown(arg.model_id)
    return t.LoggedModelArtifacts(root_uri=row[0], files=tx.site.files.list(row[0], arg.artifact_directory_path))


class _Token(msgspec.Struct):
    experiment_ids: list[str]
    filter: str
    order_by: list[t.LoggedModelOrder]
    inner: str


def _seal_token(arg: t.SearchLoggedModels, inner: str) -> str:
    return base64.b64encode(msgspec.json.encode(_Token(arg.experiment_ids, arg.filter, arg.order_by, inner))).decode()


def _open_token(arg: t.SearchLoggedModels) -> str:
    """The keys' part of a token that belongs to this search."""
    if not arg.page_token:
        return ""
    try:
        token = msgspec.json.decode(base64.b64decode(arg.page_token.encode(), validate=True), type=_Token)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise InvalidParameter("Invalid page token: it cannot be read. Start again without a token.") from None
    for what, expected, found in (
        ("Experiment IDs in the page token do not match the requested experiment IDs.", arg.experiment_ids,
         token.experiment_ids),
        ("Filter string in the page token does not match the requested filter string.", arg.filter, token.filter),
        ("Order by in the page token does not match the requested order by.", arg.order_by, token.order_by),
    ):  # fmt: skip
        if expected != found:
            raise InvalidParameter(f"{what} Expected: {expected or None}. Found: {found or None}")
    return token.inner


def _unknown(model_id: str) -> NotFound:
    return NotFound(f"Logged model with ID '{model_id}' not found.")


def _known(tx: Tx, model_id: str) -> int:
    row = tx.row("SELECT pk FROM logged_models WHERE model_id = ?", (model_id,))
    if row is None:
        raise _unknown(model_id)
    pk: int = row[0]
    return pk


def _has_params(tx: Tx, pk: int, params: Sequence[Param]) -> bool:
    """Whether exactly these were logged already: a request sent again after its answer was lost."""
    stored: dict[str, str] = dict(tx.rows("SELECT key, value FROM logged_model_params WHERE model_pk = ?", (pk,)))
    return all(stored.get(param.key) == param.value for param in params)


def _add_params(tx: Tx, pk: int, model_id: str, params: Sequence[Param]) -> None:
    if not params:
        return
    # Unlike those of runs, params and tags of models may have any name, and no value is cut.
    taken = {row[0] for row in tx.rows("SELECT key FROM logged_model_params WHERE model_pk = ?", (pk,))}
    rows = []
    for param in params:
        limits.check_length("Param key", param.key, limits.MAX_KEY)
        limits.check_length("Param value", param.value, _MAX_VALUE)
        value = param.value
        if param.key in taken:
            raise BadRequest(
                f"Changing param values is not allowed. Param with key='{param.key}' was already logged for the model "
                f"with ID '{model_id}'."
            )
        taken.add(param.key)
        rows.append((pk, param.key, value, limits.number_of(value)))
    tx.many("INSERT INTO logged_model_params (model_pk, key, value, number) VALUES (?, ?, ?, ?)", rows)


def _set_tags(tx: Tx, pk: int, tags: Sequence[Tag]) -> None:
    if not tags:
        return
    rows = []
    for tag in tags:
        limits.check_length("key", tag.key, limits.MAX_KEY)
        limits.check_length("value", tag.value, _MAX_VALUE)
        rows.append((pk, tag.key, tag.value))
    tx.many(
        "INSERT INTO logged_model_tags (model_pk, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (model_pk, key) DO UPDATE SET value = excluded.value",
        rows,
    )


def _announce(tx: Tx, what: str, info: t.LoggedModelInfo) -> None:
    data = {
        "model_id": info.model_id,
        "experiment_id": info.experiment_id,
        "name": info.name,
        "source_run_id": info.source_run_id,
        "status": info.status,
    }
    emit(tx, f"logged_model.{what}", f"logged_model/{info.model_id}", data)


def _answer(tx: Tx, model_id: str, deleted_too: bool) -> t.LoggedModelAnswer:
    gone = "" if deleted_too else " AND l.deleted_at IS NULL"
    row = tx.row(f"SELECT {_COLUMNS} FROM logged_models l WHERE l.model_id = ?{gone}", (model_id,))
    if row is None:
        raise _unknown(model_id)
    return t.LoggedModelAnswer(model=_entities(tx, [row])[0])


def _entities(tx: Tx, rows: Sequence[Row]) -> list[t.LoggedModel]:
    found: list[t.LoggedModel] = []
    for start in range(0, len(rows), 500):
        part = rows[start : start + 500]
        pks = [row[0] for row in part]
        within = f"WHERE model_pk IN ({marks(len(pks))}) ORDER BY model_pk, key"
        params: dict[int, list[Param]] = {}
        for pk, key, value in tx.rows(f"SELECT model_pk, key, value FROM logged_model_params {within}", pks):
            params.setdefault(pk, []).append(Param(key, value))
        tags: dict[int, list[Tag]] = {}
        for pk, key, value in tx.rows(f"SELECT model_pk, key, value FROM logged_model_tags {within}", pks):
            tags.setdefault(pk, []).append(Tag(key, value))
        metrics = _metrics(tx, {row[0]: row[1] for row in part}, within)
        found += [_entity(row, params.get(row[0], []), tags.get(row[0], []), metrics.get(row[0], [])) for row in part]
    return found


def _metrics(tx: Tx, models: dict[int, str], within: str) -> dict[int, list[Metric]]:
    metrics: dict[int, list[Metric]] = {}
    rows = tx.rows(
        "SELECT model_pk, key, value, is_nan, timestamp, step, run_id, dataset_name, dataset_digest "
        f"FROM logged_model_metrics {within}, timestamp, step",
        list(models),
    )
    for pk, key, value, is_nan, timestamp, step, run_id, name, digest in rows:
        metrics.setdefault(pk, []).append(
            Metric(
                key=key,
                value=float("nan") if is_nan else value,
                timestamp=timestamp,
                step=step,
                model_id=models[pk],
                run_id=run_id,
                dataset_name=name or msgspec.UNSET,
                dataset_digest=digest or msgspec.UNSET,
            )
        )
    return metrics


def _entity(row: Row, params: list[Param], tags: list[Tag], metrics: list[Metric]) -> t.LoggedModel:
    info = t.LoggedModelInfo(
        model_id=row[1],
        experiment_id=str(row[2]),
        name=row[3],
        model_type=row[4],
        source_run_id=row[5],
        artifact_uri=row[6],
        status=_STATUSES[row[7]],
        creation_timestamp_ms=row[8],
        last_updated_timestamp_ms=row[9],
        tags=tags,
    )
    return t.LoggedModel(info=info, data=t.LoggedModelData(params=params, metrics=metrics))
