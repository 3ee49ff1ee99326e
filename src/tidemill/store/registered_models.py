"""Registered models, in the database."""

from collections.abc import Sequence

from tidemill.clock import now_ms
from tidemill.errors import AlreadyExists, InvalidParameter, NotFound
from tidemill.store import limits, model_holds, protections, version_rows
from tidemill.store.model_holds import Move
from tidemill.store.pages import page, read_token
from tidemill.store.registry_events import announce, announce_model
from tidemill.store.registry_filters import check_most, models_filter, models_order
from tidemill.store.registry_limits import (
    MAX_DESCRIPTION,
    MAX_USER,
    PROMPT_TAG,
    check_alias,
    check_model_name,
    check_new_alias,
    check_tag,
    checked_tags,
    is_prompt,
    stage_number,
)
from tidemill.store.transaction import Row, Tx, marks
from tidemill.store.version_rows import (
    Model,
    find_model,
    latest_rows,
    lock_model,
    lock_version,
    no_model,
    parts,
    read_version,
)
from tidemill.types import registered_models as t
from tidemill.types.model_versions import ModelVersion, ModelVersionAnswer
from tidemill.types.page import NOTHING, Nothing

_COLUMNS = "m.pk, m.name, m.created, m.updated, m.user_id, m.description"
_MOST = 1000


def create(tx: Tx, arg: t.CreateRegisteredModel) -> t.RegisteredModelAnswer:
    """See the operation `registered_models.create`."""
    check_model_name(arg.name)
    limits.check_length("description", arg.description, MAX_DESCRIPTION)
    limits.check_length("user", arg.user, MAX_USER)
    tags = checked_tags(arg.tags)
    now = now_ms()
    prompt = is_prompt(tags)
    row = tx.row(
        "INSERT INTO registered_models (name, created, updated, user_id, description, prompt) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING RETURNING pk",
        (arg.name, now, now, arg.user or None, arg.description or None, prompt),
    )
    if row is None:
        raise _taken(arg.name, find_model(tx, arg.name).prompt, prompt)
    tx.many(
        "INSERT INTO registered_model_tags (model_pk, key, value) VALUES (?, ?, ?)",
        [(row[0], key, value) for key, value in tags.items()],
    )
    announce_model(tx, arg.name, prompt, tags, arg.description or "")
    return _answer(tx, arg.name)


def _taken(name: str, old: int, new: int) -> AlreadyExists:
    kinds = ("Registered Model", "Prompt")
    if old != new:
        return AlreadyExists(
            f"Tried to create a {kinds[new].lower()} with name {name!r}, but the name is already taken by a "
            f"{kinds[old].lower()}. MLflow does not allow creating a model and a prompt with the same name."
        )
    return AlreadyExists(f"{kinds[new]} (name={name}) already exists.")


def get(tx: Tx, arg: t.GetRegisteredModel) -> t.RegisteredModelAnswer:
    """See the operation `registered_models.get`."""
    check_model_name(arg.name)
    return _answer(tx, arg.name)


def rename(tx: Tx, arg: t.RenameRegisteredModel) -> t.RegisteredModelAnswer:
    """See the operation `registered_models.rename`."""
    model = find_model(tx, arg.name)
    check_model_name(arg.new_name)
    other = tx.row("SELECT prompt FROM registered_models WHERE name = ? AND pk <> ?", (arg.new_name, model.pk))
    if other is not None:
        raise _taken(arg.new_name, other[0], model.prompt)
    now = now_ms()
    tx.run("UPDATE registered_models SET name = ?, updated = ? WHERE pk = ?", (arg.new_name, now, model.pk))
    tx.run("UPDATE model_versions SET name = ?, updated = ? WHERE model_pk = ?", (arg.new_name, now, model.pk))
    if arg.new_name != arg.name:
        announce(tx, "registered_model.renamed", arg.name, model.prompt, new_name=arg.new_name, user=arg.user)
    return _answer(tx, arg.new_name)


def update(tx: Tx, arg: t.UpdateRegisteredModel) -> t.RegisteredModelAnswer:
    """See the operation `registered_models.update`."""
    limits.check_length("description", arg.description, MAX_DESCRIPTION)
    model = find_model(tx, arg.name)
    tx.run(
        "UPDATE registered_models SET description = ?, updated = ? WHERE pk = ?",
        (arg.description or None, now_ms(), model.pk),
    )
    announce(tx, "registered_model.updated", arg.name, model.prompt, description=arg.description or "")
    return _answer(tx, arg.name)


