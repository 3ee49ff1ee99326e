"""How fast a model answers behind HTTP, here and in other servers.

    python benchmarks/serving.py [--seconds 5] [--peers mlflow,bentoml,litserve] [--models pipeline] [--env mlflow=/venv]

The same models everywhere: StandardScaler and LogisticRegression on the breast-cancer data, and a LightGBM booster. Each
server runs with its defaults and one process, in an environment of its own (`~/.cache/tidemill-bench/serving-<name>`, made
with pip at the first use; `--env` names another) with the same scikit-learn. Load comes from `wrk` (a client in C).
Printed: requests a second and latencies at one connection and at 64, with one row and with 100, the time from the start
of the process to its first answer, its memory against a process that only loads the model, and the ratios.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

CACHE = Path.home() / ".cache" / "tidemill-bench"
PACKAGES = {
    "mlflow": ["mlflow", "fastapi", "uvicorn", "lightgbm"],
    "bentoml": ["bentoml", "pandas", "lightgbm"],
    "litserve": ["litserve", "pandas", "lightgbm"],
}
TRAIN = """
import sys, json, joblib
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import LogisticRegression
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X.columns = [name.replace(" ", "_") for name in X.columns]
if sys.argv[1] == "booster":
    from lightgbm import LGBMClassifier
    model = LGBMClassifier(n_estimators=100, verbose=-1, n_jobs=1).fit(X, y)
else:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X, y)
joblib.dump(model, "model.joblib")
X.to_json("data.json", orient="split", index=False)
kind = sys.argv[2]
if kind == "tidemill":
    import tidemill
    save = tidemill.lightgbm.save_model if sys.argv[1] == "booster" else tidemill.sklearn.save_model
    save(model, "folder", input_example=X.head(2), pip_requirements=[])
elif kind == "mlflow":
    import importlib
    save = importlib.import_module("mlflow.lightgbm" if sys.argv[1] == "booster" else "mlflow.sklearn").save_model
    from mlflow.models import infer_signature
    save(model, "folder", signature=infer_signature(X, model.predict(X)), pip_requirements=["scikit-learn"])
"""
BENTO = """
import bentoml, joblib, pandas as pd
@bentoml.service(workers=1)
class Model:
    def __init__(self):
        self.model = joblib.load("model.joblib")
    @bentoml.api
    def predict(self, columns: list[str], data: list[list[float]]) -> list[int]:
        return self.model.predict(pd.DataFrame(data, columns=columns)).tolist()
"""
LIT = """
import sys, joblib, pandas as pd, litserve
class Model(litserve.LitAPI):
    def setup(self, device):
        self.model = joblib.load("model.joblib")
    def decode_request(self, request):
        return pd.DataFrame(request["data"], columns=request["columns"])
    def predict(self, x):
        return self.model.predict(x)
    def encode_response(self, output):
        return {"predictions": output.tolist()}
if __name__ == "__main__":
    server = litserve.LitServer(Model(), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[1]), host="127.0.0.1", log_level="error")
"""
BARE = """
import joblib, numpy, warnings
warnings.simplefilter("ignore")
model = joblib.load("model.joblib")
model.predict(numpy.ones((1, 30)))
print([int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")][0])
"""
LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = io.open("%s", "rb")
wrk.body = file:read("*a")
file:close()
"""
LOADS = (("1 row, 1 connection", 1, 1), ("1 row, 64 connections", 1, 64), ("100 rows, 64 connections", 100, 64))


def environment(name: str, given: dict[str, str]) -> str:
    """The Python of a server, in an environment of its own."""
    if name == "tidemill":
        return sys.executable
    folder = Path(given.get(name, str(CACHE / f"serving-{name}")))
    if not (folder / "bin" / "python").exists():
        import sklearn

        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        wanted = [*PACKAGES[name], f"scikit-learn=={sklearn.__version__}", "joblib"]
        subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *wanted], check=True)
    return str(folder / "bin" / "python")


def command(name: str, python: str, folder: Path, port: int) -> tuple[list[str], str, dict[str, str]]:
    """How a server is started, the path that predicts, and its variables."""
    if name == "tidemill":
        words = [
            "-m",
            "tidemill.cli.main",
            "serve",
            "m=./folder",
            "--port",
            str(port),
            "--cache",
            str(folder / "cache"),
        ]
        return [python, *words, "--log-level", "warning"], "/invocations", {}
    if name == "mlflow":
        return (
            [python, "-m", "uvicorn", "mlflow.pyfunc.scoring_server.app:app", "--port", str(port), "--workers", "1",
             "--log-level", "warning"],
            "/invocations", {"__pyfunc_model_path__": str(folder / "folder")},
        )  # fmt: skip
    if name == "bentoml":
        (folder / "service.py").write_text(BENTO)
        return (
            [python, "-m", "bentoml", "serve", "service:Model", "--port", str(port)],
            "/predict",
            {"BENTOML_DO_NOT_TRACK": "1"},
        )
    (folder / "lit.py").write_text(LIT)
    return [python, "lit.py", str(port)], "/predict", {}


