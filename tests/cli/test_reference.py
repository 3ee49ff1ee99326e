"""docs/reference/cli.md has a paragraph for every command and names every option."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tidemill.cli.main import cli as root

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
EVERYWHERE = {"--uri", "--json", "--help", "--version"}


def every_command(command: click.Command = root, path: str = "tidemill") -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            assert found is not None
            yield from every_command(found, f"{path} {name}")


def sections() -> dict[str, str]:
    parts = re.split(r"^#+ (.*)$", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


COMMANDS = [(path, command) for path, command in every_command() if command is not root]


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_every_command_has_its_paragraph(path: str, command: click.Command) -> None:
    text = sections().get(path, "")
    assert len(text.split()) >= 4, f"docs/reference/cli.md says nothing about '{path}'"
    if "[server.md](server.md)" in text:
        text += PAGE.with_name("server.md").read_text()
    for option in command.params:
        if isinstance(option, click.Option):
            assert EVERYWHERE & set(option.opts) or any(name in text for name in option.opts), (path, option.opts)


def test_the_page_speaks_of_no_command_that_is_not_there() -> None:
    paths = dict(every_command())
    assert {title for title in sections() if title.startswith("tidemill")} <= set(paths)
    for words in re.findall(r"`(tidemill [a-z ]+)", PAGE.read_text()):
        known = [path for path in paths if words.strip().startswith(path)]
        assert any(path != "tidemill" for path in known), words


def test_what_holds_everywhere_is_said_at_the_top() -> None:
    top = PAGE.read_text().partition("\n## ")[0]
    assert all(name in top for name in EVERYWHERE)