def delete(tx: Tx, arg: t.DeleteRegisteredModel) -> Nothing:
    """See the operation `registered_models.delete`."""
    model = find_model(tx, arg.name)
    protections.check_free_model(tx, model.pk, arg.name)
    tx.run("DELETE FROM registered_models WHERE pk = ?", (model.pk,))
    announce(tx, "registered_model.deleted", arg.name, model.prompt, user=arg.user)
    return NOTHING


def search(tx: Tx, arg: t.SearchRegisteredModels) -> t.RegisteredModelPage:
    """See the operation `registered_models.search`."""
    check_most(arg.max_results, _MOST)
    where = models_filter(tx, arg.filter)
    order = models_order(arg.order_by)
    rows, token = page(
        tx, _COLUMNS, "registered_models m", where, order, arg.max_results, read_token(arg.page_token, order)
    )
    return t.RegisteredModelPage(registered_models=_entities(tx, rows), next_page_token=token)


def get_latest_versions(tx: Tx, arg: t.GetLatestVersions) -> t.LatestVersions:
    """See the operation `registered_models.get_latest_versions`."""
    wanted = {stage_number(stage) for stage in arg.stages}
    model = find_model(tx, arg.name)
    rows = [row for row in latest_rows(tx, [model.pk]) if not wanted or row[4] in wanted]
    held: dict[int, list[str]] = {}
    for alias, version in _alias_rows(tx, model.pk):
        held.setdefault(version, []).append(alias)
    aliases = {row[0]: held.get(row[3], []) for row in rows}
    return t.LatestVersions(model_versions=version_rows.entities(tx, rows, aliases))


def set_tag(tx: Tx, arg: t.SetRegisteredModelTag) -> Nothing:
    """See the operation `registered_models.set_tag`."""
    check_tag(arg.key, arg.value)
    model = find_model(tx, arg.name)
    tx.run(
        "INSERT INTO registered_model_tags (model_pk, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (model_pk, key) DO UPDATE SET value = excluded.value",
        (model.pk, arg.key, arg.value),
    )
    if arg.key == PROMPT_TAG:
        _set_prompt(tx, model.pk, is_prompt({arg.key: arg.value}))
    announce(tx, "registered_model_tag.set", arg.name, model.prompt, key=arg.key, value=arg.value)
    return NOTHING


def delete_tag(tx: Tx, arg: t.DeleteRegisteredModelTag) -> Nothing:
    """See the operation `registered_models.delete_tag`."""
    model = find_model(tx, arg.name)
    tx.run("DELETE FROM registered_model_tags WHERE model_pk = ? AND key = ?", (model.pk, arg.key))
    if arg.key == PROMPT_TAG:
        _set_prompt(tx, model.pk, 0)
    announce(tx, "registered_model_tag.deleted", arg.name, model.prompt, key=arg.key)
    return NOTHING


def _set_prompt(tx: Tx, pk: int, prompt: int) -> None:
    tx.run("UPDATE registered_models SET prompt = ? WHERE pk = ?", (prompt, pk))


def set_alias(tx: Tx, arg: t.SetAlias) -> Nothing:
    """See the operation `registered_models.set_alias`."""
    check_model_name(arg.name)
    check_new_alias(arg.alias)
    version = lock_version(tx, arg.name, arg.version)
    model = Model(version.model_pk, version.prompt)
    if _holder(tx, model.pk, arg.alias) != version.number:
        protections.check_free(tx, model.pk, arg.name, model_holds.ALIAS, arg.alias)
    move_alias(tx, arg.name, model, arg.alias, version.number, Move(now_ms(), arg.user, arg.reason))
    return NOTHING


def move_alias(tx: Tx, name: str, model: Model, alias: str, version: int, move: Move) -> None:
    """Point an alias at a version, and say so."""
    held = _holder(tx, model.pk, alias)
    announce(tx, "model_version_alias.created", name, model.prompt, alias=alias, version=str(version))
    if held == version:
        return
    tx.run(
        "INSERT INTO model_aliases (model_pk, alias, version) VALUES (?, ?, ?) "
        "ON CONFLICT (model_pk, alias) DO UPDATE SET version = excluded.version",
        (model.pk, alias, version),
    )
    if held is not None:
        model_holds.end(tx, model.pk, model_holds.ALIAS, alias, held, move)
    model_holds.begin(tx, model.pk, model_holds.ALIAS, alias, version, move)
    announce(
        tx, "model_version_alias.moved", name, model.prompt, alias=alias, version=str(version),
        previous_version=None if held is None else str(held), user=move.user, reason=move.reason,
    )  # fmt: skip


