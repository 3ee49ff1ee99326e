"""Model versions, in the database."""

from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter
from tidemill.store import limits, model_holds, protections, registered_models, version_rows, version_sources
from tidemill.store.model_holds import Move
from tidemill.store.pages import page, read_token
from tidemill.store.registry_events import announce, announce_version
from tidemill.store.registry_filters import check_most, versions_filter, versions_order
from tidemill.store.registry_limits import (
    MAX_DESCRIPTION,
    MAX_SOURCE,
    MAX_USER,
    PROMPT_TAG,
    STAGES,
    check_model_name,
    check_tag,
    checked_tags,
    is_prompt,
    stage_number,
    version_number,
)
from tidemill.store.transaction import Tx
from tidemill.store.version_rows import Version, find_version, lock_version, no_model, no_version, read_version
from tidemill.types import model_versions as t
from tidemill.types.page import NOTHING, Nothing

_MOST = 200_000
_NONE, _STAGING, _PRODUCTION, _ARCHIVED = range(4)


def create(tx: Tx, arg: t.CreateModelVersion) -> t.ModelVersionAnswer:
    """See the operation `model_versions.create`."""
    check_model_name(arg.name)
    limits.check_length("description", arg.description, MAX_DESCRIPTION)
    limits.check_length("run_link", arg.run_link, MAX_SOURCE)
    limits.check_length("run_id", arg.run_id, limits.MAX_KEY)
    limits.check_length("user", arg.user, MAX_USER)
    tags = checked_tags(arg.tags)
    prompt = is_prompt(tags)
    source = version_sources.resolve(tx, arg, bool(prompt))
    now = now_ms()
    # Its row is locked by this: two creations at once get two numbers.
    model = tx.row(
        "UPDATE registered_models SET last_version = last_version + 1, updated = ? WHERE name = ? "
        "RETURNING pk, last_version, prompt",
        (now, arg.name),
    )
    if model is None:
        raise no_model(arg.name)
    pk, number, of_prompt = model
    row = tx.row(
        "INSERT INTO model_versions (model_pk, version, name, created, updated, user_id, description, source, location, "
        "run_id, run_link, model_id, prompt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING pk",
        (
            *(pk, number, arg.name, now, now, arg.user or None, arg.description or "", source.text, source.location),
            *(source.run_id, arg.run_link or "", source.model_id, prompt or of_prompt),
        ),
    )
    assert row is not None
    tx.many(
        "INSERT INTO model_version_tags (version_pk, key, value) VALUES (?, ?, ?)",
        [(row[0], key, value) for key, value in tags.items()],
    )
    if source.model_id:
        version_sources.note_version(tx, source.model_id, arg.name, number)
    answer = _answer(tx, arg.name, number)
    announce_version(tx, answer.model_version, prompt or of_prompt)
    return answer


def get(tx: Tx, arg: t.GetModelVersion) -> t.ModelVersionAnswer:
    """See the operation `model_versions.get`."""
    check_model_name(arg.name)
    return _answer(tx, arg.name, version_number(arg.version))


def update(tx: Tx, arg: t.UpdateModelVersion) -> t.ModelVersionAnswer:
    """See the operation `model_versions.update`."""
    limits.check_length("description", arg.description, MAX_DESCRIPTION)
    version = find_version(tx, arg.name, arg.version)
    tx.run(
        "UPDATE model_versions SET description = ?, updated = ? WHERE pk = ?",
        (arg.description, now_ms(), version.pk),
    )
    data = {"version": str(version.number), "description": arg.description or ""}
    announce(tx, "model_version.updated", arg.name, version.prompt, **data)
    return _answer(tx, arg.name, version.number)


def delete(tx: Tx, arg: t.DeleteModelVersion) -> Nothing:
    """See the operation `model_versions.delete`."""
    version = lock_version(tx, arg.name, arg.version)
    move = Move(now_ms(), arg.user, arg.reason or "the version was deleted")
    model = version_rows.Model(version.model_pk, version.prompt)
    aliases = version_rows.aliases_of(tx, version.model_pk, version.number)
    protections.check_free(tx, version.model_pk, arg.name, model_holds.ALIAS, *aliases)
    protections.check_free(tx, version.model_pk, arg.name, model_holds.STAGE, STAGES[version.stage])
    for alias in aliases:
        registered_models.remove_alias(tx, arg.name, model, alias, move)
    model_holds.end_all(tx, version.model_pk, version.number, move)
    tx.run("DELETE FROM model_versions WHERE pk = ?", (version.pk,))
    _touch_model(tx, version.model_pk, move.at)
    data = {"version": str(version.number), "user": arg.user, "reason": arg.reason}
    announce(tx, "model_version.deleted", arg.name, version.prompt, **data)
    return NOTHING


def search(tx: Tx, arg: t.SearchModelVersions) -> t.ModelVersionPage:
    """See the operation `model_versions.search`."""
    check_most(arg.max_results, _MOST)
    where = versions_filter(tx, arg.filter)
    order = versions_order(arg.order_by)
    after = read_token(arg.page_token, order)
    rows, token = page(tx, version_rows.COLUMNS, "model_versions v", where, order, arg.max_results, after)
    return t.ModelVersionPage(model_versions=version_rows.entities(tx, rows), next_page_token=token)


