import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import pytest

from tidemill import __version__
from tidemill.cli.main import COMMANDS
from tidemill.cli.main import cli as root


def every_command(command: click.Command = root, path: str = "tidemill") -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            assert found is not None
            yield from every_command(found, f"{path} {name}")


def test_version(cli: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tidemill.cli.main", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == cli("--version").works().out == f"tidemill {__version__}\n"


def test_the_installed_command_is_this_one() -> None:
    (point,) = [one for one in entry_points(group="console_scripts") if one.name == "tidemill"]
    assert point.value == "tidemill.cli.main:main"


def test_the_line_of_a_command_in_the_table_is_the_one_in_its_own_help() -> None:
    for name, (_, line) in COMMANDS.items():
        command = root.get_command(click.Context(root), name)
        assert command is not None
        assert command.get_short_help_str(200).rstrip(".") in line or line.endswith("."), name


@pytest.mark.parametrize("path", [path for path, _ in every_command()])
def test_every_command_has_a_help_text(path: str) -> None:
    command = dict(every_command())[path]
    text = command.get_help(click.Context(command, info_name=path))
    assert command.help
    assert len(text.splitlines()) > 5
    assert "Show this message" in text
    assert max(map(len, text.splitlines())) <= 80
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, (path, option.name)


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_and_version_load_next_to_nothing(words: list[str]) -> None:
    code = (
        "import sys; from tidemill.cli.main import main; code = main(sys.argv[1:]);"
        "heavy = {'rich', 'msgspec', 'sqlite3', 'urllib3', 'starlette', 'sklearn', 'numpy', 'asyncio'} & set(sys.modules);"
        "print(heavy, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"


def test_without_a_command_the_help_is_shown(cli: Any) -> None:
    for words in ([], ["runs"], ["db"]):
        result = cli(*words)
        assert (result.code, result.out) == (2, "")
        assert "Usage: tidemill" in result.err
        assert "Error" not in result.err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["bogus"], "No such command 'bogus'"),
        (["runs", "bogus"], "No such command 'bogus'"),
        (["runs", "list", "--bogus"], "No such option"),
        (["runs", "show"], "Missing argument 'RUN'"),
        (["runs", "list", "--limit", "0"], "Invalid value for '--limit'"),
        (["runs", "list", "--limit", "many"], "Invalid value for '--limit'"),
        (["runs", "compare", "one"], "at least two"),
        (["server", "--port", "70000"], "Invalid value for '--port'"),
        (["experiments", "create", "x", "--tag", "novalue"], "KEY=VALUE"),
        (["gc", "--older-than", "soon"], "no age"),
        (["completion", "powershell"], "Invalid value"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(cli: Any, words: list[str], part: str) -> None:
    assert "--help" in cli(*words).fails(2, part)


@pytest.mark.parametrize(
    ("uri", "part"),
    [
        ("http://127.0.0.1:9", "Cannot reach the server"),
        ("postgresql://user:hidden@127.0.0.1:9/db", "PostgreSQL at 127.0.0.1"),
        ("mysql://user:hidden@host/db", "Tidemill cannot"),
        ("sqlite:///", "Tidemill cannot"),
        ("http://", "address"),
    ],
)
def test_a_bad_address_is_one_line_and_exit_code_1(cli: Any, uri: str, part: str) -> None:
    for words in (["--uri", uri, "runs", "list"], ["experiments", "list", "--uri", uri]):
        assert "hidden" not in cli(*words, TIDEMILL_HTTP_PATIENCE="0").fails(1, part)
    assert "hidden" not in cli("runs", "list", TIDEMILL_URI=uri, TIDEMILL_HTTP_PATIENCE="0").fails(1, part)


def test_a_server_that_speaks_no_tidemill(cli: Any, tmp_path: Path) -> None:
    code = (
        "import http.server as h; s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler);"
        "print(s.server_port, flush=True); s.serve_forever()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as other:
        assert other.stdout is not None
        port = other.stdout.readline().strip()
        try:
            cli("--uri", f"http://127.0.0.1:{port}", "runs", "list", TIDEMILL_HTTP_PATIENCE="0").fails(1)
        finally:
            other.kill()


def test_a_damaged_database(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"this is no database " * 500)
    for words in (["runs", "list"], ["experiments", "create", "x"]):
        cli("--uri", "broken.db", *words).fails(1, "broken.db")
    cli("db", "check", "broken.db").fails(1, "broken.db")


def test_a_place_where_nothing_can_be_written(cli: Any, tmp_path: Path) -> None:
    # /proc takes no folders, whoever asks; a file in the way of a folder neither.
    (tmp_path / "file").write_text("in the way")
    for place in ("/proc/tidemill", "file/below"):
        cli("--uri", place, "experiments", "create", "x").fails(1)
        cli("server", "--port", "0", "--store", f"{place}/x.db").fails(1)
        cli("server", "--port", "0", "--artifacts", f"{place}/x").fails(1)


def test_looking_creates_nothing(cli: Any, tmp_path: Path) -> None:
    for words in (["runs", "list"], ["experiments", "list"], ["runs", "search", "--filter", "metrics.a > 1"]):
        result = cli(*words).works()
        assert result.out == ""
        assert "no store at ./.tidemill" in result.err
    assert cli("runs", "list", "--json").works().json == []
    cli("runs", "show", "abc").fails(1, "no run 'abc'")
    cli("gc").fails(1, "no store")
    cli("db", "check").fails(1, "no database")
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_traceback(cli: Any) -> None:
    result = cli("runs", "show", "abc", TIDEMILL_DEBUG="1")
    assert result.code == 1
    assert "Traceback" in result.err
    assert "NotFound" in result.err


def test_uri_before_and_after_the_command(cli: Any, filled: Path, tmp_path: Path) -> None:
    filled.rename(tmp_path / "elsewhere")
    for words in (["--uri", "elsewhere", "runs", "list"], ["runs", "list", "--uri", "elsewhere/tidemill.db"]):
        assert "banana" in cli(*words).works().out
    assert "banana" in cli("runs", "list", MLFLOW_TRACKING_URI="elsewhere").works().out


@pytest.mark.parametrize("words", ["runs list", "runs export", "--help"])
def test_a_reader_that_stops_reading_is_no_error(filled: Path, tmp_path: Path, words: str) -> None:
    command = f"(sleep 0.3; exec {sys.executable} -m tidemill.cli.main {words}) | true"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_interrupting_is_quiet_and_130(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-m", "tidemill.cli.main", "--uri", address, "runs", "list"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        silent.settimeout(20)
        connection, _ = silent.accept()
        with connection, process:
            connection.recv(1)  # by now it waits for an answer
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert err.split() == ["Error:", "Interrupted."]
