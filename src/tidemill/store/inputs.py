"""Inputs and outputs of runs, in the database."""

import json

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
_LIMITS = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}


def log(tx: Tx, arg: t.LogInputs) -> Nothing:
    """See the operation `inputs.log`."""
    if not is_run_id(arg.run_id):
        raise InvalidParameter(f"Invalid value {json.dumps(arg.run_id)} for parameter 'run_id' supplied.")
    for item in arg.datasets:
        _check(item)
    pk, experiment = active(tx, arg.run_id)
    for item in arg.datasets:
        dataset = _dataset(tx, experiment, item.dataset)
        context = next((tag.value for tag in item.tags if tag.key == _CONTEXT), None)
        tx.run(
            "INSERT INTO run_datasets (run_pk, dataset_id, tags, context) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (pk, dataset, msgspec.json.encode(item.tags).decode(), context),
        )
    _link(tx, pk, 0, [(model.model_id, 0) for model in arg.models])
    tx.touched.add(pk)
    return NOTHING


def log_outputs(tx: Tx, arg: t.LogOutputs) -> Nothing:
    """See the operation `inputs.log_outputs`."""
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


def _dataset(tx: Tx, experiment: int, dataset: t.Dataset) -> int:
    """The id of a data set; what is stored already stays as it is."""
    known = "SELECT id FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?"
    identity = (experiment, dataset.name, dataset.digest)
    row = tx.row(known, identity)
    if row is None:
        tx.run(
            "INSERT INTO datasets (experiment_id, name, digest, source_type, source, schema, profile) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (*identity, dataset.source_type, dataset.source, dataset.schema, dataset.profile),
        )
        row = tx.row(known, identity)
    assert row is not None
    found: int = row[0]
    return found


def _link(tx: Tx, run_pk: int, made: int, models: list[tuple[str, int]]) -> None:
    tx.many(
        "INSERT INTO run_models (run_pk, made, model_id, step) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(run_pk, made, model, step) for model, step in models],
    )
