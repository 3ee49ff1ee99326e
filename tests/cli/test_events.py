"""`tidemill events`."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tidemill.api import webhooks
from tidemill.testing.receiver import ALLOWED, receiver
from tidemill.tracking.client import Client
from tidemill.types.webhooks import CreateWebhook

Cli = Callable[..., Any]
COMMAND = [sys.executable, "-m", "tidemill.cli.main"]


def test_tail(cli: Cli, filled: Path) -> None:
    lines = cli("events", "tail").works().lines
    assert len(lines) == 12
    assert "experiment.created" in lines[0]
    assert "run_name=apple" in "\n".join(lines)
    assert [line.split()[0] for line in lines] == sorted((line.split()[0] for line in lines), key=int)
    failed = [json.loads(line) for line in cli("events", "tail", "--kind", "run.failed", "--json").works().lines]
    assert [event["data"]["run_name"] for event in failed] == ["cherry"]
    assert len(cli("events", "tail", "--limit", "2").works().lines) == 2
    subject = failed[0]["subject"]
    assert len(cli("events", "tail", "--subject", subject).works().lines) == 2
    assert len(cli("events", "tail", "--after", str(failed[0]["id"]), "--kind", "run.*").works().lines) == 4
    assert "No event matches" in cli("events", "tail", "--kind", "x.y").works().err


def test_nothing_there(cli: Cli) -> None:
    assert "no store" in cli("events", "tail").works().err
    cli("events", "deliver", "--once").fails(1, "no store")


def test_following(filled: Path, tmp_path: Path) -> None:
    command = [*COMMAND, "events", "tail", "-f", "--json", "--limit", "1", "--kind", "experiment.*"]
    with subprocess.Popen(command, cwd=tmp_path, env=dict(os.environ), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["data"]["name"] == "vegetables"
        Client(filled).create_experiment("nuts")
        assert json.loads(process.stdout.readline())["data"]["name"] == "nuts"
        process.terminate()


def test_delivering_without_a_server(cli: Cli, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ALLOWED.items():
        monkeypatch.setenv(name, value)
    with receiver() as hook:
        client = Client(filled)
        cursor = client.last_event()
        arg = CreateWebhook(name="hook", url=hook.url, kinds=["experiment.*"], secret="s")
        client.call(webhooks.create, arg)
        client.create_experiment("nuts")
        assert "1 deliver" in cli("events", "deliver", "--once", **ALLOWED).works().err
        assert hook.calls[0].json["data"]["name"] == "nuts"
        found = list(client.events("experiment.*", after=cursor))
        assert [event.data["name"] for event in found] == ["nuts"]
        assert "0 deliver" in cli("events", "deliver", "--once", **ALLOWED).works().err
