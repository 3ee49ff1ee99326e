"""Triggers: which events they wait for, what a command is told, limits, and what is kept of it."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tidemill.api import runs, triggers
from tidemill.errors import InvalidParameter, NotFound
from tidemill.events import webhooks as sender
from tidemill.events.egress import Egress, Rules
from tidemill.events.trigger_file import Action, Project, load
from tidemill.events.triggers import TriggerRunner, project_command
from tidemill.events.webhooks import WebhookSender
from tidemill.server.lifespan import open_deliverer
from tidemill.store.backend import SqlBackend
from tidemill.store.outbox import emit
from tidemill.testing.databases import embedded
from tidemill.testing.receiver import ALLOWED, Receiver
from tidemill.testing.server import server_process
from tidemill.transport.http import HttpBackend
from tidemill.types import triggers as t
from tidemill.types import webhooks as w
from tidemill.types.events import Event
from tidemill.types.runs import CreateRun

LOOSE = Rules(("http",), private=True, timeout_s=2.0)
Begin = Callable[..., SqlBackend]


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Opens a store with triggers at work."""
    monkeypatch.setattr(sender, "pause", lambda tries: 0.05)
    stops = []
    with embedded(str(tmp_path / "t.db"), tmp_path / "artifacts") as store:

        def start(*actions: Action) -> SqlBackend:
            way_out = WebhookSender(Egress(LOOSE))
            found = open_deliverer(store, way_out, TriggerRunner(actions, Egress(LOOSE), "the store"))
            found.start()
            stops.append(found.stop)
            return store

        yield start
        for stop in stops:
            stop()


