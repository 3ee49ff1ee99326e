"""`tidemill registry`: registered models, their versions, aliases and stages."""

import contextlib

import click
import msgspec

from tidemill.api import model_versions, registered_models
from tidemill.cli import output, registry_approvals, registry_records
from tidemill.cli.address import Store, with_store
from tidemill.cli.options import as_json, limit, order_by, together
from tidemill.cli.output import Cell, Column
from tidemill.errors import AlreadyExists
from tidemill.tracking.context import user_name
from tidemill.types import model_versions as v
from tidemill.types import registered_models as t

_STAGES = {"Production": "green", "Staging": "yellow", "Archived": "dim"}
_PAGE = 1000

why = click.option("--reason", default="", metavar="TEXT", help="Why; kept in the history.")


@click.group()
def registry() -> None:
    """Registered models: list, show, move aliases and stages, approve, compare.

    A NAME is a registered model's, a VERSION one of its numbers.
    """


@registry.command("ls", short_help="List registered models.")
@click.option("--filter", "condition", metavar="TEXT", default="", help="Which ones, such as \"name LIKE 'wine%'\".")
@together(order_by, limit(100), as_json)
@with_store
def list_(store: Store, condition: str, order_by: tuple[str, ...], limit: int, json_: bool) -> None:
    """List registered models with the newest version, the aliases and the stages of each."""
    store.require()
    found: list[t.RegisteredModel] = []
    token: str | None = ""
    while token is not None and len(found) < limit:
        arg = t.SearchRegisteredModels(condition, min(limit - len(found), _PAGE), list(order_by), token)
        page = store.call(registered_models.search, arg)
        found += page.registered_models
        token = page.next_page_token
    if json_:
        output.print_json(msgspec.to_builtins(found))
        return
    if not found:
        output.note("No registered model matches.")
        return
    columns = [
        Column("NAME", least=12), Column("NEWEST", right=True), Column("ALIASES", least=10), Column("STAGES", least=10),
        Column("CHANGED"), Column("ABOUT", least=10),
    ]  # fmt: skip
    output.print_table(columns, [_model_row(one) for one in found])
    if token:
        output.note(f"There are more; --limit {limit * 10} shows some of them.")


def _model_row(one: t.RegisteredModel) -> list[Cell | str]:
    newest = max((int(version.version) for version in one.latest_versions), default=None)
    staged = [version for version in one.latest_versions if version.current_stage != "None"]
    return [
        Cell(one.name, "bold"),
        "–" if newest is None else str(newest),
        Cell(", ".join(f"{alias.alias} → {alias.version}" for alias in one.aliases), "cyan"),
        ", ".join(f"{version.current_stage} {version.version}" for version in staged),
        output.ago(one.last_updated_timestamp),
        Cell(one.description or "", "dim"),
    ]


@registry.command(short_help="Show a registered model, or one version of it.")
@click.argument("name")
@click.argument("version", required=False)
@as_json
@with_store
def show(store: Store, name: str, version: str | None, json_: bool) -> None:
    """Show a registered model with its latest versions, or one version of it."""
    store.require()
    if version is not None:
        one = store.call(model_versions.get, v.GetModelVersion(name, version)).model_version
        _show_version(store, one, json_)
        return
    model = store.call(registered_models.get, t.GetRegisteredModel(name)).registered_model
    if json_:
        output.print_json(msgspec.to_builtins(model))
        return
    output.print_fields(
        [
            ("Name", Cell(model.name, "bold")),
            ("About", model.description or ""),
            ("Created", f"{output.moment(model.creation_timestamp)} {_by(model.user_id)}"),
            ("Changed", f"{output.moment(model.last_updated_timestamp)} ({output.ago(model.last_updated_timestamp)})"),
            ("Aliases", ", ".join(f"{alias.alias} → {alias.version}" for alias in model.aliases)),
        ]
    )
    if model.tags:
        output.heading("Tags")
        output.print_fields([(tag.key, tag.value) for tag in model.tags], indent=2)
    if model.latest_versions:
        output.heading("Latest versions")
        _print_versions(model.latest_versions, {alias.alias: alias.version for alias in model.aliases}, indent=2)


def _show_version(store: Store, one: v.ModelVersion, json_: bool) -> None:
    if json_:
        output.print_json(msgspec.to_builtins(one))
        return
    uri = store.call(model_versions.get_download_uri, v.GetDownloadUri(one.name, one.version)).artifact_uri
    output.print_fields(
        [
            ("Name", Cell(one.name, "bold")),
            ("Version", Cell(one.version, "yellow")),
            ("About", one.description or ""),
            ("Stage", _stage(one.current_stage)),
            ("Aliases", Cell(", ".join(one.aliases), "cyan")),
            ("Created", f"{output.moment(one.creation_timestamp)} {_by(one.user_id)}"),
            ("Changed", f"{output.moment(one.last_updated_timestamp)} ({output.ago(one.last_updated_timestamp)})"),
            ("Run", one.run_id or ""),
            ("Logged model", one.model_id or ""),
            ("Source", one.source),
            ("Files", uri),
        ]
    )
    if one.tags:
        output.heading("Tags")
        output.print_fields([(tag.key, tag.value) for tag in one.tags], indent=2)


def _by(user: str | None) -> str:
    return f"by {user}" if user else ""


def _stage(stage: str) -> Cell:
    return Cell("–" if stage == "None" else stage, _STAGES.get(stage, ""))