def delete_alias(tx: Tx, arg: t.DeleteAlias) -> Nothing:
    """See the operation `registered_models.delete_alias`."""
    check_alias(arg.alias)
    model = find_model(tx, arg.name)
    lock_model(tx, model.pk)
    protections.check_free(tx, model.pk, arg.name, model_holds.ALIAS, arg.alias)
    remove_alias(tx, arg.name, model, arg.alias, Move(now_ms(), arg.user, arg.reason))
    return NOTHING


def remove_alias(tx: Tx, name: str, model: Model, alias: str, move: Move) -> None:
    """Delete an alias, and say so where it was there."""
    held = _holder(tx, model.pk, alias)
    if held is None:
        return
    tx.run("DELETE FROM model_aliases WHERE model_pk = ? AND alias = ?", (model.pk, alias))
    model_holds.end(tx, model.pk, model_holds.ALIAS, alias, held, move)
    announce(
        tx, "model_version_alias.deleted", name, model.prompt, alias=alias, previous_version=str(held),
        user=move.user, reason=move.reason,
    )  # fmt: skip


def get_by_alias(tx: Tx, arg: t.GetVersionByAlias) -> ModelVersionAnswer:
    """See the operation `registered_models.get_by_alias`."""
    check_alias(arg.alias)
    model = find_model(tx, arg.name)
    return ModelVersionAnswer(model_version=read_version(tx, arg.name, held_by(tx, model.pk, arg.name, arg.alias)))


def held_by(tx: Tx, model_pk: int, name: str, alias: str) -> int:
    """The number of the version that an alias means, `latest` included. Raises NotFound and InvalidParameter."""
    if alias.lower() == "latest":
        row = tx.row("SELECT max(version) FROM model_versions WHERE model_pk = ?", (model_pk,))
        if row is None or row[0] is None:
            raise NotFound(f"Latest version not found for model {name}.")
        newest: int = row[0]
        return newest
    held = _holder(tx, model_pk, alias)
    if held is None:
        raise InvalidParameter(f"Registered model alias {alias} not found.")
    return held


def _holder(tx: Tx, model_pk: int, alias: str) -> int | None:
    row = tx.row("SELECT version FROM model_aliases WHERE model_pk = ? AND alias = ?", (model_pk, alias))
    return None if row is None else row[0]


def _alias_rows(tx: Tx, model_pk: int) -> list[Row]:
    return tx.rows("SELECT alias, version FROM model_aliases WHERE model_pk = ? ORDER BY alias", (model_pk,))


def _answer(tx: Tx, name: str) -> t.RegisteredModelAnswer:
    row = tx.row(f"SELECT {_COLUMNS} FROM registered_models m WHERE m.name = ?", (name,))
    if row is None:
        raise no_model(name)
    return t.RegisteredModelAnswer(registered_model=_entities(tx, [row])[0])


def _entities(tx: Tx, rows: Sequence[Row]) -> list[t.RegisteredModel]:
    pks = [row[0] for row in rows]
    tags = version_rows.tags_of(tx, "registered_model_tags", "model_pk", pks)
    found = latest_rows(tx, pks)
    latest: dict[int, list[ModelVersion]] = {}
    for row, version in zip(found, version_rows.entities(tx, found), strict=True):
        latest.setdefault(row[1], []).append(version)
    aliases: dict[int, list[t.Alias]] = {}
    for part in parts(pks):
        within = f"WHERE model_pk IN ({marks(len(part))}) ORDER BY model_pk, alias"
        for pk, alias, number in tx.rows(f"SELECT model_pk, alias, version FROM model_aliases {within}", part):
            aliases.setdefault(pk, []).append(t.Alias(alias, str(number)))
    return [
        t.RegisteredModel(
            name=row[1],
            creation_timestamp=row[2],
            last_updated_timestamp=row[3],
            user_id=row[4],
            description=row[5],
            latest_versions=latest.get(row[0], []),
            tags=tags.get(row[0], []),
            aliases=aliases.get(row[0], []),
        )
        for row in rows
    ]
