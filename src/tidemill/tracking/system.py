"""System metrics: the load of the machine and of this process, recorded in the background while a run lasts.

Names and units are MLflow's, `system/…` (or `system/<node>/…`): megabytes are 10⁶ bytes, the network's and the disk's
are counted from the run's start. The step counts samples and goes on where a resumed run had stopped.
"""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from tidemill import settings
from tidemill.errors import InvalidParameter, MissingDependency
from tidemill.tracking import steps
from tidemill.tracking.caution import caution
from tidemill.tracking.client import Client

Sample = dict[str, float]
Source = Callable[[], Sample]
_MB = 1e6
_FIRST_S = 1.0
"""The first sample comes this early, so that short runs have some."""
_END_S = 5.0
_ENABLED = ("TIDEMILL_SYSTEM_METRICS", "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING")


def enable_system_metrics_logging() -> None:
    """Record system metrics with all runs from now on, here and in processes started from here."""
    os.environ.update(dict.fromkeys(_ENABLED, "true"))


def disable_system_metrics_logging() -> None:
    """Record no system metrics with runs from now on, unless `start_run(log_system_metrics=True)` asks for them."""
    os.environ.update(dict.fromkeys(_ENABLED, "false"))


def set_system_metrics_sampling_interval(interval: float | None) -> None:
    """Sample every `interval` seconds (at least 0.1) in runs from now on; None: every 10 s."""
    _set("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", interval)


def set_system_metrics_samples_before_logging(samples: int | None) -> None:
    """Log the mean of so many samples as one value in runs from now on; None: each sample."""
    _set("MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", samples)


def set_system_metrics_node_id(node_id: str | None) -> None:
    """Name this machine in the metrics' keys (`system/<node_id>/…`), where several log to one run; None: do not."""
    if node_id is None:
        os.environ.pop("MLFLOW_SYSTEM_METRICS_NODE_ID", None)
    else:
        os.environ["MLFLOW_SYSTEM_METRICS_NODE_ID"] = str(node_id)


