"""Options that several commands have."""

from collections.abc import Callable
from typing import Any

import click

from tidemill.cli.candidates import complete_experiment
from tidemill.types.page import ViewType

Command = Callable[..., Any]

as_json = click.option("--json", "json_", is_flag=True, help="Print one JSON document instead of a table.")
order_by = click.option(
    "--order-by",
    "order_by",
    multiple=True,
    metavar="KEY",
    help="Sort by KEY or 'KEY DESC', such as start_time. Repeatable.",
)
deleted_only = click.option("--deleted", "view", flag_value=ViewType.DELETED_ONLY.value, help="Show deleted ones only.")
deleted_too = click.option("--all", "view", flag_value=ViewType.ALL.value, help="Deleted ones too.")
in_experiments = click.option(
    "-e",
    "--experiment",
    "names",
    multiple=True,
    metavar="EXPERIMENT",
    shell_complete=complete_experiment,
    help="Only runs of this experiment (id or name). Repeatable. Default: all experiments.",
)
run_filter = click.option(
    "--filter",
    "condition",
    metavar="TEXT",
    default="",
    help="Which runs, such as \"metrics.loss < 0.1 AND params.model = 'ridge'\".",
)


def limit(default: int) -> Callable[[Command], Command]:
    """`--limit`, how many things to show."""
    return click.option(
        "--limit", type=click.IntRange(1), default=default, show_default=True, help="Show at most so many."
    )


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator; in `--help` they stand in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
