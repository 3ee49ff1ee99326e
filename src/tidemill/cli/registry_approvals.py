"""`tidemill registry protect`, `ask`, `approve` and so on: approvals at the prompt."""

from typing import Any

import click
import msgspec

from tidemill.api import approvals as ops
from tidemill.api.operation import Operation
from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.options import as_json, limit, together
from tidemill.cli.output import Cell, Column
from tidemill.tracking.approvals import metric_check
from tidemill.tracking.context import user_name
from tidemill.types import approvals as t

_STATES = {"ASKED": "yellow", "GRANTED": "green", "REFUSED": "red", "WITHDRAWN": "dim"}
_reason = click.option("--reason", default="", metavar="TEXT", help="Why; kept with the request.")
_place = together(
    click.option("--alias", default="", help="The alias that is meant."),
    click.option("--stage", default="", help="The stage that is meant."),
)


@click.command(short_help="Let an alias or a stage move by approval only.")
@click.argument("name")
@_place
@click.option("--check", "checks", multiple=True, metavar="TEXT", help="Such as 'accuracy >= 0.9'. Repeatable.")
@click.option("--signature", is_flag=True, help="The version must fit where the one it replaces did.")
@click.option("--approver", "approvers", multiple=True, metavar="USER", help="Who may grant. Repeatable. Default: all.")
@click.option("--own-requests", is_flag=True, help="Who asks may grant, too.")
@with_store
def protect(
    store: Store,
    name: str,
    alias: str,
    stage: str,
    checks: tuple[str, ...],
    signature: bool,
    approvers: tuple[str, ...],
    own_requests: bool,
) -> None:
    """Let an alias or a stage of NAME move by a granted request only.

    A check compares a metric with a number ('accuracy >= 0.9', 'accuracy on test >= 0.9') or with the version that
    holds the place ('loss < current').
    """
    store.require()
    metrics = [metric_check(one) for one in checks]
    arg = t.SetPolicy(name, alias, stage, metrics, signature, list(approvers), own_requests, user_name())
    store.call(ops.set_policy, arg)
    output.note(
        f"'{alias or stage}' of '{name}' moves by a granted request only: tidemill registry ask {name} VERSION …"
    )


@click.command(short_help="Let an alias or a stage move freely again.")
@click.argument("name")
@_place
@with_store
def unprotect(store: Store, name: str, alias: str, stage: str) -> None:
    """Let an alias or a stage of NAME move freely again."""
    store.require()
    store.call(ops.delete_policy, t.DeletePolicy(name, alias, stage, user_name()))
    output.note(f"'{alias or stage}' of '{name}' moves freely.")


@click.command(short_help="List what is protected.")
@click.argument("name")
@as_json
@with_store
def policies(store: Store, name: str, json_: bool) -> None:
    """List the aliases and stages of NAME that move by approval only, with their checks and approvers."""
    store.require()
    found = store.call(ops.list_policies, t.ListPolicies(name)).policies
    if json_:
        output.print_json(msgspec.to_builtins(found))
        return
    if not found:
        output.note(f"Nothing of '{name}' is protected.")
        return
    columns = [
        Column("PLACE"),
        Column("CHECKS", least=10),
        Column("APPROVERS", least=10),
        Column("CHANGED"),
        Column("BY"),
    ]
    rows: list[list[Cell | str]] = [
        [
            Cell(f"@{one.alias}" if one.alias else one.stage, "cyan"),
            ", ".join([*map(_check, one.metrics), *(["signature fits"] if one.signature else [])]),
            ", ".join(one.approvers) or ("anybody" if one.own_requests else "anybody else"),
            output.ago(one.updated),
            one.set_by,
        ]
        for one in found
    ]
    output.print_table(columns, rows)


def _check(one: t.MetricCheck) -> str:
    on = f" on {one.dataset}" if one.dataset else ""
    return f"{one.metric}{on} {one.operator} {'current' if one.value is None else output.number(one.value)}"


