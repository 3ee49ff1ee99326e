"""Processes that follow a registry: aliases that move, versions that are broken, and everything that may be down."""

import http.client
import json
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tidemill.api import deployments, model_versions, registered_models
from tidemill.errors import Unavailable
from tidemill.models.save import save_model
from tidemill.testing.server import server_process, serving_process
from tidemill.tracking.client import Client
from tidemill.types.deployments import ListDeployments
from tidemill.types.model_versions import CreateModelVersion
from tidemill.types.registered_models import CreateRegisteredModel, SetAlias

GOOD = """
import numpy as np
from tidemill.models.script import set_model
def model(model_input):
    return np.full(len(model_input), {number})
set_model(model)
"""
RAISES = """
from tidemill.models.script import set_model
def model(model_input):
    raise RuntimeError("out of order")
set_model(model)
"""
UNLOADABLE = "raise RuntimeError('cannot even be imported')"
HANGS = """
import time, numpy as np
from tidemill.models.script import set_model
def model(model_input):
    if (model_input["a"] == 666).any():
        time.sleep(3600)
    return np.ones(len(model_input))
set_model(model)
"""
DIES = """
import os, numpy as np
from tidemill.models.script import set_model
def model(model_input):
    if (model_input["a"] == 666).any():
        os._exit(9)
    print("this must not disturb anybody")
    return np.full(len(model_input), os.getpid())
set_model(model)
"""
BODY = json.dumps({"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}).encode()
PATH = "/invocations"


class Registry:
    """A tracking server with the registered model `m`."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address, self.folder = address, folder
        self.client = Client(address)
        self.run = self.client.create_run("0").info.run_id
        self.call(registered_models.create, CreateRegisteredModel("m"))
        self.made = 0

    def call(self, op, arg):
        return self.client.backend.call(op, arg)

    def save(self, text: str) -> Path:
        """A model folder from the text of a script."""
        import pandas as pd

        from tidemill.models.signature import infer_signature

        self.made += 1
        script = self.folder / f"model_{self.made}.py"
        script.write_text(text)
        path = self.folder / f"model-{self.made}"
        frame = pd.DataFrame({"a": [1.0]})
        broken = text in (RAISES, UNLOADABLE)
        save_model("python_function", str(self.placeholder if text == UNLOADABLE else script), path,
                   signature=infer_signature(frame), input_example=None if broken else frame, pip_requirements=[])  # fmt: skip
        if text == UNLOADABLE:
            for one in path.rglob("*.py"):
                one.write_text(text)
        if broken:
            example = {"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}
            (path / "serving_input_example.json").write_text(json.dumps(example))
            mlmodel = path / "MLmodel"
            mlmodel.write_text(mlmodel.read_text() + "saved_input_example_info:\n  artifact_path: input_example.json\n"
                               "  serving_input_path: serving_input_example.json\n  type: dataframe\n")  # fmt: skip
        return path

    @property
    def placeholder(self) -> Path:
        path = self.folder / "placeholder.py"
        path.write_text(GOOD.format(number=0))
        return path

    def version(self, text: str) -> str:
        """Register a version; its number."""
        path = self.save(text)
        self.client.log_artifacts(self.run, path, path.name)
        source = f"{self.client.artifact_uri(self.run)}/{path.name}"
        made = self.call(model_versions.create, CreateModelVersion("m", source, self.run))
        return made.model_version.version

    def point(self, version: str, alias: str = "champion") -> None:
        self.call(registered_models.set_alias, SetAlias("m", alias, version))


@pytest.fixture
def registry(tmp_path):
    with server_process(tmp_path / "store.db", tmp_path / "artifacts") as server:
        made = Registry(server.address, tmp_path)
        made.server = server
        yield made


@contextmanager
def serving(registry, *models, options=(), cache="cache"):
    words = ("--allow-pickle", "--poll", "0.2", *options)
    with serving_process(*models, uri=registry.address, cache=registry.folder / cache, options=words) as process:
        yield process


def ask(process, body=BODY, path=PATH, verb="POST", headers=None):
    """(status, JSON or text, version)."""
    connection = http.client.HTTPConnection(urlsplit(process.address).netloc, timeout=30)
    try:
        connection.request(verb, path, body, {"Content-Type": "application/json", **(headers or {})})
        got = connection.getresponse()
        text = got.read()
        return got.status, json.loads(text) if text.startswith(b"{") else text, got.getheader("x-model-version")
    finally:
        connection.close()


def predicted(process, **more):
    status, answer, _ = ask(process, **more)
    assert status == 200, answer
    return answer["predictions"][0]


def about(process, name="m"):
    return ask(process, None, "/health", "GET")[1]["models"][name]


def test_an_alias_moves_under_load(registry, tools):
    """A hundred requests a second and twenty moves: no failed request, no wrong answer, no version left behind."""
    versions = [registry.version(GOOD.format(number=number)) for number in (1, 2, 3)]
    registry.point(versions[0])
    with serving(registry, "models:/m@champion") as process:
        stop, wrong, count = threading.Event(), [], [0]

        def load():
            while not stop.is_set():
                status, answer, version = ask(process)
                count[0] += 1
                if status != 200 or answer["predictions"] != [int(version)]:
                    wrong.append((status, answer, version))

        threads = [threading.Thread(target=load) for _ in range(3)]
        for one in threads:
            one.start()
        for move in range(20):
            registry.point(versions[move % 3])
            time.sleep(0.15)
        registry.point(versions[2])
        tools.until(lambda: predicted(process) == 3)
        stop.set()
        for one in threads:
            one.join()
        assert not wrong
        assert count[0] > 50
        (found,) = registry.call(deployments.list_deployments, ListDeployments("m")).deployments
        tools.until(
            lambda: registry.call(deployments.list_deployments, ListDeployments("m")).deployments[0].version == "3"
        )
        assert (found.name, found.url, found.model_address) == ("m", process.address, "models:/m@champion")
    assert registry.call(deployments.list_deployments, ListDeployments("m")).deployments == []


@pytest.mark.parametrize(("text", "why"), [(RAISES, "out of order"), (UNLOADABLE, "cannot even be imported")])
def test_a_broken_version_leaves_the_old_one(registry, tools, text, why):
    good, broken = registry.version(GOOD.format(number=1)), registry.version(text)
    registry.point(good)
    with serving(registry, "models:/m@champion") as process:
        assert predicted(process) == 1
        registry.point(broken)
        tools.until(lambda: why in about(process).get("problem", ""))
        assert predicted(process) == 1
        assert about(process)["healthy"]
        said = tools.until(
            lambda: registry.call(deployments.list_deployments, ListDeployments("m")).deployments[0].problem
        )
        assert why in said
        registry.point(registry.version(GOOD.format(number=3)))
        tools.until(lambda: predicted(process) == 3)
        assert "problem" not in about(process)
    # A new process goes by what worked, not by what is broken.
    registry.point(broken)
    with serving(registry, "models:/m@champion") as process:
        assert predicted(process) == 3
        assert why in about(process)["problem"]


def test_everything_is_down(registry, tools):
    """The registry and the artifact store go: serving goes on, a new process starts from its cache, another cannot."""
    registry.point(registry.version(GOOD.format(number=1)))
    with serving(registry, "models:/m@champion") as process:
        assert predicted(process) == 1
        registry.server.kill()
        time.sleep(0.5)
        assert predicted(process) == 1
        tools.until(lambda: "does not tell the version" in about(process).get("problem", ""))
    patience = ("--log-level", "warning")
    with serving(registry, "models:/m@champion", options=patience) as process:
        assert predicted(process) == 1
        assert "from the cache" in about(process)["problem"]
    with (
        pytest.raises(Unavailable, match="Cannot reach the server"),
        serving(registry, "models:/m@champion", cache="empty"),
    ):
        pass


def test_the_artifact_store_is_down(registry, tools):
    import shutil

    first, second = registry.version(GOOD.format(number=1)), registry.version(GOOD.format(number=2))
    registry.point(first)
    with serving(registry, "models:/m@champion") as process:
        store = registry.folder / "artifacts"
        shutil.move(store, registry.folder / "away")
        registry.point(second)
        tools.until(lambda: "version 2 cannot be served" in about(process).get("problem", ""))
        assert predicted(process) == 1
        shutil.rmtree(store, ignore_errors=True)
        shutil.move(registry.folder / "away", store)
        tools.until(lambda: predicted(process) == 2, 30)


def test_a_moved_alias_is_heard_of_at_once(registry, tools):
    """With looks at the registry an hour apart, only the event feed can bring the news."""
    asked = urlsplit(registry.address)
    connection = http.client.HTTPConnection(asked.netloc, timeout=5)
    connection.request("GET", "/api/tidemill/1/events/feed")
    if connection.getresponse().status != 200:
        pytest.skip("this server has no event feed")
    connection.close()
    registry.point(registry.version(GOOD.format(number=1)))
    with serving(registry, "models:/m@champion", options=("--poll", "3600")) as process:
        assert predicted(process) == 1
        time.sleep(1)
        registry.point(registry.version(GOOD.format(number=2)))
        tools.until(lambda: predicted(process) == 2)


def test_going_back(registry, tools):
    registry.point(registry.version(GOOD.format(number=1)))
    (registry.folder / "admin").write_text("root\n")
    options = ("--admin-token-file", str(registry.folder / "admin"))
    root = {"Authorization": "Bearer root"}
    with serving(registry, "models:/m@champion", options=options) as process:
        registry.point(registry.version(GOOD.format(number=2)))
        tools.until(lambda: predicted(process, headers=root) == 2)
        assert ask(process, b"", "/models/m/rollback", headers=root)[1]["version"] == "1"
        time.sleep(1)  # several looks at the registry, whose alias still points at 2
        assert predicted(process, headers=root) == 1
        registry.point(registry.version(GOOD.format(number=3)))
        tools.until(lambda: predicted(process, headers=root) == 3)


def test_canary_and_shadow_follow_too(registry, tools):
    registry.point(registry.version(GOOD.format(number=1)))
    registry.point(registry.version(GOOD.format(number=2)), "next")
    options = ("--canary", "m=models:/m@next:100%", "--shadow", "models:/m@next")
    with serving(registry, "models:/m@champion", options=options) as process:
        assert predicted(process) == 2
        assert about(process)["current"]["version"] == "1"
        registry.point(registry.version(GOOD.format(number=3)), "next")
        tools.until(lambda: predicted(process) == 3)
        tools.until(lambda: about(process)["shadow"]["version"] == "3")
        told = registry.call(deployments.list_deployments, ListDeployments("m")).deployments[0]
        assert (told.canary_percent, told.version) == (100.0, "1")


def test_folders_and_files_of_runs(registry):
    folder = registry.save(GOOD.format(number=7))
    version = registry.version(GOOD.format(number=8))
    with serving(registry, f"seven={folder}", f"models:/m/{version}", f"run=runs:/{registry.run}/model-2") as process:
        for name, number in (("seven", 7), ("m", 8), ("run", 8)):
            assert predicted(process, path=f"/models/{name}/invocations") == number


@pytest.mark.parametrize("options", [(), ("--isolate",)])
def test_a_model_that_hangs(registry, tools, options):
    registry.point(registry.version(HANGS))
    with serving(registry, "models:/m@champion", options=("--timeout", "0.5", *options)) as process:
        assert predicted(process) == 1
        assert ask(process, BODY.replace(b"1.0", b"666"))[0] in (503, 504)
        assert tools.until(lambda: (got := ask(process))[0] == 200 and got)[1]["predictions"] == [1]


def test_a_process_that_dies_is_started_again(registry, tools):
    import os
    import signal

    registry.point(registry.version(DIES))
    with serving(registry, "models:/m@champion", options=("--isolate",)) as process:
        first = predicted(process)
        assert first != process.process.pid
        os.kill(first, signal.SIGKILL)
        second = predicted(process)
        assert second not in (first, process.process.pid)
        assert ask(process, BODY.replace(b"1.0", b"666"))[0] == 503
        assert tools.until(lambda: (got := ask(process))[0] == 200 and got)[1]["predictions"] != [second]


def test_stopping_lets_requests_finish(registry):
    slow = (
        GOOD.format(number=1)
        .replace("import numpy as np", "import numpy as np, time")
        .replace("    return", "    time.sleep(0.7)\n    return")
    )
    registry.point(registry.version(slow))
    with serving(registry, "models:/m@champion") as process:
        found = []
        thread = threading.Thread(target=lambda: found.append(ask(process)[0]))
        thread.start()
        time.sleep(0.3)
        assert process.stop() == 0
        thread.join()
        assert found == [200]


def test_a_model_that_runs_code_needs_trust(registry):
    registry.point(registry.version(GOOD.format(number=1)))
    refused = pytest.raises(Unavailable, match="can run any code")
    with refused, serving_process("models:/m@champion", uri=registry.address, cache=registry.folder / "c"):
        pass
