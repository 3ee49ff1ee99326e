"""The tutorial on training without a network does what it says."""

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tidemill.testing.faults import program
from tidemill.testing.server import ServerProcess
from tidemill.tracking.client import Client

PAGE = Path(__file__).parents[2] / "docs" / "tutorials" / "offline.md"
CLI = [sys.executable, "-c", "import sys; from tidemill.cli.main import main; sys.exit(main())"]


def test_the_tutorial(start: Callable[[], AbstractContextManager[ServerProcess]], address: str, work: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exports = dict(re.findall(r"export (\w+)=(\S+)", text))
    exports["TIDEMILL_URI"] = address  # nobody is there yet
    with program(script, work, exports) as training:
        _, said = training.communicate(timeout=60)
    assert training.returncode == 0, said
    assert "offline:" in said
    commands = re.findall(r"^tidemill (\S.*)$", text, re.MULTILINE)
    assert commands[:2] == ["journal ls", "sync"]
    with start():
        for command in commands[:2]:
            done = subprocess.run([*CLI, *command.split()], cwd=work, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
        client = Client(address)
        experiment = client.get_experiment_by_name("cluster")
        assert experiment is not None
        (run,) = client.search_runs([experiment.experiment_id])
        assert (run.info.run_name, run.info.status) == ("night shift", "FINISHED")
        assert run.data.params == {"lr": "0.01", "layers": "4"}
        assert len(client.get_metric_history(run.info.run_id, "loss")) == 1000
        assert Path(client.download_artifacts(run.info.run_id, "notes.txt")).read_text() == "trained on node 17"


def test_another_store_can_be_named(work: Path, address: str) -> None:
    script = "import tidemill\nwith tidemill.start_run():\n    tidemill.log_metric('loss', 1)\n"
    with program(script, work, {"TIDEMILL_URI": address, "TIDEMILL_OFFLINE": "1"}) as training:
        training.communicate(timeout=60)
    done = subprocess.run(
        [*CLI, "sync", ".tidemill", "--to", "./results"], cwd=work, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    (run,) = Client(work / "results").search_runs(["0"])
    assert run.data.metrics == {"loss": 1.0}
    assert run.info.status == "FINISHED"
