"""Runs as the wire shows them, made in bulk and kept ready while they do not change."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from tidemill.api import codec
from tidemill.store.filters import STATUSES
from tidemill.store.transaction import Row, Tx, marks
from tidemill.types.inputs import Dataset, DatasetInput, ModelInput, ModelOutput, RunInputs, RunOutputs
from tidemill.types.metrics import Metric
from tidemill.types.page import Tag
from tidemill.types.runs import Param, Run, RunData, RunInfo

INFO = "r.pk, r.run_id, r.experiment_id, r.name, r.user_id, r.status, r.start_time, r.end_time, r.artifact_uri, r.deleted_at"
_CHUNK = 500


def info_of(row: Row) -> RunInfo:
    """The info of a row of `INFO`."""
    return RunInfo(
        run_id=row[1],
        run_uuid=row[1],
        run_name=row[3],
        experiment_id=str(row[2]),
        user_id=row[4],
        status=STATUSES[row[5] - 1],
        start_time=row[6],
        end_time=row[7],
        artifact_uri=row[8],
        lifecycle_stage="active" if row[9] is None else "deleted",
    )


class Selection:
    """Which parts of runs are asked for. Made from `SearchRuns.select`."""

    def __init__(self, select: Sequence[str]) -> None:
        self.everything = not select
        self._parts: dict[str, set[str] | None] = {}
        for item in select:
            part, dot, key = item.partition(".")
            if not dot:
                self._parts[part] = None
            elif self._parts.get(part, key) is not None:
                keys = self._parts.setdefault(part, set())
                assert keys is not None
                keys.add(key)

    def has(self, part: str) -> bool:
        """Whether anything of this part is asked for."""
        return self.everything or part in self._parts

    def keys(self, part: str) -> set[str] | None:
        """The keys asked for, None for all."""
        return self._parts.get(part)


def documents(tx: Tx, found: Sequence[tuple[int, int]]) -> list[msgspec.Raw]:
    """The JSON of whole runs, given as (pk, rev), in the same order."""
    cache = tx.site.runs
    bodies: dict[int, bytes] = {}
    lacking: dict[int, int] = {}
    for pk, rev in found:
        body = cache.get(pk, rev)
        if body is None:
            lacking[pk] = rev
        else:
            bodies[pk] = body
    if lacking:
        for pk, run in read(tx, list(lacking), Selection(())).items():
            bodies[pk] = body = codec.encode(run)
            cache.put(pk, lacking[pk], body)
    return [msgspec.Raw(bodies[pk]) for pk, _ in found]


def read(tx: Tx, pks: Sequence[int], selection: Selection) -> dict[int, Run]:
    """Runs by pk, with the selected parts."""
    runs: dict[int, Run] = {}
    for start in range(0, len(pks), _CHUNK):
        part = pks[start : start + _CHUNK]
        metrics = _metrics(tx, part, selection) if selection.has("metrics") else {}
        params = _texts(tx, "params", Param, part, selection) if selection.has("params") else {}
        tags = _texts(tx, "tags", Tag, part, selection) if selection.has("tags") else {}
        inputs = _inputs(tx, part) if selection.has("inputs") else None
        outputs = _models(tx, part, made=1) if selection.has("outputs") else None
        for row in tx.rows(f"SELECT {INFO} FROM runs r WHERE r.pk IN ({marks(len(part))})", part):
            pk = row[0]
            runs[pk] = Run(
                info=info_of(row),
                data=RunData(metrics=metrics.get(pk, []), params=params.get(pk, []), tags=tags.get(pk, [])),
                inputs=None if inputs is None else inputs.get(pk, RunInputs()),
                outputs=None
                if outputs is None
                else RunOutputs(model_outputs=[ModelOutput(model_id=m, step=s) for m, s in outputs.get(pk, [])]),
            )
    return runs


def _only(tx: Tx, keys: Collection[str] | None) -> tuple[str, list[Any]]:
    if keys is None:
        return "", []
    ids = list(tx.names.find_all(tx, keys).values()) or [-1]
    return f" AND name_id IN ({marks(len(ids))})", ids


def _metrics(tx: Tx, pks: Sequence[int], selection: Selection) -> dict[int, list[Metric]]:
    only, ids = _only(tx, selection.keys("metrics"))
    rows = tx.rows(
        "SELECT run_pk, name_id, value, timestamp, step FROM metric_latest "
        f"WHERE run_pk IN ({marks(len(pks))}){only} ORDER BY run_pk, name_id",
        [*pks, *ids],
    )
    texts = tx.names.texts(tx, {row[1] for row in rows})
    nan = float("nan")
    found: dict[int, list[Metric]] = {}
    for pk, name, value, timestamp, step in rows:
        point = Metric(key=texts[name], value=nan if value is None else value, timestamp=timestamp, step=step)
        found.setdefault(pk, []).append(point)
    return found


def _texts(tx: Tx, table: str, kind: Any, pks: Sequence[int], selection: Selection) -> dict[int, list[Any]]:
    only, ids = _only(tx, selection.keys(table))
    rows = tx.rows(
        f"SELECT run_pk, name_id, value FROM {table} WHERE run_pk IN ({marks(len(pks))}){only} ORDER BY run_pk, name_id",
        [*pks, *ids],
    )
    texts = tx.names.texts(tx, {row[1] for row in rows})
    found: dict[int, list[Any]] = {}
    for pk, name, value in rows:
        found.setdefault(pk, []).append(kind(texts[name], value))
    return found


_tags = msgspec.json.Decoder(list[Tag])


def _inputs(tx: Tx, pks: Sequence[int]) -> dict[int, RunInputs]:
    rows = tx.rows(
        "SELECT i.run_pk, i.tags, d.name, d.digest, d.source_type, d.source, d.schema, d.profile FROM run_datasets i "
        f"JOIN datasets d ON d.id = i.dataset_id WHERE i.run_pk IN ({marks(len(pks))}) ORDER BY i.run_pk, d.id",
        pks,
    )
    data: dict[int, list[DatasetInput]] = {}
    for pk, tags, *columns in rows:
        data.setdefault(pk, []).append(DatasetInput(tags=_tags.decode(tags), dataset=Dataset(*columns)))
    models = _models(tx, pks, made=0)
    return {
        pk: RunInputs(
            dataset_inputs=data.get(pk, []), model_inputs=[ModelInput(model_id=m) for m, _ in models.get(pk, [])]
        )
        for pk in data.keys() | models.keys()
    }


def _models(tx: Tx, pks: Sequence[int], made: int) -> dict[int, list[tuple[str, int]]]:
    rows = tx.rows(
        f"SELECT run_pk, model_id, step FROM run_models WHERE run_pk IN ({marks(len(pks))}) AND made = ? ORDER BY id",
        [*pks, made],
    )
    found: dict[int, list[tuple[str, int]]] = {}
    for pk, model, step in rows:
        found.setdefault(pk, []).append((model, step))
    return found
