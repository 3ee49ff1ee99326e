"""Model versions as rows, and as the wire has them. Statements do not grow with the number of models on a page."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tidemill.errors import NotFound
from tidemill.store.registry_limits import STAGES, check_model_name, version_number
from tidemill.store.transaction import Row, Tx, marks
from tidemill.types.model_versions import ModelVersion
from tidemill.types.page import Tag

COLUMNS = (
    "v.pk, v.model_pk, v.name, v.version, v.stage, v.created, v.updated, v.user_id, v.description, v.source, "
    "v.run_id, v.run_link, v.model_id"
)
"""What `entities` reads from a query of `model_versions v`."""
WIDTH = 13
_PART = 500


class Model(NamedTuple):
    """What most operations need to know of a registered model."""

    pk: int
    prompt: int


class Version(NamedTuple):
    """What most operations need to know of a version."""

    pk: int
    model_pk: int
    number: int
    stage: int
    prompt: int


def no_model(name: str) -> NotFound:
    """The error for a name that nothing has."""
    return NotFound(f"Registered Model with name={name} not found")


def no_version(name: str, version: str | int) -> NotFound:
    """The error for a version that is not there."""
    return NotFound(f"Model Version (name={name}, version={version}) not found")


def find_model(tx: Tx, name: str) -> Model:
    """The registered model of that name. Raises NotFound."""
    check_model_name(name)
    row = tx.row("SELECT pk, prompt FROM registered_models WHERE name = ?", (name,))
    if row is None:
        raise no_model(name)
    return Model(*row)


def find_version(tx: Tx, name: str, version: str) -> Version:
    """The version of that number. Raises NotFound."""
    check_model_name(name)
    row = tx.row(
        "SELECT pk, model_pk, version, stage, prompt FROM model_versions WHERE name = ? AND version = ?",
        (name, version_number(version)),
    )
    if row is None:
        raise no_version(name, version)
    return Version(*row)


def lock_model(tx: Tx, pk: int) -> None:
    """Let no other transaction move anything of a registered model until this one ends (PostgreSQL; SQLite has one writer)."""
    tx.run("UPDATE registered_models SET last_version = last_version WHERE pk = ?", (pk,))


def lock_version(tx: Tx, name: str, version: str) -> Version:
    """A version of a registered model that is locked. Raises NotFound."""
    lock_model(tx, find_version(tx, name, version).model_pk)
    return find_version(tx, name, version)  # as it is now that nobody else changes it


def read_version(tx: Tx, name: str, version: str | int) -> ModelVersion:
    """One version with its aliases. Raises NotFound."""
    row = tx.row(f"SELECT {COLUMNS} FROM model_versions v WHERE v.name = ? AND v.version = ?", (name, int(version)))
    if row is None:
        raise no_version(name, version)
    return entities(tx, [row], {row[0]: aliases_of(tx, row[1], row[3])})[0]


def aliases_of(tx: Tx, model_pk: int, version: int) -> list[str]:
    """The aliases that point at a version."""
    rows = tx.rows(
        "SELECT alias FROM model_aliases WHERE model_pk = ? AND version = ? ORDER BY alias", (model_pk, version)
    )
    return [alias for (alias,) in rows]


def latest_rows(tx: Tx, models: Sequence[int]) -> list[Row]:
    """The highest version of each stage of these models (by pk), ordered by model and stage."""
    found: list[Row] = []
    for part in parts(models):
        found += tx.rows(
            f"SELECT {COLUMNS} FROM (SELECT model_pk, stage, max(version) AS top FROM model_versions "
            f"WHERE model_pk IN ({marks(len(part))}) GROUP BY model_pk, stage) t "
            "JOIN model_versions v ON v.model_pk = t.model_pk AND v.version = t.top ORDER BY v.model_pk, v.stage",
            part,
        )
    return found


def entities(tx: Tx, rows: Sequence[Row], aliases: dict[int, list[str]] | None = None) -> list[ModelVersion]:
    """Rows that start with `COLUMNS` as versions, with their tags, and with the aliases given by pk."""
    tags = tags_of(tx, "model_version_tags", "version_pk", [row[0] for row in rows])
    return [_entity(row, tags.get(row[0], []), (aliases or {}).get(row[0], [])) for row in rows]


def tags_of(tx: Tx, table: str, owner: str, pks: Sequence[int]) -> dict[int, list[Tag]]:
    """Tags by their owners' pks, each list in the order of the keys."""
    tags: dict[int, list[Tag]] = {}
    for part in parts(pks):
        within = f"SELECT {owner}, key, value FROM {table} WHERE {owner} IN ({marks(len(part))}) ORDER BY {owner}, key"
        for pk, key, value in tx.rows(within, part):
            tags.setdefault(pk, []).append(Tag(key, value))
    return tags


def parts(pks: Sequence[int]) -> Iterable[Sequence[int]]:
    """Runs of keys that fit into one statement."""
    return (pks[start : start + _PART] for start in range(0, len(pks), _PART))


def _entity(row: Row, tags: list[Tag], aliases: list[str]) -> ModelVersion:
    return ModelVersion(
        name=row[2],
        version=str(row[3]),
        creation_timestamp=row[5],
        last_updated_timestamp=row[6],
        user_id=row[7],
        current_stage=STAGES[row[4]],
        description=row[8],
        source=row[9],
        run_id=row[10],
        status="READY",
        tags=tags,
        run_link=row[11],
        aliases=aliases,
        model_id=row[12] or None,
    )