@click.command(short_help="Ask to move an alias or a stage to a version.")
@click.argument("name")
@click.argument("version", required=False)
@_place
@click.option("--archive", is_flag=True, help="Move the versions that are in the stage to Archived.")
@_reason
@as_json
@with_store
def ask(
    store: Store, name: str, version: str | None, alias: str, stage: str, archive: bool, reason: str, json_: bool
) -> None:
    """Ask to move an alias or a stage to VERSION; without a version: to delete the alias. Prints the request's id."""
    store.require()
    arg = t.AskApproval(name, version or "", alias, stage, archive, user_name(), reason)
    one = store.call(ops.ask, arg).approval
    if json_:
        output.print_json(msgspec.to_builtins(one))
        return
    output.emit(one.id)
    for check in one.checks:
        output.note(f"{'green' if check.green else 'red'}: {check.check} ({check.found})")


@click.command(short_help="List requests.")
@click.argument("name", required=False)
@click.option("--state", type=click.Choice(list(t.ApprovalState), case_sensitive=False), help="In this state only.")
@limit(50)
@as_json
@with_store
def requests(store: Store, name: str | None, state: str | None, limit: int, json_: bool) -> None:
    """List requests, of all registered models or of NAME, the latest first."""
    store.require()
    chosen = None if state is None else t.ApprovalState(state.upper())
    page = store.call(ops.search, t.SearchApprovals(name or "", chosen, min(limit, 1000)))
    if json_:
        output.print_json(msgspec.to_builtins(page.approvals))
        return
    if not page.approvals:
        output.note("No request matches.")
        return
    columns = [
        Column("ID", right=True), Column("STATE"), Column("MODEL", least=10), Column("VERSION", right=True),
        Column("TO"), Column("ASKED"), Column("BY"), Column("WHY", least=8), Column("DECIDED BY"), Column("WHY", least=8),
    ]  # fmt: skip
    rows: list[list[Cell | str]] = [
        [
            Cell(one.id, "yellow"), Cell(one.state.lower(), _STATES[one.state]), one.name, one.version or "none",
            Cell(_target(one), "cyan"), output.ago(one.asked), one.asked_by, one.reason, one.decided_by, one.decision,
        ]
        for one in page.approvals
    ]  # fmt: skip
    output.print_table(columns, rows)


def _target(one: t.Approval) -> str:
    return f"@{one.alias}" if one.alias else one.stage


@click.command(short_help="Show one request with its checks.")
@click.argument("id_", metavar="ID")
@as_json
@with_store
def request(store: Store, id_: str, json_: bool) -> None:
    """Show one request with its checks: those of this moment while it is open, else those of the decision."""
    store.require()
    one = store.call(ops.get, t.GetApproval(id_)).approval
    if json_:
        output.print_json(msgspec.to_builtins(one))
        return
    output.print_fields(
        [
            ("Request", Cell(one.id, "yellow")),
            ("State", Cell(one.state.lower(), _STATES[one.state])),
            ("Moves", f"{_target(one)} of {one.name} to {f'version {one.version}' if one.version else 'nothing'}"),
            ("Asked", f"{output.moment(one.asked)} by {one.asked_by or 'nobody named'}"),
            ("Why", one.reason),
            ("Decided", f"{output.moment(one.decided)} by {one.decided_by or 'nobody named'}" if one.decided else ""),
            ("Because", one.decision),
        ]
    )
    if one.checks:
        output.heading("Checks")
        rows: list[list[Cell | str]] = [
            [Cell("✓", "green") if check.green else Cell("✗", "red"), check.check, Cell(check.found, "dim")]
            for check in one.checks
        ]
        output.print_table([Column(""), Column("CHECK", least=10), Column("FOUND", least=10)], rows, indent=2)


def _decision(name: str, op: Operation[t.DecideApproval, t.ApprovalAnswer], short: str, about: str) -> click.Command:
    def decide(store: Store, id_: str, reason: str) -> None:
        store.require()
        one = store.call(op, t.DecideApproval(id_, user_name(), reason)).approval
        output.note(
            f"Request {one.id} is {one.state.lower()}: {_target(one)} of '{one.name}', version {one.version or 'none'}."
        )

    decide.__doc__ = about
    callback: Any = click.argument("id_", metavar="ID")(_reason(with_store(decide)))
    return click.command(name, short_help=short)(callback)


approve = _decision("approve", ops.grant, "Grant a request.", "Grant a request: the alias or stage moves at once.")
refuse = _decision("refuse", ops.refuse, "Refuse a request.", "Refuse a request.")
withdraw = _decision("withdraw", ops.withdraw, "Take a request back.", "Take one's own request back.")

COMMANDS = (protect, unprotect, policies, ask, requests, request, approve, refuse, withdraw)
