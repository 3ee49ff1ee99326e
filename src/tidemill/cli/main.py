"""The command `tidemill`: its groups, and the one place where errors become a line and an exit code.

Command modules are imported when their command runs, so that `tidemill --help` stays quick.

Exit codes: 0 done, 1 an error (one line on standard error says which), 2 wrong usage, 130 interrupted.
"""

import importlib
import os
import sys
from collections.abc import Sequence

import click

from tidemill import settings
from tidemill.errors import TidemillError

COMMANDS = {
    "demo": ("demo:demo", "Train models on real data and log everything, to look around with."),
    "run": ("run:run", "Run a project: a folder, a git address or an archive."),
    "sweep": ("sweep:sweep", "Run a project with many parameters."),
    "agent": ("agent:agent", "Run jobs that were submitted over REST."),
    "server": ("server:server", "Serve a store over HTTP, for MLflow clients too."),
    "serve": ("serve:serve", "Serve models over HTTP, following their aliases."),
    "deployments": ("deployments:deployments", "List what serves where, and go back to the version before."),
    "experiments": ("experiments:experiments", "List, create, rename, delete and restore experiments."),
    "runs": ("runs:runs", "List, show, compare, search, export, delete and restore runs."),
    "registry": ("registry:registry", "Registered models: list, show, move aliases and stages, approve, compare."),
    "artifacts": ("artifacts:artifacts", "List, download and upload the files of a run."),
    "models": ("models:models", "Show, audit and predict with models."),
    "sync": ("sync:sync", "Send what was logged without a network, or is left of programs that died."),
    "journal": ("journal:journal", "List and check what waits on this disk to be sent."),
    "events": ("events:events", "Show what has happened, and deliver it."),
    "gc": ("gc:gc", "Remove for good what was deleted, with its files."),
    "db": ("db:db", "Upgrade a database, or check that it is whole."),
    "completion": ("completion:completion", "Print the script that completes commands in your shell."),
}
"""Each command: where it lives below `tidemill.cli`, and its line in `tidemill --help`."""


class Commands(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"tidemill.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in `--help`, from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from tidemill import __version__

        click.echo(f"tidemill {__version__}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--uri",
    metavar="ADDRESS",
    help="Where to read and write: a folder, an SQLite file, postgresql://… or the http://… address of a server. "
    "Default: TIDEMILL_URI, then MLFLOW_TRACKING_URI, then the folder ./.tidemill.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
def cli(uri: str | None) -> None:
    """Tidemill: experiments, runs, metrics and files of machine-learning models."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and answer its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without Unicode gets question marks, not a crash
    try:
        code = cli.main(args=None if argv is None else list(argv), prog_name="tidemill", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, click.Abort):
        return _fail("Interrupted.", 130)
    except click.UsageError as error:
        return _usage(error)
    except Exception as error:
        if settings.debug():
            raise
        return _fail(sentence(error), 1)


def sentence(error: Exception) -> str:
    """What went wrong, on one line."""
    if isinstance(error, TidemillError):
        text = error.message
    elif isinstance(error, click.ClickException):
        text = error.format_message()
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: '{error.filename}'" if error.filename else error.strerror
    else:
        text = f"{type(error).__name__}: {error}. This should not happen; TIDEMILL_DEBUG=1 shows where it came from."
    return " ".join(text.split())


def _usage(error: click.UsageError) -> int:
    if error.ctx is not None and isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
        click.echo(error.ctx.get_help(), err=True)
        return error.exit_code
    where = error.ctx.command_path if error.ctx is not None else "tidemill"
    return _fail(f"{' '.join(error.format_message().split())} See: {where} --help", error.exit_code)


def _fail(text: str, code: int) -> int:
    from tidemill.cli.output import plain

    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    click.echo(f"{click.style('Error:', fg='red', bold=True) if colour else 'Error:'} {plain(text)}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