def script(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "command.py"
    path.write_text(text)
    return [sys.executable, str(path)]


def tell(store: SqlBackend, kind: str = "test.thing", subject: str = "test/1", **data: Any) -> None:
    store.database.write(store.site, lambda tx: emit(tx, kind, subject, data))


def runs_of(store: Any, name: str, state: w.DeliveryState | None = None) -> list[w.Delivery]:
    return list(store.call(triggers.list_runs, t.ListTriggerRuns(name, state)).deliveries)


def wait_for(store: Any, name: str, state: w.DeliveryState, count: int = 1) -> list[w.Delivery]:
    deadline = time.monotonic() + 20
    while len(found := runs_of(store, name, state)) < count:
        assert time.monotonic() < deadline, runs_of(store, name)
        time.sleep(0.05)
    return found


def test_a_command_is_told_the_event(begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_SECRET_KEY", "not for commands, and longer than thirty-two")
    monkeypatch.setenv("WANTED", "yes")
    command = script(
        tmp_path,
        "import json, os, sys\n"
        "json.dump({'in': json.load(sys.stdin), 'env': dict(os.environ), 'argv': sys.argv[1:]}, open('said.json', 'w'))\n"
        "print('done'); print('and noted', file=sys.stderr)",
    )
    store = begin(
        Action("note", ["test.*"], command=[*command, "$HOME;`id`"], folder=str(tmp_path), env={"MORE": "1"},
               pass_env=["WANTED"])
    )  # fmt: skip
    tell(store, subject="test/a b", name="--force; rm -rf /", number=3, on=True, nested={"x": 1})
    (done,) = wait_for(store, "note", w.DeliveryState.DELIVERED)
    said = json.loads((tmp_path / "said.json").read_text())
    assert said["in"]["data"] == {"name": "--force; rm -rf /", "number": 3, "on": True, "nested": {"x": 1}}
    assert said["argv"] == ["$HOME;`id`"]
    ours = {name: value for name, value in said["env"].items() if name.startswith("TIDEMILL_")}
    assert ours == {
        "TIDEMILL_EVENT_ID": str(done.event_id), "TIDEMILL_EVENT_KIND": "test.thing", "TIDEMILL_EVENT_SUBJECT": "test/a b",
        "TIDEMILL_EVENT_TIME": str(said["in"]["time"]), "TIDEMILL_EVENT_TRY": "1",
        "TIDEMILL_EVENT_DELIVERY_ID": done.delivery_id, "TIDEMILL_EVENT_DATA_NAME": "--force; rm -rf /",
        "TIDEMILL_EVENT_DATA_NUMBER": "3", "TIDEMILL_EVENT_DATA_ON": "true",
    }  # fmt: skip
    assert (said["env"]["MORE"], said["env"]["WANTED"]) == ("1", "yes")
    assert (done.attempts[0].status, done.attempts[0].body) == (0, "done\nand noted\n") or "done" in done.attempts[
        0
    ].body


def test_which_events(begin: Begin, tmp_path: Path) -> None:
    command = script(tmp_path, "pass")
    store = begin(
        Action(
            "one", ["model_version_alias.moved"], subject="registered_model/a", where={"alias": "x"}, command=command
        ),
        Action(
            "stars",
            ["model_version_alias.*"],
            subject="registered_model/*",
            where={"on": True, "n": 2},
            command=command,
        ),
    )
    kind, subject = "model_version_alias.moved", "registered_model/a"
    tell(store, kind, subject, alias="y")
    tell(store, kind, "registered_model/b", alias="x")
    tell(store, "model_version.created", subject, alias="x")
    tell(store, kind, subject, alias="x", number=1)
    tell(store, kind, "registered_model/c", on=True, n=2)
    tell(store, kind, "registered_model/c", on=False, n=2)
    (one,) = wait_for(store, "one", w.DeliveryState.DELIVERED)
    assert json.loads(one.request)["data"]["number"] == 1
    wait_for(store, "stars", w.DeliveryState.DELIVERED)
    time.sleep(0.3)
    assert [len(runs_of(store, name)) for name in ("one", "stars")] == [1, 1]
    shown = store.call(triggers.list_triggers, t.ListTriggers()).triggers
    assert [(one.name, one.does) for one in shown] == [("one", "command"), ("stars", "command")]


def test_failure_retries_and_again(begin: Begin, tmp_path: Path) -> None:
    flag = tmp_path / "good"
    command = script(
        tmp_path,
        f"import os, sys; print(os.environ['TIDEMILL_EVENT_TRY']); sys.exit(not os.path.exists({str(flag)!r}))",
    )
    shaky = Action("shaky", ["test.*"], command=command, retries=2)
    store = begin(shaky, Action("none", ["test.*"], command=["/no/such"], retries=0))
    tell(store)
    (dead,) = wait_for(store, "shaky", w.DeliveryState.DEAD)
    assert [(one.status, one.body.strip()) for one in dead.attempts] == [(1, "1"), (1, "2"), (1, "3")]
    assert dead.attempts[0].error == "The command ended with the exit code 1."
    (gone,) = wait_for(store, "none", w.DeliveryState.DEAD)
    assert "cannot be started" in gone.attempts[0].error
    flag.touch()
    store.call(triggers.run_again, t.RunTriggerAgain("shaky", dead.delivery_id))
    (done,) = wait_for(store, "shaky", w.DeliveryState.DELIVERED)
    assert done.delivery_id == dead.delivery_id
    for call in (
        lambda: store.call(triggers.run_again, t.RunTriggerAgain("shaky", "nope")),
        lambda: store.call(triggers.run_again, t.RunTriggerAgain("nope", dead.delivery_id)),
        lambda: store.call(triggers.list_runs, t.ListTriggerRuns("nope")),
    ):
        with pytest.raises(NotFound):
            call()


FAMILY = """
import os, subprocess, sys, time
child = "import os, time; os.setsid(); open('child', 'w').write(str(os.getpid())); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", child])
while not os.path.exists("child") or not open("child").read():
    time.sleep(0.01)
time.sleep(LAST)
"""


def alive(path: Path) -> bool:
    pid = int(path.read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return False
        except (OSError, FileNotFoundError):
            return False
        time.sleep(0.05)
    return True


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes that leave their group are found on Linux")
@pytest.mark.parametrize("last", [0, 600])
def test_a_family_ends_with_its_command(begin: Begin, tmp_path: Path, last: int) -> None:
    command = script(tmp_path, FAMILY.replace("LAST", str(last)))
    store = begin(Action("family", ["test.*"], command=command, folder=str(tmp_path), time_limit=2.0, retries=0))
    tell(store)
    (ended,) = wait_for(store, "family", w.DeliveryState.DEAD if last else w.DeliveryState.DELIVERED)
    if last:
        assert ended.attempts[0].error == "It took longer than 2 s and was ended."
    assert not alive(tmp_path / "child")


def test_one_at_a_time_and_several(begin: Begin, tmp_path: Path) -> None:
    command = script(tmp_path, "import time; print(time.time()); time.sleep(0.6); print(time.time())")
    store = begin(
        Action("one", ["test.*"], command=command), Action("three", ["test.*"], command=command, concurrency=3)
    )
    for number in range(3):
        tell(store, subject=f"test/{number}")

    def overlap(name: str) -> bool:
        times = [
            tuple(map(float, one.attempts[0].body.split()))
            for one in wait_for(store, name, w.DeliveryState.DELIVERED, 3)
        ]
        times.sort()
        return any(later[0] < earlier[1] for earlier, later in pairwise(times))

    assert not overlap("one")
    assert overlap("three")


def test_an_http_call(begin: Begin, hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s")
    from tidemill.events.trigger_file import Call

    calls = [Call(hook.url, {"Authorization": "Bearer x"}, "HOOK_SECRET"), Call("http://127.0.0.1:1/")]
    store = begin(
        Action("call", ["test.*"], http=calls[0]), Action("nobody", ["test.*"], http=calls[1], retries=0),
        Action("inside", ["test.*"], http=Call("ftp://127.0.0.1/"), retries=5),
    )  # fmt: skip
    tell(store, number=1)
    (call,) = hook.wait(1)
    assert call.json["data"] == {"number": 1}
    assert call.headers["authorization"] == "Bearer x"
    assert call.headers["x-mlflow-signature"].startswith("v1,")
    assert "cannot be reached" in wait_for(store, "nobody", w.DeliveryState.DEAD)[0].attempts[0].error
    (refused,) = wait_for(store, "inside", w.DeliveryState.DEAD)
    assert refused.attempts[0].error.startswith("Invalid trigger URL scheme")
    assert refused.tries == 1


def test_the_words_of_a_project() -> None:
    params = {"model": "{data.name}", "run": "{subject}/{id}/{data.no}"}
    project = Project("https://example.org/p.git", "train", params, ["-e", "x"])
    event = Event(7, 1, "run.failed", "run/1", {"name": "--evil $(id)"})
    command = project_command(Action("p", ["*"], project=project), event)
    assert command[1:] == [
        "-m", "tidemill.cli.main", "run", "-e", "x", "--entry-point", "train", "--param", "model=--evil $(id)",
        "--param", "run=run/1/7/", "--", "https://example.org/p.git",
    ]  # fmt: skip


GOOD = '[[trigger]]\nname = "a"\nkinds = ["run.*"]\ncommand = ["true"]\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[trigger", "not TOML"),
        (GOOD + "comand = 1\n", "comand"),
        (GOOD + GOOD, "Two triggers"),
        (GOOD.replace('"a"', '"a/b"'), "needs a name"),
        (GOOD.replace('["run.*"]', "[]"), "names no kinds"),
        (GOOD.replace('command = ["true"]', ""), "exactly one of"),
        (GOOD + 'http = { url = "https://example.org" }\n', "exactly one of"),
        (GOOD + "time_limit = 0\n", "positive time_limit"),
        (GOOD + "concurrency = 0\n", "concurrency"),
        (GOOD.replace('["true"]', '"true"'), "Expected"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "triggers.toml"
    path.write_text(text)
    with pytest.raises(InvalidParameter, match=words):
        load(str(path))


def test_a_file_that_everybody_may_write_to(tmp_path: Path) -> None:
    path = tmp_path / "triggers.toml"
    path.write_text(GOOD)
    assert [action.name for action in load(str(path))] == ["a"]
    path.chmod(0o666)
    with pytest.raises(InvalidParameter, match="Everybody may write"):
        load(str(path))
    with pytest.raises(InvalidParameter, match="cannot be read"):
        load(str(tmp_path / "nothing"))


def test_a_server_with_a_file_stops_its_commands_and_runs_them_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    text = (
        "import os, time\n"
        "open(LOG, 'a').write(os.environ['TIDEMILL_EVENT_DELIVERY_ID'] + '\\n')\n"
        "time.sleep(0 if len(open(LOG).readlines()) > 1 else 600)"
    )
    command = script(tmp_path, text.replace("LOG", repr(str(log))))
    file = tmp_path / "triggers.toml"
    file.write_text(f'[[trigger]]\nname = "slow"\nkinds = ["run.created"]\ncommand = {json.dumps(command)}\n')
    with server_process(tmp_path / "s.db", tmp_path / "artifacts", "--triggers", str(file), env=ALLOWED) as server:
        backend = HttpBackend(server.address)
        backend.call(runs.create, CreateRun("0", start_time=1))
        deadline = time.monotonic() + 20
        while not log.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        backend.close()
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 10
    with server_process(tmp_path / "s.db", tmp_path / "artifacts", "--triggers", str(file), env=ALLOWED) as server:
        backend = HttpBackend(server.address)
        (done,) = wait_for(backend, "slow", w.DeliveryState.DELIVERED)
        backend.close()
    assert log.read_text().splitlines() == [done.delivery_id] * 2
