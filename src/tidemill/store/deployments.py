"""Deployments, in the database: what serving processes say of themselves, and since when they have been silent."""

import re
from typing import Any

import msgspec

from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter, NotFound
from tidemill.store.limits import check_length
from tidemill.store.outbox import emit
from tidemill.store.transaction import Row, Tx, marks
from tidemill.types import deployments as t
from tidemill.types.page import NOTHING, Nothing

SILENCES = 3
"""So many intervals without a word, and a deployment is silent."""
_FORGOTTEN_MS = 30 * 86_400_000
"""Deployments that have been silent for so long are removed when another one reports for the first time."""
_MOST_INTERVAL_S = 86_400
_MOST_BEATS = 1000
_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_TEXTS = (
    "name", "model", "model_address", "version", "previous_version", "canary_version", "shadow_version", "url", "host",
    "problem",
)  # fmt: skip
_COLUMNS = (
    "deployment_id, " + ", ".join(_TEXTS) + ", canary_percent, healthy, since, created, last_seen, interval_s, details"
)
_TOLD = (
    "name", "model", "version", "previous_version", "canary_version", "canary_percent", "shadow_version", "healthy",
    "problem",
)  # fmt: skip
"""What makes an event of a report when it differs from the report before."""


def report(tx: Tx, arg: t.ReportDeployment) -> t.DeploymentAnswer:
    """See the operation `deployments.report`."""
    _check(arg)
    before = tx.row(f"SELECT {_COLUMNS} FROM deployments WHERE deployment_id = ?", (arg.deployment_id,))
    now = now_ms()
    if before is None:
        tx.run("DELETE FROM deployments WHERE last_seen < ?", (now - _FORGOTTEN_MS,))
    texts = [getattr(arg, name) for name in _TEXTS]
    created = now if before is None else before[len(_TEXTS) + 4]
    row: Row = (
        arg.deployment_id, *texts, arg.canary_percent, int(arg.healthy), arg.since or now, created, now, arg.interval_s,
        msgspec.json.encode(arg.details).decode(),
    )  # fmt: skip
    updates = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[1:])
    tx.run(
        f"INSERT INTO deployments ({_COLUMNS}) VALUES ({marks(len(row))}) "
        f"ON CONFLICT (deployment_id) DO UPDATE SET {updates}",
        row,
    )
    told = {name: getattr(arg, name) for name in _TOLD}
    if before is None or _told(before) != told:
        emit(tx, "deployment.changed", f"deployment/{arg.deployment_id}", {**told, "deployment_id": arg.deployment_id})
    return t.DeploymentAnswer(_deployment(row, now))


def heartbeat(tx: Tx, arg: t.DeploymentHeartbeat) -> t.HeardDeployments:
    """See the operation `deployments.heartbeat`."""
    if len(arg.deployment_ids) > _MOST_BEATS:
        raise InvalidParameter(f"A heartbeat can name at most {_MOST_BEATS} deployments; send several.")
    now = now_ms()
    unknown = [
        one
        for one in dict.fromkeys(arg.deployment_ids)
        if not tx.run("UPDATE deployments SET last_seen = ? WHERE deployment_id = ?", (now, one))
    ]
    return t.HeardDeployments(unknown)


def list_deployments(tx: Tx, arg: t.ListDeployments) -> t.DeploymentList:
    """See the operation `deployments.list_deployments`."""
    if not 1 <= arg.max_results <= 10_000:
        raise InvalidParameter(
            f"Invalid value {arg.max_results} for parameter 'max_results' supplied. It must be 1 to 10000."
        )
    where, params = ("WHERE model = ?", (arg.model,)) if arg.model else ("", ())
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM deployments {where} ORDER BY name, created, deployment_id LIMIT ?",
        (*params, arg.max_results),
    )
    now = now_ms()
    return t.DeploymentList([_deployment(row, now) for row in rows])


def get(tx: Tx, arg: t.GetDeployment) -> t.DeploymentAnswer:
    """See the operation `deployments.get`."""
    return t.DeploymentAnswer(_deployment(_known(tx, arg.deployment_id), now_ms()))


def delete(tx: Tx, arg: t.DeleteDeployment) -> Nothing:
    """See the operation `deployments.delete`."""
    row = _known(tx, arg.deployment_id)
    tx.run("DELETE FROM deployments WHERE deployment_id = ?", (arg.deployment_id,))
    told = {**_told(row), "deployment_id": arg.deployment_id, "deleted": True}
    emit(tx, "deployment.changed", f"deployment/{arg.deployment_id}", told)
    return NOTHING


def _known(tx: Tx, deployment_id: str) -> Row:
    row = tx.row(f"SELECT {_COLUMNS} FROM deployments WHERE deployment_id = ?", (deployment_id,))
    if row is None:
        raise NotFound(f"Deployment with id={deployment_id} not found")
    return row


def _check(arg: t.ReportDeployment) -> None:
    if not _ID.fullmatch(arg.deployment_id):
        raise InvalidParameter("A deployment's id has 1 to 100 of the characters A-Z, a-z, 0-9, '_', '.' and '-'.")
    for name in _TEXTS:
        check_length(name, getattr(arg, name), 5000 if name == "problem" else 500)
    if not 0 <= arg.canary_percent <= 100:
        raise InvalidParameter(f"canary_percent lies between 0 and 100, not at {arg.canary_percent:g}.")
    if not 1 <= arg.interval_s <= _MOST_INTERVAL_S:
        raise InvalidParameter(f"interval_s lies between 1 and {_MOST_INTERVAL_S}, not at {arg.interval_s}.")
    if len(msgspec.json.encode(arg.details)) > 65_535:
        raise InvalidParameter("The details of a deployment have at most 65535 bytes.")


def _fields(row: Row) -> dict[str, Any]:
    return dict(zip(_COLUMNS.split(", "), row, strict=True))


def _told(row: Row) -> dict[str, Any]:
    fields = _fields(row)
    return {name: bool(fields[name]) if name == "healthy" else fields[name] for name in _TOLD}


def _deployment(row: Row, now: int) -> t.Deployment:
    fields = _fields(row)
    healthy = fields.pop("healthy")
    silent = now - fields["last_seen"] > fields["interval_s"] * 1000 * SILENCES
    status = t.DeploymentStatus.HEALTHY if healthy else t.DeploymentStatus.UNHEALTHY
    fields["status"] = t.DeploymentStatus.SILENT if silent else status
    fields["details"] = msgspec.json.decode(fields["details"])
    return t.Deployment(**fields)
