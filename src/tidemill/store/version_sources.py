"""Where a new model version's files come from: which sources are taken, and what `models:/…` stands for.

A source is a caller's text. A place on this machine is taken only inside the artifacts of the run or logged model that
the version names, and `models:/` addresses are looked up in this store, never fetched.
"""

import json
import re
from typing import NamedTuple

from tidemill import settings
from tidemill.errors import InvalidParameter, NotFound, TidemillError
from tidemill.store import limits, registered_models
from tidemill.store.registry_limits import MAX_SOURCE, stage_number
from tidemill.store.transaction import Tx
from tidemill.store.version_rows import find_model, no_version
from tidemill.types.model_versions import CreateModelVersion

_PLACEHOLDERS = ("prompt-template", "dummy-source")
"""What clients send as the source of a prompt, which has no files."""
_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")


class Source(NamedTuple):
    """A source as it is stored, where its files are, and the run and logged model it came from ("": none)."""

    text: str
    location: str
    run_id: str
    model_id: str


def resolve(tx: Tx, arg: CreateModelVersion, prompt: bool) -> Source:
    """The source of a new version. Raises InvalidParameter, and NotFound where its run or logged model is unknown."""
    limits.check_length("source", arg.source, MAX_SOURCE)
    limits.check_length("model_id", arg.model_id, limits.MAX_KEY)
    regex = settings.model_source_regex()
    if regex and not re.search(regex, arg.source):
        raise InvalidParameter(f"Invalid model version source: '{arg.source}'.")
    run_id, model_id = arg.run_id or "", arg.model_id or ""
    if prompt and arg.source in _PLACEHOLDERS:
        return Source(arg.source, arg.source, run_id, model_id)
    if tx.site.files.check_source(arg.source):
        _check_local(tx, arg.source, run_id, model_id)
    if arg.source.startswith("models:"):
        return _of_model(tx, arg.source, run_id, model_id)
    if model_id:
        made_by = _logged_model(tx, model_id)[1]
        run_id = run_id or made_by
    return Source(arg.source, arg.source, run_id, model_id)


def _check_local(tx: Tx, source: str, run_id: str, model_id: str) -> None:
    what = "model_id" if model_id else "run_id"
    root = ""
    if model_id:
        root = _logged_model(tx, model_id)[0]
    elif run_id:
        row = tx.row("SELECT artifact_uri FROM runs WHERE run_id = ?", (run_id,))
        if row is None:
            raise NotFound(f"Run with id={run_id} not found")
        root = row[0]
    if not root or not tx.site.files.contains(root, source):
        raise InvalidParameter(
            f"Invalid model version source: '{source}'. To use a local path as a model version source, the {what} request "
            "parameter has to be specified and the local path has to be contained within the artifact directory of the "
            f"run specified by the {what}."
        )


def _logged_model(tx: Tx, model_id: str) -> tuple[str, str]:
    """Where a logged model's files are, and the run that made it."""
    row = tx.row(
        "SELECT artifact_uri, source_run_id FROM logged_models WHERE model_id = ? AND deleted_at IS NULL", (model_id,)
    )
    if row is None:
        raise NotFound(f"Logged model with ID '{model_id}' not found.")
    return row[0], row[1]


def _of_model(tx: Tx, source: str, run_id: str, model_id: str) -> Source:
    path = source.removeprefix("models:")
    name, _, rest = path.strip("/").partition("/")
    of_prompt = tx.row("SELECT 1 FROM registered_models WHERE name = ? AND prompt = 1", (name.partition("@")[0],))
    if of_prompt is not None:
        raise InvalidParameter(
            f"Invalid model version source: '{source}'. Prompt versions cannot be used as model version sources."
        )
    try:
        if path.startswith("//"):
            raise InvalidParameter("It names another registry than this one.")
        if not rest and _MODEL_ID.fullmatch(name):
            location, made_by = _logged_model(tx, name)
            return Source(source, location, run_id or made_by, model_id or name)
        return _of_version(tx, source, name, rest, run_id, model_id)
    except TidemillError as error:
        raise InvalidParameter(
            f"Unable to fetch model from model URI source artifact location '{source}'.Error: {error.message}"
        ) from None


def _of_version(tx: Tx, source: str, name: str, rest: str, run_id: str, model_id: str) -> Source:
    alias = ""
    if not rest:
        name, _, alias = name.partition("@")
    model = find_model(tx, name)
    if alias or rest == "latest":
        number = registered_models.held_by(tx, model.pk, name, alias or "latest")
    elif rest.isdecimal():
        number = int(rest)
    else:
        number = _newest_of(tx, model.pk, name, rest)
    row = tx.row(
        "SELECT location, run_id, model_id FROM model_versions WHERE model_pk = ? AND version = ?", (model.pk, number)
    )
    if row is None:
        raise no_version(name, number)
    # An alias or a stage moves on; what the new version was made from does not.
    text = source if rest == str(number) else f"models:/{name}/{number}"
    return Source(text, row[0], run_id or row[1], model_id or row[2])


def _newest_of(tx: Tx, model_pk: int, name: str, stage: str) -> int:
    row = tx.row(
        "SELECT max(version) FROM model_versions WHERE model_pk = ? AND stage = ?", (model_pk, stage_number(stage))
    )
    if row is None or row[0] is None:
        raise NotFound(f"No version of '{name}' is in stage {stage}.")
    number: int = row[0]
    return number


def note_version(tx: Tx, model_id: str, name: str, version: int) -> None:
    """Write down with a logged model that it became this version: its tag `mlflow.modelVersions` lists them."""
    row = tx.row("SELECT pk FROM logged_models WHERE model_id = ?", (model_id,))
    if row is None:
        return
    key = "mlflow.modelVersions"
    old = tx.row("SELECT value FROM logged_model_tags WHERE model_pk = ? AND key = ?", (row[0], key))
    try:
        known = json.loads(old[0]) if old else []
    except ValueError:
        known = []
    entry = {"name": name, "version": version}
    if not isinstance(known, list) or entry in known:
        return
    tx.run(
        "INSERT INTO logged_model_tags (model_pk, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (model_pk, key) DO UPDATE SET value = excluded.value",
        (row[0], key, json.dumps([*known, entry])),
    )