def body(name: str, folder: Path, rows: int) -> bytes:
    """The request for so many rows."""
    data = json.loads((folder / "data.json").read_text())
    split = {"columns": data["columns"], "data": data["data"][:rows]}
    return json.dumps({"dataframe_split": split} if name in ("tidemill", "mlflow") else split).encode()


def first_answer(url: str, data: bytes, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the server predicts."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
                return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise RuntimeError(error.read().decode()[:500]) from None
            time.sleep(0.02)
        except OSError:
            time.sleep(0.01)
    raise RuntimeError("the server did not answer")


def wrk(url: str, data: Path, connections: int, seconds: int) -> dict[str, float]:
    """Requests a second, and the median and 99 % latency in ms."""
    script = data.with_suffix(".lua")
    script.write_text(LUA % data)
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "--timeout", "20s", "-s", str(script), url]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text:
        raise RuntimeError(text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    assert rate is not None
    found = {"rate": float(rate[1])}
    for share in ("50", "99"):
        hit = re.search(rf"\s{share}%\s+([\d.]+)(us|ms|s)", text)
        found["p" + share] = float(hit[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[hit[2]] if hit else float("nan")
    return found


def memory(pid: int) -> float:
    """Resident MB of a process and those it started."""
    total = 0.0
    pids = [pid]
    while pids:
        one = pids.pop()
        try:
            status = Path(f"/proc/{one}/status").read_text()
            for thread in Path(f"/proc/{one}/task").iterdir():
                pids += [int(child) for child in (thread / "children").read_text().split()]
        except OSError:
            continue
        hit = re.search(r"VmRSS:\s+(\d+)", status)
        total += int(hit[1]) / 1024 if hit else 0
    return total


def measure(name: str, model: str, python: str, folder: Path, seconds: int) -> dict[str, float]:
    """All figures of one server with one model."""
    from tidemill.testing.faults import free_port

    (folder / "train.py").write_text(TRAIN)
    subprocess.run([python, "train.py", model, name], cwd=folder, check=True, capture_output=True)
    bare = (
        int(subprocess.run([python, "-c", BARE], cwd=folder, check=True, capture_output=True, text=True).stdout) / 1024
    )
    port = free_port()
    words, path, env = command(name, python, folder, port)
    url = f"http://127.0.0.1:{port}{path}"
    started = time.perf_counter()
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            words, cwd=folder, env={**os.environ, **env}, stdout=said, stderr=said, start_new_session=True
        )
    try:
        first_answer(url, body(name, folder, 1), process)
        found = {"start s": time.perf_counter() - started, "MB": memory(process.pid)}
        found["MB × bare"] = found["MB"] / bare
        for title, rows, connections in LOADS:
            data = folder / f"rows-{rows}.json"
            data.write_bytes(body(name, folder, rows))
            wrk(url, data, connections, 1)
            for figure, value in wrk(url, data, connections, seconds).items():
                found[f"{title}: {figure}"] = value
        return found
    finally:
        os.killpg(process.pid, 15)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--peers", default="mlflow,bentoml,litserve")
    parser.add_argument("--models", default="pipeline,booster")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=PATH")
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed (Debian package wrk)")
    environments = dict(pair.split("=", 1) for pair in given.env)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs, Python {sys.version.split()[0]}")
    for model in given.models.split(","):
        table: dict[str, dict[str, float]] = {}
        for name in ["tidemill", *filter(None, given.peers.split(","))]:
            try:
                python = environment(name, environments)
                with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
                    table[name] = measure(name, model, python, Path(made), given.seconds)
            except (RuntimeError, subprocess.SubprocessError, OSError) as error:
                said = getattr(error, "stderr", b"") or b""
                print(f"{name} could not be measured: {error} {said[-500:]!r}")
        show(model, table)


def show(model: str, table: "dict[str, dict[str, float]]") -> None:
    """One model's table, in Markdown; ratios of rates and times against Tidemill, as times that it is ahead."""
    names = list(table)
    print(f"\n| {model} | " + " | ".join(names) + " | ratios |\n|---|" + "---:|" * (len(names) + 1))
    ours = table.get("tidemill", {})
    for figure in next(iter(table.values()), {}):
        values = [table[name][figure] for name in names]
        ahead = [ours[figure] / one if "rate" in figure else one / ours[figure] for one in values] if ours else []
        ratios = ", ".join(f"{one:.1f}×" for one in ahead[1:])
        print(f"| {figure} | " + " | ".join(f"{one:,.2f}" for one in values) + f" | {ratios} |")


if __name__ == "__main__":
    main()
