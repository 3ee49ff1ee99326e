"""A run's files, walked folder by folder."""

import posixpath
from collections.abc import Iterator

from tidemill.api import artifacts
from tidemill.cli import output
from tidemill.cli.address import Store
from tidemill.cli.output import Cell, Column
from tidemill.types.artifacts import FileInfo, ListArtifacts


def list_folder(store: Store, run_id: str, path: str = "") -> Iterator[FileInfo]:
    """What lies directly in a folder of a run's artifacts, sorted; nothing where there is no such folder."""
    token: str | None = ""
    while token is not None:
        page = store.call(artifacts.list_files, ListArtifacts(run_id, path=path, page_token=token))
        yield from page.files
        token = page.next_page_token or None


def walk(store: Store, run_id: str, path: str = "") -> Iterator[FileInfo]:
    """Everything below a folder, each folder right before what it holds."""
    for one in list_folder(store, run_id, path):
        yield one
        if one.is_dir:
            yield from walk(store, run_id, one.path)


def print_tree(files: list[FileInfo], *, above: str = "", indent: int = 0) -> None:
    """Print files as a tree with their sizes; names are shown below the folder `above`."""
    columns = [Column("", least=20), Column("", right=True)]
    output.print_table(columns, [_row(one, above) for one in files], indent=indent)


def _row(one: FileInfo, above: str) -> list[Cell | str]:
    inside = posixpath.relpath(one.path, above) if above else one.path
    name = "  " * inside.count("/") + posixpath.basename(one.path)
    return [Cell(f"{name}/", "blue") if one.is_dir else name, "" if one.is_dir else output.size(one.file_size)]
