import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import tidemill
from tidemill.errors import InvalidParameter, TidemillError
from tidemill.tracking.system import SystemMonitor

pytest.importorskip("psutil")
Script = Callable[..., "CompletedProcess[str]"]

EVERYWHERE = {
    "cpu_utilization_percentage",
    "system_memory_usage_megabytes",
    "system_memory_usage_percentage",
    "process_cpu_utilization_percentage",
    "process_memory_usage_megabytes",
    "disk_usage_percentage",
    "disk_usage_megabytes",
    "disk_available_megabytes",
    "network_receive_megabytes",
    "network_transmit_megabytes",
}


def recorded(run: tidemill.ActiveRun) -> dict[str, float]:
    found: dict[str, float] = tidemill.get_run(run.info.run_id).data.metrics
    return found


def names_of_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_the_load_is_sampled_with_mlflows_names(store: str) -> None:
    tidemill.set_system_metrics_sampling_interval(0.1)
    with tidemill.start_run(log_system_metrics=True) as run:
        sum(n * n for n in range(3_000_000))
        time.sleep(0.4)
    found = recorded(run)
    assert {f"system/{name}" for name in EVERYWHERE} <= set(found)
    assert 0 < found["system/system_memory_usage_percentage"] < 100
    assert 0 <= found["system/cpu_utilization_percentage"] <= 100
    assert found["system/process_memory_usage_megabytes"] > 10
    history = tidemill.Client().get_metric_history(run.info.run_id, "system/cpu_utilization_percentage")
    assert len(history) >= 3
    assert [point.step for point in history] == list(range(len(history)))
    busy = tidemill.Client().get_metric_history(run.info.run_id, "system/process_cpu_utilization_percentage")
    assert max(point.value for point in busy) > 1
    assert "tidemill-system-metrics" not in names_of_threads()


def test_samples_are_put_together_as_their_mean(store: str) -> None:
    tidemill.set_system_metrics_sampling_interval(0.1)
    tidemill.set_system_metrics_samples_before_logging(1000)
    with tidemill.start_run(log_system_metrics=True) as run:
        time.sleep(0.5)
    history = tidemill.Client().get_metric_history(run.info.run_id, "system/disk_usage_percentage")
    assert len(history) == 1


def test_a_short_run_has_a_sample(store: str) -> None:
    with tidemill.start_run(log_system_metrics=True) as run:
        time.sleep(0.2)
    assert "system/cpu_utilization_percentage" in recorded(run)


def test_a_resumed_run_goes_on_with_its_steps(store: str) -> None:
    with tidemill.start_run(log_system_metrics=True) as run:
        time.sleep(0.2)
    with tidemill.start_run(run_id=run.info.run_id, log_system_metrics=True):
        time.sleep(0.2)
    history = tidemill.Client().get_metric_history(run.info.run_id, "system/cpu_utilization_percentage")
    assert [point.step for point in history] == [0, 1]


def test_the_node_is_part_of_the_names(store: str) -> None:
    tidemill.set_system_metrics_node_id("rank3")
    with tidemill.start_run(log_system_metrics=True) as run:
        time.sleep(0.2)
    assert "system/rank3/cpu_utilization_percentage" in recorded(run)
    tidemill.set_system_metrics_node_id(None)
    assert "MLFLOW_SYSTEM_METRICS_NODE_ID" not in os.environ


