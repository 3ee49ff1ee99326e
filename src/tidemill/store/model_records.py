"""History, lineage and comparison of model versions, in the database."""

from tidemill.store import deployments
from tidemill.store.model_holds import ALIAS, STAGE
from tidemill.store.pages import Column, Order, Where, page, read_token
from tidemill.store.registry_filters import check_most
from tidemill.store.registry_limits import STAGES, check_alias, stage_number, version_number
from tidemill.store.signatures import cannot_replace, describe
from tidemill.store.transaction import Row, Tx
from tidemill.store.version_facts import Facts, gather
from tidemill.store.version_rows import find_model
from tidemill.types import model_records as t
from tidemill.types.deployments import Deployment, ListDeployments

_HOLD = "h.kind, h.place, h.version, h.since, h.set_by, h.set_why, h.until, h.ended_by, h.ended_why"
_MOST = 1000
_FEW = 100


def history(tx: Tx, arg: t.GetModelHistory) -> t.ModelHistory:
    """See the operation `model_records.history`."""
    check_most(arg.max_results, _MOST)
    where = Where()
    where.append("h.model_pk = ?", [find_model(tx, arg.name).pk])
    if arg.alias:
        check_alias(arg.alias)
        where.append("h.kind = ? AND h.place = ?", [ALIAS, arg.alias])
    if arg.stage:
        where.append("h.kind = ? AND h.place = ?", [STAGE, STAGES[stage_number(arg.stage)]])
    if arg.version:
        where.append("h.version = ?", [version_number(arg.version)])
    if arg.at:
        where.append("h.since <= ? AND (h.until IS NULL OR h.until > ?)", [arg.at, arg.at])
    order = Order((Column("h.id", True),))
    rows, token = page(tx, _HOLD, "model_holds h", where, order, arg.max_results, read_token(arg.page_token, order))
    return t.ModelHistory(holds=list(map(_hold, rows)), next_page_token=token)


def _hold(row: Row) -> t.Hold:
    return t.Hold(
        alias=row[1] if row[0] == ALIAS else "",
        stage=row[1] if row[0] == STAGE else "",
        version=str(row[2]),
        since=row[3],
        set_by=row[4],
        set_reason=row[5],
        until=row[6],
        ended_by=row[7] or "",
        ended_reason=row[8] or "",
    )


def lineage(tx: Tx, arg: t.GetLineage) -> t.Lineage:
    """See the operation `model_records.lineage`."""
    facts = gather(tx, arg.name, arg.version)
    tags = facts.tags
    files = facts.files(tx)
    environment = t.Environment(
        python=tags.get("tidemill.python", ""),
        platform=tags.get("tidemill.platform", ""),
        requirements=list(files.requirements),
    )
    code = t.Code(
        source=tags.get("mlflow.source.name", ""),
        commit=tags.get("mlflow.source.git.commit", ""),
        branch=tags.get("mlflow.source.git.branch", ""),
        repository=tags.get("mlflow.source.git.repoURL", ""),
        changed=tags.get("mlflow.source.git.dirty", "").lower() == "true",
    )
    inputs = facts.run.inputs if facts.run is not None else None
    return t.Lineage(
        model_version=facts.version,
        artifact_uri=facts.location,
        logged_model=facts.model.info if facts.model is not None else None,
        run=facts.run.info if facts.run is not None else None,
        datasets=inputs.dataset_inputs if inputs is not None else [],
        code=code if code != t.Code() else None,
        environment=environment if environment != t.Environment() else None,
        readers=_readers(tx, facts.version.model_id),
        siblings=_siblings(tx, facts),
        deployments=_deployments(tx, facts),
    )


def _deployments(tx: Tx, facts: Facts) -> list[Deployment]:
    version = facts.version.version
    found = deployments.list_deployments(tx, ListDeployments(model=facts.version.name)).deployments
    return [one for one in found if version in (one.version, one.canary_version, one.shadow_version)]


def _readers(tx: Tx, model_id: str | None) -> list[str]:
    if not model_id:
        return []
    rows = tx.rows(
        "SELECT DISTINCT r.run_id, r.start_time FROM run_models i JOIN runs r ON r.pk = i.run_pk "
        f"WHERE i.model_id = ? AND i.made = 0 AND r.deleted_at IS NULL ORDER BY r.start_time DESC LIMIT {_FEW}",
        (model_id,),
    )
    return [run_id for run_id, _ in rows]


def _siblings(tx: Tx, facts: Facts) -> list[t.VersionName]:
    """Other versions of the same logged model, copies included."""
    if not facts.version.model_id:
        return []
    rows = tx.rows(
        "SELECT name, version FROM model_versions WHERE model_id = ? AND NOT (name = ? AND version = ?) "
        f"ORDER BY name, version LIMIT {_FEW}",
        (facts.version.model_id, facts.version.name, int(facts.version.version)),
    )
    return [t.VersionName(name, str(version)) for name, version in rows]


def compare(tx: Tx, arg: t.CompareVersions) -> t.VersionComparison:
    """See the operation `model_records.compare`."""
    left, right = gather(tx, arg.name, arg.version), gather(tx, arg.other_name or arg.name, arg.other_version)
    ours, theirs = left.files(tx, sizes=True), right.files(tx, sizes=True)
    metrics, others = left.metrics, right.metrics
    notes = [
        f"{one.version.name} version {one.version.version}: {files.why_not}"
        for one, files in ((left, ours), (right, theirs))
        if files.why_not
    ]
    breaks = cannot_replace(ours, theirs)
    return t.VersionComparison(
        left=t.VersionName(left.version.name, left.version.version),
        right=t.VersionName(right.version.name, right.version.version),
        params=_differences(left.params, right.params),
        metrics=[
            t.MetricDifference(key, metrics.get(key), others.get(key)) for key in sorted(metrics.keys() | others.keys())
        ],
        schema=_differences(describe(ours.signature), describe(theirs.signature)),
        environment=_differences(_packages(ours.requirements), _packages(theirs.requirements)),
        size=t.SizeDifference(ours.size, theirs.size),
        compatible=None if ours.signature is None else not breaks,
        breaks=breaks,
        notes=notes,
    )


def _differences(left: dict[str, str], right: dict[str, str]) -> list[t.Difference]:
    return [
        t.Difference(key, left.get(key), right.get(key))
        for key in sorted(left.keys() | right.keys())
        if left.get(key) != right.get(key)
    ]


def _packages(requirements: tuple[str, ...]) -> dict[str, str]:
    """Requirement lines by the name that they start with."""
    found = {}
    for line in requirements:
        name = line
        for mark in "=<>!~[; @":
            name = name.partition(mark)[0]
        found[name.strip().lower() or line] = line
    return found
