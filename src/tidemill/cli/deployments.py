"""`tidemill deployments`: what serves where."""

import click
import msgspec

from tidemill import settings
from tidemill.api import deployments as ops
from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.options import as_json
from tidemill.cli.output import Cell, Column
from tidemill.errors import NotFound, PermissionDenied
from tidemill.types.deployments import DeleteDeployment, Deployment, DeploymentStatus, GetDeployment, ListDeployments


@click.group()
def deployments() -> None:
    """List what serves where, and go back to the version before."""


@deployments.command("list", short_help="List which processes serve which versions.")
@click.option("--model", default="", metavar="NAME", help="Only those of this registered model.")
@as_json
@with_store
def list_(store: Store, model: str, json_: bool) -> None:
    """List which processes serve which versions."""
    store.require()
    found = store.call(ops.list_deployments, ListDeployments(model)).deployments
    if json_:
        output.print_json(msgspec.to_builtins(found))
        return
    if not found:
        output.note("Nothing is deployed. Serve a model: tidemill serve models:/NAME@ALIAS")
        return
    columns = [Column(name) for name in ("name", "version", "status", "since", "where", "problem", "id")]
    output.print_table(columns, [_row(one) for one in found])


def _row(one: Deployment) -> tuple[Cell | str, ...]:
    version = one.version
    if one.canary_version:
        version += f" + {one.canary_version} ({one.canary_percent:g} %)"
    return (
        one.name,
        version,
        _status(one.status),
        output.ago(one.since),
        one.url,
        one.problem,
        one.deployment_id,
    )


def _status(status: DeploymentStatus) -> Cell:
    colour = {DeploymentStatus.HEALTHY: "green", DeploymentStatus.UNHEALTHY: "red"}.get(status, "yellow")
    return Cell(status.lower(), colour)


@deployments.command(short_help="Show one deployment.")
@click.argument("deployment_id")
@as_json
@with_store
def show(store: Store, deployment_id: str, json_: bool) -> None:
    """Show one deployment."""
    store.require()
    one = store.call(ops.get, GetDeployment(deployment_id)).deployment
    told = msgspec.to_builtins(one)
    if json_:
        output.print_json(told)
        return
    output.print_fields([(name, str(value)) for name, value in told.items() if value not in ("", {})])


@deployments.command(short_help="Let the previous version answer again, everywhere.")
@click.argument("name")
@with_store
def rollback(store: Store, name: str) -> None:
    """Let the previous version of NAME answer again, in every process that serves it.

    It stays until the alias moves next. The processes want an admin's token: TIDEMILL_SERVE_ADMIN_TOKENS.
    """
    from tidemill.transport.address import quote_segment
    from tidemill.transport.replies import error_of
    from tidemill.transport.session import Session

    tokens = settings.serve_admin_tokens()
    if not tokens:
        raise PermissionDenied("Rolling back needs an admin's token in TIDEMILL_SERVE_ADMIN_TOKENS.")
    store.require()
    found = store.call(ops.list_deployments, ListDeployments()).deployments
    there = [one for one in found if one.name == name and one.status is not DeploymentStatus.SILENT]
    if not there:
        raise NotFound(f"Nothing serves '{name}' now; see: tidemill deployments list")
    for one in there:
        session = Session(one.url, patience=3.0)
        headers = {"Authorization": f"Bearer {tokens[0]}"}
        reply = session.send("POST", f"/models/{quote_segment(name)}/rollback", headers=headers, repeatable=False)
        session.close()
        if reply.status >= 300:
            raise error_of(reply, one.url)
        output.emit(f"{one.url} serves version {msgspec.json.decode(reply.body)['version']} of {name} again.")


@deployments.command(short_help="Forget a deployment; the process is not stopped.")
@click.argument("deployment_id")
@with_store
def delete(store: Store, deployment_id: str) -> None:
    """Forget a deployment. The process is not stopped; where it still runs, it reports again."""
    store.require()
    store.call(ops.delete, DeleteDeployment(deployment_id))
    output.note(f"Forgot {deployment_id}.")
