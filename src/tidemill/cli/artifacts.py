"""`tidemill artifacts`: the files of a run."""

import os
from pathlib import Path

import click
import msgspec

from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.candidates import complete_run
from tidemill.cli.file_tree import list_folder, print_tree, walk
from tidemill.cli.find import find_run
from tidemill.cli.options import as_json
from tidemill.errors import NotFound
from tidemill.tracking.client import Client
from tidemill.types.artifacts import FileInfo


@click.group()
def artifacts() -> None:
    """List, download and upload the files of a run.

    A RUN is named by its id, the first characters of its id, or its name. A PATH is a file or folder of the run's,
    such as plots/roc.png; without one everything is meant.
    """


@artifacts.command("list", short_help="List files with their sizes.")
@click.argument("run", shell_complete=complete_run)
@click.argument("path", default="")
@click.option("-r", "--recursive", is_flag=True, help="List what folders hold, too.")
@as_json
@with_store
def list_(store: Store, run: str, path: str, recursive: bool, json_: bool) -> None:
    """List the files and folders of a run, or of one of its folders, with their sizes."""
    run_id = find_run(store, run).info.run_id
    found = list((walk if recursive else list_folder)(store, run_id, path))
    if json_:
        output.print_json(msgspec.to_builtins(found))
    elif found:
        print_tree(found, above=path.strip("/"))
        _say_total(found)
    else:
        output.note(f"There is nothing in '{path}'." if path else "This run has no files.")


def _say_total(found: list[FileInfo]) -> None:
    files = [one.file_size or 0 for one in found if not one.is_dir]
    output.note(f"{output.count_of(len(files), 'file')}, {output.size(sum(files))}")


@artifacts.command(short_help="Copy files of a run to this machine.")
@click.argument("run", shell_complete=complete_run)
@click.argument("path", default="")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Copy into this folder. Default: the working folder, or for everything a new folder named like the run.",
)
@with_store
def download(store: Store, run: str, path: str, folder: Path | None) -> None:
    """Copy a file, a folder or everything of a run to this machine, and print where it is.

    A path is kept: plots/roc.png comes to plots/roc.png below the folder. Files that are there are replaced.
    """
    info = find_run(store, run).info
    target = folder or Path("." if path else _folder_name(info.run_name, info.run_id))
    client = Client(store.address)
    output.emit(os.path.relpath(client.download_artifacts(info.run_id, path, target)))


def _folder_name(run_name: str, run_id: str) -> str:
    """A run's name if it can be that of a folder here, else its id."""
    plain = run_name and not run_name.startswith(".") and all(sign.isalnum() or sign in "-_=. " for sign in run_name)
    return run_name if plain else run_id


@artifacts.command(short_help="Copy a file or folder to a run.")
@click.argument("run", shell_complete=complete_run)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("path", default="")
@with_store
def upload(store: Store, run: str, source: Path, path: str) -> None:
    """Copy a file, or a folder with its name, from this machine into the run's folder PATH (default: its root)."""
    if not source.exists():
        raise NotFound(f"There is no file or folder '{source}' to upload.")
    info = find_run(store, run).info
    Client(store.address).log_artifact(info.run_id, source, path or None)
    output.note(f"Copied '{source}' to run {info.run_name}{f', folder {path}' if path else ''}.")
