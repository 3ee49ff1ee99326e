"""Approvals, in the database. A grant moves the alias or stage in its own transaction."""

import math

import msgspec

from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter, NotFound, PermissionDenied
from tidemill.store import approval_checks, limits, model_versions, protections, registered_models
from tidemill.store.model_holds import ALIAS, STAGE, Move
from tidemill.store.outbox import emit
from tidemill.store.pages import Column, Order, Where, page, read_token
from tidemill.store.registry_filters import check_most
from tidemill.store.registry_limits import MAX_USER, STAGES
from tidemill.store.transaction import Row, Tx
from tidemill.store.version_rows import Model, find_model, find_version, lock_model
from tidemill.types import approvals as t
from tidemill.types.page import NOTHING, Nothing

_STATES = list(t.ApprovalState)
_ASKED, _GRANTED, _REFUSED, _WITHDRAWN = range(4)
_MOST = 1000
_MOST_PARTS = 100
_COLUMNS = (
    "a.id, m.name, a.version, a.kind, a.place, a.archive, a.state, a.asked, a.asked_by, a.asked_why, a.decided, "
    "a.decided_by, a.decided_why, a.checks, a.model_pk, m.prompt"
)
_SOURCE = "approvals a JOIN registered_models m ON m.pk = a.model_pk"


def set_policy(tx: Tx, arg: t.SetPolicy) -> t.PolicyAnswer:
    """See the operation `approvals.set_policy`."""
    model = find_model(tx, arg.name)
    kind, place = protections.place_of(arg.alias, arg.stage)
    if (kind, place) == (STAGE, STAGES[0]):
        raise InvalidParameter("Stage None cannot be protected: every version starts in it.")
    limits.check_length("user", arg.user, MAX_USER)
    _check_parts(arg)
    lock_model(tx, model.pk)
    tx.run(
        "INSERT INTO approval_policies (model_pk, kind, place, metrics, signature, approvers, own, updated, set_by) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (model_pk, kind, place) DO UPDATE SET "
        "metrics = excluded.metrics, signature = excluded.signature, approvers = excluded.approvers, "
        "own = excluded.own, updated = excluded.updated, set_by = excluded.set_by",
        (
            *(model.pk, kind, place, msgspec.json.encode(arg.metrics).decode(), int(arg.signature)),
            *(msgspec.json.encode(arg.approvers).decode(), int(arg.own_requests), now_ms(), arg.user),
        ),
    )
    policy = protections.find(tx, model.pk, arg.name, kind, place)
    assert policy is not None
    _tell_policy(tx, "set", arg.name, arg.alias, policy.stage, arg.user)
    return t.PolicyAnswer(policy=policy)


def _check_parts(arg: t.SetPolicy) -> None:
    if len(arg.metrics) > _MOST_PARTS or len(arg.approvers) > _MOST_PARTS:
        raise InvalidParameter(f"A policy has at most {_MOST_PARTS} metrics and {_MOST_PARTS} approvers.")
    for one in arg.metrics:
        limits.check_length("metric", one.metric, limits.MAX_KEY)
        limits.check_length("dataset", one.dataset, 500)
        if not one.metric:
            raise InvalidParameter("A check names a metric.")
        if one.operator not in approval_checks.COMPARISONS:
            raise InvalidParameter(f"There is no comparison '{one.operator}'; use one of <, <=, > and >=.")
        if one.value is not None and math.isnan(one.value):
            raise InvalidParameter(f"The metric '{one.metric}' cannot be compared with NaN.")
    for name in arg.approvers:
        limits.check_length("approvers", name, MAX_USER)
        if not name:
            raise InvalidParameter("The name of an approver is not empty.")


def delete_policy(tx: Tx, arg: t.DeletePolicy) -> Nothing:
    """See the operation `approvals.delete_policy`."""
    model = find_model(tx, arg.name)
    kind, place = protections.place_of(arg.alias, arg.stage)
    gone = tx.run(
        "DELETE FROM approval_policies WHERE model_pk = ? AND kind = ? AND place = ?", (model.pk, kind, place)
    )
    if not gone:
        raise NotFound(f"'{arg.name}' has no policy for '{place}'.")
    _tell_policy(tx, "deleted", arg.name, arg.alias, place if kind == STAGE else "", arg.user)
    return NOTHING


