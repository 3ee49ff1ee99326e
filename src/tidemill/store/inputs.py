"""Inputs and outputs of runs, in the database."""

import json
from collections.abc import Sequence

import msgspec

from tidemill.errors import InvalidParameter
from tidemill.ids import is_run_id
from tidemill.store import limits
from tidemill.store.experiments import experiment_key
from tidemill.store.runs import active
from tidemill.store.transaction import Tx, marks
from tidemill.types import inputs as t
from tidemill.types.page import NOTHING, Nothing

_CONTEXT = "mlflow.data.context"
_MODEL_ID = 256
_AT_ONCE = 500
_LIMITS = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}


def log(tx: Tx, arg: t.LogInputs) -> Nothing:
    """See the operation `inputs.log`."""
    if not is_run_id(arg.run_id):
        raise InvalidParameter(f"Invalid value {json.dumps(arg.run_id)} for parameter 'run_id' supplied.")
    for item in arg.datasets:
        _check(item)
    for model in arg.models:
        limits.check_length("model_id", model.model_id, _MODEL_ID)
    pk, experiment = active(tx, arg.run_id)
    ids = _datasets(tx, experiment, [item.dataset for item in arg.datasets])
    links = []
    for item in arg.datasets:
        context = next((tag.value for tag in item.tags if tag.key == _CONTEXT), None)
        links.append((pk, ids[_identity(item.dataset)], msgspec.json.encode(item.tags).decode(), context))
    if links:
        tx.many(
            "INSERT INTO run_datasets (run_pk, dataset_id, tags, context) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            links,
        )
    _link(tx, pk, 0, [(model.model_id, 0) for model in arg.models])
    tx.touched.add(pk)
    return NOTHING


def log_outputs(tx: Tx, arg: t.LogOutputs) -> Nothing:
    """See the operation `inputs.log_outputs`."""
    for model in arg.models:
        limits.check_length("model_id", model.model_id, _MODEL_ID)
    pk, _ = active(tx, arg.run_id)
    _link(tx, pk, 1, [(model.model_id, model.step) for model in arg.models])
    tx.touched.add(pk)
    return NOTHING


def search_datasets(tx: Tx, arg: t.SearchDatasets) -> t.DatasetSummaries:
    """See the operation `inputs.search_datasets`."""
    if not arg.experiment_ids:
        raise InvalidParameter("SearchDatasets request must specify at least one experiment_id.")
    if len(arg.experiment_ids) > 20:
        raise InvalidParameter(
            "SearchDatasets request cannot specify more than 20 experiment_ids. "
            f"Received {len(arg.experiment_ids)} experiment_ids."
        )
    keys = [experiment_key(one) for one in arg.experiment_ids]
    rows = tx.rows(
        "SELECT DISTINCT d.experiment_id, d.name, d.digest, i.context FROM datasets d "
        f"JOIN run_datasets i ON i.dataset_id = d.id WHERE d.experiment_id IN ({marks(len(keys))}) "
        "ORDER BY 1, 2, 3, 4 LIMIT 1000",
        keys,
    )
    return t.DatasetSummaries(
        dataset_summaries=[
            t.DatasetSummary(experiment_id=str(row[0]), name=row[1], digest=row[2], context=row[3]) for row in rows
        ]
    )


def _check(item: t.DatasetInput) -> None:
    for field, most in _LIMITS.items():
        limits.check_length(field, getattr(item.dataset, field), most)
    for tag in item.tags:
        limits.check_length("key", tag.key, 255)
        limits.check_length("value", tag.value, 500)


def _identity(dataset: t.Dataset) -> tuple[str, str]:
    return dataset.name, dataset.digest


def _datasets(tx: Tx, experiment: int, datasets: Sequence[t.Dataset]) -> dict[tuple[str, str], int]:
    """The ids of data sets by name and digest; what is stored already stays as it is."""
    # Of equal ones the first counts.
    wanted = {_identity(dataset): dataset for dataset in reversed(datasets)}
    found = _known(tx, experiment, list(wanted))
    lacking = sorted(wanted.keys() - found.keys())
    if lacking:
        made = [wanted[one] for one in lacking]
        tx.many(
            "INSERT INTO datasets (experiment_id, name, digest, source_type, source, schema, profile) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(experiment, d.name, d.digest, d.source_type, d.source, d.schema, d.profile) for d in made],
        )
        found.update(_known(tx, experiment, lacking))
    return found


def _known(tx: Tx, experiment: int, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        rows = tx.rows(
            "SELECT name, digest, id FROM datasets WHERE experiment_id = ? AND (name, digest) IN "
            f"(VALUES {', '.join(['(?, ?)'] * len(part))})",
            [experiment, *(text for one in part for text in one)],
        )
        found.update(((name, digest), one) for name, digest, one in rows)
    return found


def _link(tx: Tx, run_pk: int, made: int, models: list[tuple[str, int]]) -> None:
    if not models:
        return
    tx.many(
        "INSERT INTO run_models (run_pk, made, model_id, step) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(run_pk, made, model, step) for model, step in models],
    )
