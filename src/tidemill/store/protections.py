"""Policies: which aliases and stages move only by a granted request."""

import msgspec

from tidemill.errors import InvalidParameter, PermissionDenied
from tidemill.store.model_holds import ALIAS, STAGE
from tidemill.store.registry_limits import STAGES, check_new_alias, stage_number
from tidemill.store.transaction import Row, Tx
from tidemill.types.approvals import MetricCheck, Policy

COLUMNS = "p.kind, p.place, p.metrics, p.signature, p.approvers, p.own, p.updated, p.set_by"


def place_of(alias: str, stage: str) -> tuple[int, str]:
    """Kind and name of an alias or a stage as they are stored. Raises InvalidParameter unless exactly one is given."""
    if bool(alias) == bool(stage):
        raise InvalidParameter("Name either an alias or a stage.")
    if alias:
        check_new_alias(alias)
        return ALIAS, alias
    return STAGE, STAGES[stage_number(stage)]


def find(tx: Tx, model_pk: int, name: str, kind: int, place: str) -> Policy | None:
    """The policy for an alias or a stage."""
    row = tx.row(
        f"SELECT {COLUMNS} FROM approval_policies p WHERE p.model_pk = ? AND p.kind = ? AND p.place = ?",
        (model_pk, kind, place),
    )
    return None if row is None else entity(name, row)


def entity(name: str, row: Row) -> Policy:
    """A policy of the registered model `name` from a row of `COLUMNS`."""
    return Policy(
        name=name,
        alias=row[1] if row[0] == ALIAS else "",
        stage=row[1] if row[0] == STAGE else "",
        metrics=msgspec.json.decode(row[2], type=list[MetricCheck]),
        signature=bool(row[3]),
        approvers=msgspec.json.decode(row[4], type=list[str]),
        own_requests=bool(row[5]),
        updated=row[6],
        set_by=row[7],
    )


def check_free(tx: Tx, model_pk: int, name: str, kind: int, *places: str) -> None:
    """Refuse a move of aliases or stages that are protected."""
    for place in places:
        if find(tx, model_pk, name, kind, place) is not None:
            what = "alias" if kind == ALIAS else "stage"
            raise PermissionDenied(
                f"The {what} '{place}' of '{name}' is protected: it moves only by a granted request. Ask for one with "
                f"'tidemill registry ask {name} VERSION --{what} {place}' or POST /api/tidemill/1/approvals."
            )


def check_free_model(tx: Tx, model_pk: int, name: str) -> None:
    """Refuse to delete a registered model with protected aliases or stages."""
    if tx.row("SELECT 1 FROM approval_policies WHERE model_pk = ?", (model_pk,)) is not None:
        raise PermissionDenied(
            f"'{name}' has protected aliases or stages. Delete its policies first, with 'tidemill registry unprotect' or "
            "DELETE /api/tidemill/1/approval-policies."
        )