@registry.command(short_help="List the versions of a registered model.")
@click.argument("name")
@together(order_by, limit(100), as_json)
@with_store
def versions(store: Store, name: str, order_by: tuple[str, ...], limit: int, json_: bool) -> None:
    """List the versions of a registered model, the highest first."""
    store.require()
    model = store.call(registered_models.get, t.GetRegisteredModel(name)).registered_model
    kind = "tags.`mlflow.prompt.is_prompt` = 'true' AND " if any(_is_prompt(tag) for tag in model.tags) else ""
    arg = v.SearchModelVersions(f"{kind}name = {_quoted(name)}", limit, list(order_by or ("version_number DESC",)))
    page = store.call(model_versions.search, arg)
    if json_:
        output.print_json(msgspec.to_builtins(page.model_versions))
        return
    if not page.model_versions:
        output.note(f"'{name}' has no versions. Register one: tidemill registry register ADDRESS {name}")
        return
    _print_versions(page.model_versions, {alias.alias: alias.version for alias in model.aliases})
    if page.next_page_token:
        output.note(f"There are more; --limit {limit * 10} shows some of them.")


def _is_prompt(tag: object) -> bool:
    return getattr(tag, "key", "") == "mlflow.prompt.is_prompt" and getattr(tag, "value", "").lower() == "true"


def _quoted(text: str) -> str:
    return "E" + msgspec.json.encode(text).decode()


def _print_versions(found: list[v.ModelVersion], aliases: dict[str, str], *, indent: int = 0) -> None:
    columns = [
        Column("VERSION", right=True), Column("STAGE"), Column("ALIASES", least=8), Column("CREATED"), Column("BY"),
        Column("RUN", least=8), Column("SOURCE", least=10), Column("ABOUT", least=8),
    ]  # fmt: skip
    rows: list[list[Cell | str]] = [
        [
            Cell(one.version, "yellow"),
            _stage(one.current_stage),
            Cell(", ".join(alias for alias, version in aliases.items() if version == one.version), "cyan"),
            output.ago(one.creation_timestamp),
            one.user_id or "",
            (one.run_id or "")[:8],
            Cell(one.source, "dim"),
            Cell(one.description or "", "dim"),
        ]
        for one in found
    ]
    output.print_table(columns, rows, indent=indent)


@registry.command(short_help="Make a model the next version of a registered model.")
@click.argument("address")
@click.argument("name")
@click.option("--run-id", default=None, help="The run that made it.")
@click.option("--description", default=None, metavar="TEXT", help="What is to be said about it.")
@as_json
@with_store
def register(store: Store, address: str, name: str, run_id: str | None, description: str | None, json_: bool) -> None:
    """Make the model at ADDRESS the next version of NAME, which is made where it is missing.

    ADDRESS is runs:/RUN/PATH, models:/ID, models:/NAME/VERSION, or a place in a storage.
    """
    user = user_name()
    with contextlib.suppress(AlreadyExists):
        store.call(registered_models.create, t.CreateRegisteredModel(name, user=user))
    if address.startswith("runs:/") and run_id is None:
        run_id = address.removeprefix("runs:/").strip("/").partition("/")[0]
    arg = v.CreateModelVersion(name, address, run_id, description=description, user=user)
    made = store.call(model_versions.create, arg).model_version
    if json_:
        output.print_json(msgspec.to_builtins(made))
    else:
        output.emit(made.version)


@registry.command(short_help="Point an alias at a version.")
@click.argument("name")
@click.argument("alias")
@click.argument("version", required=False)
@click.option("--delete", is_flag=True, help="Delete the alias instead.")
@why
@with_store
def alias(store: Store, name: str, alias: str, version: str | None, delete: bool, reason: str) -> None:
    """Point ALIAS at VERSION, moving it where it pointed at another; or --delete it."""
    store.require()
    if delete == (version is not None):
        raise click.UsageError("Name a version, or --delete the alias.")
    if version is None:
        store.call(registered_models.delete_alias, t.DeleteAlias(name, alias, user_name(), reason))
        output.note(f"'{name}' has no alias '{alias}' any more.")
        return
    store.call(registered_models.set_alias, t.SetAlias(name, alias, version, user_name(), reason))
    output.note(f"models:/{name}@{alias} is version {version} now.")


@registry.command(short_help="Move a version to a stage.")
@click.argument("name")
@click.argument("version")
@click.argument("stage")
@click.option("--archive", is_flag=True, help="Move the versions that are in it to Archived.")
@why
@with_store
def stage(store: Store, name: str, version: str, stage: str, archive: bool, reason: str) -> None:
    """Move VERSION to STAGE: Staging, Production, Archived or None."""
    store.require()
    arg = v.TransitionStage(name, version, stage, archive, user_name(), reason)
    moved = store.call(model_versions.transition_stage, arg).model_version
    output.note(f"Version {version} of '{name}' is in stage {moved.current_stage} now.")


@registry.command(short_help="Delete a registered model or one version.")
@click.argument("name")
@click.argument("version", required=False)
@why
@with_store
def delete(store: Store, name: str, version: str | None, reason: str) -> None:
    """Delete a registered model with all its versions, or one version. Files stay; there is no way back."""
    store.require()
    if version is None:
        store.call(registered_models.delete, t.DeleteRegisteredModel(name, user_name()))
        output.note(f"Deleted '{name}'.")
        return
    store.call(model_versions.delete, v.DeleteModelVersion(name, version, user_name(), reason))
    output.note(f"Deleted version {version} of '{name}'.")


for _command in (*registry_records.COMMANDS, *registry_approvals.COMMANDS):
    registry.add_command(_command)