def _set(name: str, value: float | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    elif value <= 0:
        raise InvalidParameter(f"{name} must be more than 0, not {value}; pass None for the default.")
    else:
        os.environ[name] = str(value)


class SystemMonitor:
    """Samples the machine's load in a thread of its own and logs it to one run, until `finish`.

    Nothing it meets reaches the training: a source that fails is left out, a server that fails costs that value.
    Raises MissingDependency without psutil. A forked child has no such thread and logs nothing.
    """

    def __init__(self, client: Client, run_id: str, resumed: bool = False) -> None:
        self._client = client
        self._run_id = run_id
        self._every = settings.system_metrics_interval()
        self._most = settings.system_metrics_samples()
        node = settings.system_metrics_node()
        self._prefix = f"system/{node}/" if node else "system/"
        self._resumed = resumed
        self._step = 0
        self._window: list[Sample] = []
        self._began = time.monotonic()
        if find_spec("psutil") is None:
            raise MissingDependency("psutil", "system", "Recording system metrics")
        self._stop = threading.Event()
        self._tried = self._warned = False
        self._thread = threading.Thread(target=self._work, name="tidemill-system-metrics", daemon=True)
        self._thread.start()

    def finish(self, error: BaseException | None = None) -> None:
        """Log what was sampled since the last value, and end. Waits at most 5 s for a call that is under way."""
        self._stop.set()
        self._thread.join(_END_S)

    def _work(self) -> None:
        sources = list(_sources())  # here, since psutil counts for each thread by itself
        if self._resumed:
            self._step = self._next_step()
        wait = min(_FIRST_S, self._every)
        while not self._stop.wait(wait):
            wait = self._every
            self._take(sources)
            if len(self._window) >= self._most:
                self._log()
        if not self._tried and not self._window and time.monotonic() - self._began > 0.1:
            self._take(sources)
        self._log()

    def _take(self, sources: list[Source]) -> None:
        sample: Sample = {}
        for source in sources:
            with suppress(Exception):  # a counter that this machine lacks, a driver that went away: left out
                sample.update(source())
        self._window.append(sample)

    def _log(self) -> None:
        values: dict[str, list[float]] = defaultdict(list)
        for sample in self._window:
            for key, value in sample.items():
                values[key].append(value)
        self._window.clear()
        if not values:
            return
        means = {self._prefix + key: sum(found) / len(found) for key, found in values.items()}
        try:
            self._client.log_metrics(self._run_id, means, step=self._step)
        except Exception as failure:  # the training is worth more than its load
            if not self._warned and not self._stop.is_set():
                self._warned = True
                caution(f"system metrics of the run {self._run_id} could not be logged: {failure}")
        self._step += 1
        self._tried = True

    def _next_step(self) -> int:
        known = steps.resumed.get(self._run_id, {})
        return max((step for key, step in known.items() if key.startswith(self._prefix)), default=-1) + 1


def _sources() -> Iterator[Source]:
    import psutil

    for make in (_processor_and_memory, _disk, _network):
        with suppress(Exception):  # a kind of counter that this machine does not show at all
            yield make(psutil)
    yield _container_memory
    yield from _gpus()


def _processor_and_memory(psutil: Any) -> Source:
    process = psutil.Process()
    psutil.cpu_percent()  # both count from their last call
    process.cpu_percent()

    def sample() -> Sample:
        memory = psutil.virtual_memory()
        return {
            "cpu_utilization_percentage": psutil.cpu_percent(),
            "system_memory_usage_megabytes": memory.used / _MB,
            "system_memory_usage_percentage": memory.used / memory.total * 100,
            "process_cpu_utilization_percentage": process.cpu_percent(),
            "process_memory_usage_megabytes": process.memory_info().rss / _MB,
        }

    return sample


def _disk(psutil: Any) -> Source:
    first = psutil.disk_io_counters()

    def sample() -> Sample:
        usage = psutil.disk_usage(os.path.abspath(os.sep))
        found = {
            "disk_usage_percentage": usage.percent,
            "disk_usage_megabytes": usage.used / _MB,
            "disk_available_megabytes": usage.free / _MB,
        }
        now = psutil.disk_io_counters() if first is not None else None
        if now is not None:
            found["disk_read_megabytes"] = (now.read_bytes - first.read_bytes) / _MB
            found["disk_write_megabytes"] = (now.write_bytes - first.write_bytes) / _MB
        return found

    return sample


def _network(psutil: Any) -> Source:
    first = psutil.net_io_counters()

    def sample() -> Sample:
        now = psutil.net_io_counters()
        return {
            "network_receive_megabytes": (now.bytes_recv - first.bytes_recv) / _MB,
            "network_transmit_megabytes": (now.bytes_sent - first.bytes_sent) / _MB,
        }

    return sample


def _container_memory() -> Sample:
    """Memory against the limit of this container, which is what a training dies of; nothing where there is no limit."""
    for used, limit in (
        ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.max"),
        ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    ):
        try:
            with open(used) as numerator, open(limit) as denominator:
                bytes_used, most = int(numerator.read()), int(denominator.read())
        except (OSError, ValueError):  # "max": no limit
            continue
        if most < 1 << 60:  # cgroup v1 says "no limit" by a huge number
            return {
                "container_memory_usage_megabytes": bytes_used / _MB,
                "container_memory_usage_percentage": bytes_used / most * 100,
            }
    return {}


def _gpus() -> Iterator[Source]:
    """A source for each NVIDIA GPU; none where there is no such GPU, driver or package (`nvidia-ml-py`)."""
    try:
        import pynvml

        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
    except Exception:  # the package, its library, or what the driver says: without a GPU all are usual
        return
    for index, handle in enumerate(handles):
        yield _gpu(pynvml, handle, index)


def _gpu(nvml: Any, handle: Any, index: int) -> Source:
    def memory() -> Sample:
        found = nvml.nvmlDeviceGetMemoryInfo(handle)
        return {"memory_usage_percentage": found.used / found.total * 100, "memory_usage_megabytes": found.used / _MB}

    def utilization() -> Sample:
        return {"utilization_percentage": float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)}

    def power() -> Sample:
        watts = nvml.nvmlDeviceGetPowerUsage(handle) / 1000
        limit = nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000
        return {"power_usage_watts": watts, "power_usage_percentage": watts / limit * 100}

    def temperature() -> Sample:
        return {"temperature_celsius": float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))}

    def sample() -> Sample:
        found: Sample = {}
        for part in (memory, utilization, power, temperature):
            try:
                found |= part()
            except nvml.NVMLError:  # not every GPU, and no slice of one, tells everything
                continue
        return {f"gpu_{index}_{key}": value for key, value in found.items()}

    return sample
