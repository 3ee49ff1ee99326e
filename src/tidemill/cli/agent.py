"""`tidemill agent`: run jobs that were submitted over REST."""

import os
import signal
import socket

import click

from tidemill import settings
from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.projects.agent import Agent, read_rules
from tidemill.projects.launch import store_client


@click.command()
@click.option("--file", "file", metavar="FILE", help="The executors' file, with the table [agent].")
@click.option("--name", metavar="NAME", help="The agent's name, its own in this store. Default: host and process.")
@click.option("--once", is_flag=True, help="Stop when nothing waits.")
@with_store
def agent(store: Store, file: str | None, name: str | None, once: bool) -> None:
    """Run jobs that were submitted over REST, on the executors of this machine's file."""
    path = file or settings.executors_file() or "executors.toml"
    if os.path.isfile(path):
        os.environ["TIDEMILL_EXECUTORS"] = os.path.abspath(path)  # names of executors mean those of this file
    rules = read_rules(path)
    found = Agent(store_client(store.address), rules, name or f"{socket.gethostname()}-{os.getpid()}", output.note)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: found.stop.set())
    output.note(f"Waiting for jobs for {', '.join(rules.executors)} in {store.shown}.")
    found.run(once)