@pytest.mark.parametrize(
    "env, argument, expected",
    [
        ({}, None, False),
        ({"MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "true"}, None, True),
        ({"TIDEMILL_SYSTEM_METRICS": "1"}, None, True),
        ({"TIDEMILL_SYSTEM_METRICS": "0", "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "1"}, None, False),
        ({"TIDEMILL_SYSTEM_METRICS": "1"}, False, False),
    ],
)
def test_switches(env: dict[str, str], argument: bool | None, expected: bool) -> None:
    os.environ.update(env)
    with tidemill.start_run(log_system_metrics=argument):
        assert ("tidemill-system-metrics" in names_of_threads()) is expected


def test_one_call_switches_it_for_all_runs() -> None:
    tidemill.enable_system_metrics_logging()
    with tidemill.start_run():
        assert "tidemill-system-metrics" in names_of_threads()
    tidemill.disable_system_metrics_logging()
    with tidemill.start_run():
        assert "tidemill-system-metrics" not in names_of_threads()


def test_wrong_intervals_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="more than 0"):
        tidemill.set_system_metrics_sampling_interval(0)
    with pytest.raises(InvalidParameter, match="more than 0"):
        tidemill.set_system_metrics_samples_before_logging(-1)
    tidemill.set_system_metrics_sampling_interval(None)


def test_without_psutil_there_is_one_warning_and_the_run_goes_on(script: Script) -> None:
    done = script(
        "import sys\n"
        "sys.modules['psutil'] = None\n"
        "import tidemill\n"
        "with tidemill.start_run(log_system_metrics=True): tidemill.log_metric('m', 1)\n"
    )
    assert done.stderr.count("tidemill: system metrics") == 1
    assert "pip install 'tidemill[system]'" in done.stderr


class Away(tidemill.Client):
    """A client whose server does not answer."""

    def log_metrics(self, *_: object, **__: object) -> None:  # type: ignore[override]
        raise TidemillError("nobody is there")


def test_a_server_that_fails_is_one_line_and_never_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"] = "0.1"
    with tidemill.start_run() as run:
        monitor = SystemMonitor(Away(), run.info.run_id)
        time.sleep(0.6)
        monitor.finish()
    assert capsys.readouterr().err.count("could not be logged: nobody is there") == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_does_not_sample(script: Script) -> None:
    script(
        "import os, threading, time, tidemill\n"
        "with tidemill.start_run(log_system_metrics=True):\n"
        "    if (pid := os.fork()) == 0:\n"
        "        os._exit(len(threading.enumerate()))\n"
        "    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1\n"
        "    time.sleep(0.2)\n",
        PYTHONWARNINGS="ignore",
    )


def test_a_killed_process_leaves_nothing_behind(script: Script) -> None:
    done = script(
        "import os, signal, time, tidemill\n"
        "tidemill.set_system_metrics_sampling_interval(0.1)\n"
        "tidemill.start_run(log_system_metrics=True)\n"
        "time.sleep(0.5)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n",
        check=False,
    )
    assert done.returncode < 0 or sys.platform == "win32"
    (run,) = tidemill.search_runs(output_format="list")
    assert run.data.metrics["system/process_memory_usage_megabytes"] > 1


NVML = """
typedef void *device; struct memory { unsigned long long total, free, used; }; struct load { unsigned gpu, memory; };
static device known[2] = {(device)1, (device)2};
int nvmlInitWithFlags(unsigned flags) { return INIT; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return "no"; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, device *found) { *found = known[index]; return 0; }
int nvmlDeviceGetMemoryInfo(device one, struct memory *found) {
    found->total = 80000000000; found->used = 20000000000 * (unsigned long long)one; found->free = 0; return 0; }
int nvmlDeviceGetUtilizationRates(device one, struct load *found) { found->gpu = 55; found->memory = 5; return 0; }
int nvmlDeviceGetPowerUsage(device one, unsigned *found) { *found = 350000; return one == known[1] ? 3 : 0; }
int nvmlDeviceGetEnforcedPowerLimit(device one, unsigned *found) { *found = 700000; return 0; }
int nvmlDeviceGetTemperature(device one, int sensor, unsigned *found) { *found = 60 + sensor; return 0; }
"""
"""NVIDIA's library as nvidia-ml-py calls it: two GPUs, of which the second does not tell its power (3: not supported)."""

WITH_GPU = """
import json, time, tidemill
tidemill.set_system_metrics_sampling_interval(0.1)
with tidemill.start_run(log_system_metrics=True) as run:
    time.sleep(0.5)
found = tidemill.get_run(run.info.run_id).data.metrics
print(json.dumps({key: value for key, value in found.items() if "gpu" in key or "cpu_util" in key}))
"""


@pytest.mark.parametrize("init", [0, 9])
def test_gpus_as_their_driver_tells_of_them(init: int, tmp_path: Path) -> None:
    pytest.importorskip("pynvml", reason="needs nvidia-ml-py")
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler, to stand in for NVIDIA's library")
    (tmp_path / "nvml.c").write_text(NVML.replace("INIT", str(init)))
    command = [compiler, "-shared", "-fPIC", "-w", "-o", str(tmp_path / "libnvidia-ml.so.1"), str(tmp_path / "nvml.c")]
    subprocess.run(command, check=True, timeout=60)
    env = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path), "TIDEMILL_URI": str(tmp_path / "store")}
    done = subprocess.run([sys.executable, "-c", WITH_GPU], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert "system/cpu_utilization_percentage" in found
    gpus = {key.removeprefix("system/"): value for key, value in found.items() if "gpu" in key}
    if init:  # 9: the driver is not loaded
        assert gpus == {}
        return
    both = {"utilization_percentage": 55.0, "temperature_celsius": 60.0}
    first = {**both, "memory_usage_megabytes": 20000.0, "memory_usage_percentage": 25.0}
    power = {"power_usage_watts": 350.0, "power_usage_percentage": 50.0}
    second = {**both, "memory_usage_megabytes": 40000.0, "memory_usage_percentage": 50.0}
    assert gpus == {f"gpu_0_{key}": value for key, value in (first | power).items()} | {
        f"gpu_1_{key}": value for key, value in second.items()
    }
