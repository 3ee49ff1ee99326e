"""`tidemill models`: look at models, see what they would run, and predict with them."""

import json
from pathlib import Path
from typing import Any

import click

from tidemill.cli import output
from tidemill.cli.options import as_json
from tidemill.cli.progress import counting
from tidemill.errors import InvalidParameter
from tidemill.models.format import ModelFile
from tidemill.models.schema import ColSpec, Schema
from tidemill.tracking.client import Client
from tidemill.tracking.models import resolve_model


@click.group()
def models() -> None:
    """Look at models, see what they would run, and predict with them.

    A MODEL is a folder, models:/NAME/VERSION, models:/NAME@ALIAS, models:/ID, runs:/RUN/NAME, or any address of artifacts.
    """


def _find(model: str, uri: str | None) -> Path:
    return resolve_model(model, Client(uri) if uri else None)


uri_option = click.option("--uri", metavar="ADDRESS", help="The store that models:/ and runs:/ are looked up in.")


@models.command(short_help="What a model is, takes and gives.")
@click.argument("model")
@uri_option
@as_json
def show(model: str, uri: str | None, json_: bool) -> None:
    """Show what a model is: flavors, signature, environment, where it came from."""
    folder = _find(model, uri)
    file = ModelFile.read(folder)
    if json_:
        output.print_json({**file.to_dict(), "folder": str(folder)})
        return
    fields = [
        ("Folder", str(folder)),
        ("Flavors", ", ".join(file.flavors)),
        ("Model", file.model_id or "–"),
        ("Run", file.run_id or "–"),
        ("Made", file.utc_time_created),
        ("Size", output.size(file.model_size_bytes)),
    ]
    output.print_fields([(title, text) for title, text in fields])
    signature = file.signature
    if signature is None:
        output.note("It has no signature.")
        return
    for title, schema in (("Takes", signature.inputs), ("Gives", signature.outputs)):
        if schema is not None:
            output.heading(title)
            output.print_fields(_shown(schema), indent=2)
    if signature.params is not None:
        output.heading("Params")
        output.print_fields(
            [(one.name, f"{_type(one.dtype.to_dict())} = {one.default!r}") for one in signature.params], indent=2
        )


def _shown(schema: Schema) -> list[tuple[str, str]]:
    found = []
    for at, spec in enumerate(schema):
        title = str(at if spec.name is None else spec.name)
        if isinstance(spec, ColSpec):
            found.append((title, _type(spec.type.to_dict()) + ("" if spec.required else ", optional")))
        else:
            found.append((title, f"{spec.dtype} {spec.shape}"))
    return found


def _type(fields: dict[str, Any]) -> str:
    kind = str(fields["type"])
    if kind == "array":
        return f"list of {_type(fields['items'])}"
    if kind == "map":
        return f"map to {_type(fields['values'])}"
    if kind == "object":
        return "{" + ", ".join(f"{key}: {_type(one)}" for key, one in fields["properties"].items()) + "}"
    return kind


@models.command(short_help="What a model would import and run.")
@click.argument("model")
@uri_option
@as_json
def audit(model: str, uri: str | None, json_: bool) -> None:
    """Show what loading a model would import and run; nothing of it is run.

    Pickles are read by their opcodes, scripts by their text. Where it says that loading needs allow_pickle, the model
    can run any code: load it only if you trust where it comes from.
    """
    import dataclasses

    from tidemill.models.audit import audit as look

    found = look(_find(model, uri))
    if json_:
        output.print_json({**dataclasses.asdict(found), "runs_code": found.runs_code})
        return
    for one in found.findings:
        output.heading(f"{'! ' if one.runs_code or one.dangerous else '  '}{one.path}")
        output.emit(f"    {output.plain(one.text)}")
        if one.names:
            shown = [f"{name} (!)" if name in one.dangerous else name for name in one.names[:40]]
            more = f" and {len(one.names) - 40} more" if len(one.names) > 40 else ""
            output.emit(f"    {output.plain(', '.join(shown))}{more}")
    if found.runs_code:
        output.note("Loading it runs code of its own: that needs allow_pickle=True (--allow-pickle).")
    else:
        output.note("Loading it runs nothing of its own.")


@models.command(short_help="Predict a file, row by row, in constant memory.")
@click.option("-m", "--model", required=True, help="The model.")
@click.option("-i", "--input", "source", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A .parquet, .csv, .jsonl or .json file.")  # fmt: skip
@click.option("-o", "--output", "target", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="The result: .parquet, .csv or .jsonl.")  # fmt: skip
@click.option("--params", metavar="JSON", help="Params for the model, such as '{\"temperature\": 0.5}'.")
@click.option("--rows", type=click.IntRange(1), default=10_000, show_default=True, help="Rows in one batch.")
@click.option("--with-input", is_flag=True, help="Keep the columns of the input beside the predictions.")
@click.option("--env", type=click.Choice(["local", "uv"]), default="local", show_default=True,
              help="Predict here, or in the model's own environment, rebuilt by uv.")  # fmt: skip
@click.option("--allow-pickle", is_flag=True, help="Let the model run code of its own; see 'tidemill models audit'.")
@uri_option
def predict(
    model: str,
    source: Path,
    target: Path,
    params: str | None,
    rows: int,
    with_input: bool,
    env: str,
    allow_pickle: bool,
    uri: str | None,
) -> None:
    """Predict every row of a file and write the predictions to another one, in constant memory."""
    from tidemill.models.batch import count_rows, score_file
    from tidemill.models.isolate import run_isolated
    from tidemill.models.load import load_pyfunc

    folder, given = _find(model, uri), _params(params)
    with counting("Predicting", count_rows(source)) as advance:
        if env == "uv":
            job = {
                "source": str(source),
                "target": str(target),
                "params": given,
                "rows": rows,
                "with_input": with_input,
            }
            done = run_isolated(folder, job, allow_pickle, advance)
        else:
            loaded = load_pyfunc(folder, allow_pickle=allow_pickle)
            done = score_file(loaded, source, target, params=given, rows=rows, with_input=with_input, advance=advance)
    output.note(f"{output.count_of(done, 'row')} predicted to {target}")


def _params(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidParameter(f"--params is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise InvalidParameter("--params must be a JSON object, such as '{\"temperature\": 0.5}'.")
    return found