def _tell_policy(tx: Tx, what: str, name: str, alias: str, stage: str, user: str) -> None:
    place = {"alias": alias} if alias else {"stage": stage}
    emit(tx, f"approval_policy.{what}", f"registered_model/{name}", {"name": name, **place, "user": user})


def list_policies(tx: Tx, arg: t.ListPolicies) -> t.Policies:
    """See the operation `approvals.list_policies`."""
    rows = tx.rows(
        f"SELECT {protections.COLUMNS} FROM approval_policies p WHERE p.model_pk = ? ORDER BY p.kind, p.place",
        (find_model(tx, arg.name).pk,),
    )
    return t.Policies(policies=[protections.entity(arg.name, row) for row in rows])


def ask(tx: Tx, arg: t.AskApproval) -> t.ApprovalAnswer:
    """See the operation `approvals.ask`."""
    model = find_model(tx, arg.name)
    kind, place = protections.place_of(arg.alias, arg.stage)
    version = find_version(tx, arg.name, arg.version).number if arg.version else None
    if version is None and kind == STAGE:
        raise InvalidParameter("Name the version that is to move to the stage.")
    if arg.archive_existing_versions and kind == ALIAS:
        raise InvalidParameter("Only a move to a stage can archive the versions that are in it.")
    if kind == STAGE:
        model_versions.check_archiving(STAGES.index(place), arg.archive_existing_versions)
    move = Move(now_ms(), arg.user, arg.reason)
    row = tx.row(
        "INSERT INTO approvals (model_pk, version, kind, place, archive, state, asked, asked_by, asked_why) "
        "VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?) RETURNING id",
        (model.pk, version, kind, place, int(arg.archive_existing_versions), move.at, move.user, move.reason),
    )
    assert row is not None
    return _told(tx, "asked", row[0], move)


def get(tx: Tx, arg: t.GetApproval) -> t.ApprovalAnswer:
    """See the operation `approvals.get`."""
    return _answer(tx, _row(tx, arg.id))


def search(tx: Tx, arg: t.SearchApprovals) -> t.ApprovalPage:
    """See the operation `approvals.search`."""
    check_most(arg.max_results, _MOST)
    where = Where()
    if arg.name:
        where.append("a.model_pk = ?", [find_model(tx, arg.name).pk])
    if arg.state is not None:
        where.append("a.state = ?", [_STATES.index(arg.state)])
    order = Order((Column("a.id", True),))
    rows, token = page(tx, _COLUMNS, _SOURCE, where, order, arg.max_results, read_token(arg.page_token, order))
    return t.ApprovalPage(approvals=list(map(_entity, rows)), next_page_token=token)


def grant(tx: Tx, arg: t.DecideApproval) -> t.ApprovalAnswer:
    """See the operation `approvals.grant`."""
    row = _open_row(tx, arg.id)
    one, model = _entity(row), Model(row[14], row[15])
    # Two grants for one model, each looking at who holds the place, go one after the other.
    lock_model(tx, model.pk)
    policy = protections.find(tx, model.pk, one.name, row[3], row[4])
    _check_approver(one, policy, arg.user)
    checks = approval_checks.look(tx, policy, model.pk, row[3], row[4], one.version)
    red = [f"{check.check} ({check.found})" for check in checks if not check.green]
    if red:
        raise InvalidParameter(f"Request {one.id} cannot be granted, since checks are red: {'; '.join(red)}.")
    move = Move(now_ms(), arg.user, arg.reason or one.reason)
    _decide(tx, one.id, _GRANTED, Move(move.at, arg.user, arg.reason), checks)
    if row[3] == STAGE:
        version = find_version(tx, one.name, one.version)
        model_versions.carry_out(tx, one.name, version, STAGES.index(row[4]), one.archive_existing_versions, move)
    elif one.version:
        number = find_version(tx, one.name, one.version).number
        registered_models.move_alias(tx, one.name, model, one.alias, number, move)
    else:
        registered_models.remove_alias(tx, one.name, model, one.alias, move)
    return _told(tx, "granted", int(one.id), Move(move.at, arg.user, arg.reason))


def _check_approver(one: t.Approval, policy: t.Policy | None, user: str) -> None:
    if policy is not None and policy.approvers and user not in policy.approvers:
        named = f"'{user}' is not among them" if user else "this request does not say who grants it"
        raise PermissionDenied(f"Request {one.id} can be granted by {', '.join(policy.approvers)}; {named}.")
    if user == one.asked_by and not (policy is not None and policy.own_requests):
        who = f"'{user}' has asked for it" if user else "neither request says who sends it"
        raise PermissionDenied(f"Request {one.id} must be granted by somebody else: {who}.")