def get_download_uri(tx: Tx, arg: t.GetDownloadUri) -> t.DownloadUri:
    """See the operation `model_versions.get_download_uri`."""
    check_model_name(arg.name)
    row = tx.row(
        "SELECT location FROM model_versions WHERE name = ? AND version = ?", (arg.name, version_number(arg.version))
    )
    if row is None:
        raise no_version(arg.name, arg.version)
    return t.DownloadUri(artifact_uri=row[0])


def transition_stage(tx: Tx, arg: t.TransitionStage) -> t.ModelVersionAnswer:
    """See the operation `model_versions.transition_stage`."""
    stage = stage_number(arg.stage)
    check_archiving(stage, arg.archive_existing_versions)
    version = lock_version(tx, arg.name, arg.version)
    if version.stage != stage:
        places = STAGES[stage], STAGES[version.stage]
        protections.check_free(tx, version.model_pk, arg.name, model_holds.STAGE, *places)
    carry_out(tx, arg.name, version, stage, arg.archive_existing_versions, Move(now_ms(), arg.user, arg.reason))
    return _answer(tx, arg.name, version.number)


def check_archiving(stage: int, archive: bool) -> None:
    """Refuse to archive what is in a stage that is none to work in."""
    if archive and stage not in (_STAGING, _PRODUCTION):
        raise InvalidParameter(
            "Model version transition cannot archive existing model versions because "
            f"'{STAGES[stage]}' is not an Active stage. Valid stages are ['Staging', 'Production']"
        )


def carry_out(tx: Tx, name: str, version: Version, stage: int, archive: bool, move: Move) -> None:
    """Put a version into a stage, and the others that are in it into Archived where asked."""
    others = tx.rows(
        "SELECT pk, version FROM model_versions WHERE model_pk = ? AND stage = ? AND version <> ?",
        (version.model_pk, stage, version.number),
    )
    for pk, number in others if archive else ():
        move_stage(tx, name, version._replace(pk=pk, number=number, stage=stage), _ARCHIVED, move)
    move_stage(tx, name, version, stage, move)
    _touch_model(tx, version.model_pk, move.at)


def move_stage(tx: Tx, name: str, version: Version, stage: int, move: Move) -> None:
    """Put a version into a stage, and say so. Stage None is no holding: every version starts in it."""
    tx.run("UPDATE model_versions SET stage = ?, updated = ? WHERE pk = ?", (stage, move.at, version.pk))
    if stage == version.stage:
        return
    if version.stage != _NONE:
        model_holds.end(tx, version.model_pk, model_holds.STAGE, STAGES[version.stage], version.number, move)
    if stage != _NONE:
        model_holds.begin(tx, version.model_pk, model_holds.STAGE, STAGES[stage], version.number, move)
    announce(
        tx, "model_version.stage_changed", name, version.prompt, version=str(version.number), stage=STAGES[stage],
        previous_stage=STAGES[version.stage], user=move.user, reason=move.reason,
    )  # fmt: skip


def set_tag(tx: Tx, arg: t.SetModelVersionTag) -> Nothing:
    """See the operation `model_versions.set_tag`."""
    check_tag(arg.key, arg.value)
    version = find_version(tx, arg.name, arg.version)
    tx.run(
        "INSERT INTO model_version_tags (version_pk, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (version_pk, key) DO UPDATE SET value = excluded.value",
        (version.pk, arg.key, arg.value),
    )
    if arg.key == PROMPT_TAG:
        _set_prompt(tx, version.pk, is_prompt({arg.key: arg.value}))
    data = {"version": str(version.number), "key": arg.key, "value": arg.value}
    announce(tx, "model_version_tag.set", arg.name, version.prompt, **data)
    return NOTHING


def delete_tag(tx: Tx, arg: t.DeleteModelVersionTag) -> Nothing:
    """See the operation `model_versions.delete_tag`."""
    version = find_version(tx, arg.name, arg.version)
    tx.run("DELETE FROM model_version_tags WHERE version_pk = ? AND key = ?", (version.pk, arg.key))
    if arg.key == PROMPT_TAG:
        _set_prompt(tx, version.pk, 0)
    announce(tx, "model_version_tag.deleted", arg.name, version.prompt, version=str(version.number), key=arg.key)
    return NOTHING


def _set_prompt(tx: Tx, pk: int, prompt: int) -> None:
    tx.run("UPDATE model_versions SET prompt = ? WHERE pk = ?", (prompt, pk))


def _touch_model(tx: Tx, pk: int, at: int) -> None:
    tx.run("UPDATE registered_models SET updated = ? WHERE pk = ?", (at, pk))


def _answer(tx: Tx, name: str, number: int) -> t.ModelVersionAnswer:
    return t.ModelVersionAnswer(model_version=read_version(tx, name, number))