def refuse(tx: Tx, arg: t.DecideApproval) -> t.ApprovalAnswer:
    """See the operation `approvals.refuse`."""
    row = _open_row(tx, arg.id)
    policy = protections.find(tx, row[14], row[1], row[3], row[4])
    if policy is not None and policy.approvers and arg.user not in policy.approvers:
        raise PermissionDenied(f"Request {arg.id} can be refused by {', '.join(policy.approvers)}.")
    checks = approval_checks.look(tx, policy, row[14], row[3], row[4], _entity(row).version) if _there(tx, row) else []
    move = Move(now_ms(), arg.user, arg.reason)
    _decide(tx, arg.id, _REFUSED, move, checks)
    return _told(tx, "refused", row[0], move)


def withdraw(tx: Tx, arg: t.DecideApproval) -> t.ApprovalAnswer:
    """See the operation `approvals.withdraw`."""
    row = _open_row(tx, arg.id)
    if arg.user != row[8]:
        raise PermissionDenied(f"Request {arg.id} can be withdrawn by who asked for it: '{row[8]}'.")
    move = Move(now_ms(), arg.user, arg.reason)
    _decide(tx, arg.id, _WITHDRAWN, move, [])
    return _told(tx, "withdrawn", row[0], move)


def _row(tx: Tx, id_: str) -> Row:
    number = int(id_) if id_.isascii() and id_.isdecimal() and len(id_) < 19 else -1
    row = tx.row(f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE a.id = ?", (number,))
    if row is None:
        raise NotFound(f"There is no request with id {id_}.")
    return row


def _open_row(tx: Tx, id_: str) -> Row:
    row = _row(tx, id_)
    if row[6] != _ASKED:
        raise InvalidParameter(f"Request {id_} is {_STATES[row[6]].lower()} already.")
    return row


def _decide(tx: Tx, id_: str, state: int, move: Move, checks: list[t.CheckResult]) -> None:
    changed = tx.run(
        "UPDATE approvals SET state = ?, decided = ?, decided_by = ?, decided_why = ?, checks = ? "
        "WHERE id = ? AND state = 0",
        (state, move.at, move.user, move.reason, msgspec.json.encode(checks).decode(), int(id_)),
    )
    if not changed:
        raise InvalidParameter(f"Request {id_} was decided by somebody else just now.")


def _there(tx: Tx, row: Row) -> bool:
    found = tx.row("SELECT 1 FROM model_versions WHERE model_pk = ? AND version = ?", (row[14], row[2]))
    return found is not None


def _answer(tx: Tx, row: Row) -> t.ApprovalAnswer:
    one = _entity(row)
    if row[6] == _ASKED and _there(tx, row):
        policy = protections.find(tx, row[14], one.name, row[3], row[4])
        checks = approval_checks.look(tx, policy, row[14], row[3], row[4], one.version)
        one = msgspec.structs.replace(one, checks=checks)
    return t.ApprovalAnswer(approval=one)


def _told(tx: Tx, what: str, id_: int, move: Move) -> t.ApprovalAnswer:
    answer = _answer(tx, _row(tx, str(id_)))
    one = answer.approval
    place = {"alias": one.alias} if one.alias else {"stage": one.stage}
    data = {"id": one.id, "name": one.name, "version": one.version or None, **place, "asked_by": one.asked_by}
    emit(tx, f"approval.{what}", f"registered_model/{one.name}", {**data, "user": move.user, "reason": move.reason})
    return answer


def _entity(row: Row) -> t.Approval:
    return t.Approval(
        id=str(row[0]),
        name=row[1],
        version="" if row[2] is None else str(row[2]),
        alias=row[4] if row[3] == ALIAS else "",
        stage=row[4] if row[3] == STAGE else "",
        archive_existing_versions=bool(row[5]),
        state=_STATES[row[6]],
        asked=row[7],
        asked_by=row[8],
        reason=row[9],
        decided=row[10],
        decided_by=row[11] or "",
        decision=row[12] or "",
        checks=msgspec.json.decode(row[13], type=list[t.CheckResult]) if row[13] else [],
    )
