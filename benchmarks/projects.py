"""What running a project costs over its bare command, here and with MLflow; and the first environment of five packages.

    python benchmarks/projects.py [--mlflow PYTHON] [--repeat 5] [--no-environment]

The project is a script that does nothing. `bare` is its command itself; the others run it by `tidemill run` and
`mlflow run`, each on a store of its own (a folder; SQLite), in the environment that is there and in a virtual one that was
made before. MLflow lies in `~/.cache/tidemill-bench/mlflow` (made with pip at the first use) unless `--mlflow` names a
Python that has it. Times are wall clock, the median of the repeats.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CACHE = Path.home() / ".cache" / "tidemill-bench"
MLPROJECT = """
name: nothing
python_env: python_env.yaml
entry_points: {main: {parameters: {alpha: {type: float, default: 1}}, command: "python nothing.py {alpha}"}}
"""
FIVE = ["numpy", "pandas", "scikit-learn", "matplotlib", "requests"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlflow", help="a Python that has MLflow")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--no-environment", action="store_true", help="leave out what needs packages from a registry")
    options = parser.parse_args()
    mlflow = options.mlflow or installed_mlflow()
    with tempfile.TemporaryDirectory(prefix="tidemill-bench-") as name:
        folder = Path(name)
        project(folder / "nothing", ["tomli"])
        bare = measure([sys.executable, "nothing.py", "1"], folder / "nothing", {}, options.repeat)
        print(f"{'bare command':34} {bare:6.2f} s")
        ours = overheads(
            folder, "tidemill", sys.executable, ["local"] + ["uv"] * (not options.no_environment), bare, options
        )
        theirs = overheads(
            folder, "mlflow", mlflow, ["local"] + ["virtualenv"] * (not options.no_environment), bare, options
        )
        for our, their in zip(ours, theirs, strict=True):
            print(f"mlflow's overhead is {their / max(our, 1e-3):.1f} times ours")
        if not options.no_environment:
            first_environment(folder)


def overheads(
    folder: Path, tool: str, python: str, ways: list[str], bare: float, options: argparse.Namespace
) -> list[float]:
    """Seconds over the bare command, for each way to make the environment."""
    found = []
    for way in ways:
        env = surroundings(folder, tool, python)
        words = command(tool, python, folder, way)
        run(words, folder, env)  # makes the environment and the database
        seconds = measure(words, folder, env, options.repeat)
        print(f"{f'{tool} run, environment: {way}':34} {seconds:6.2f} s, {seconds - bare:.2f} s over the command")
        found.append(seconds - bare)
    return found


def surroundings(folder: Path, tool: str, python: str) -> dict[str, str]:
    """The tool's own store, and its Python first on the PATH."""
    store = str(folder / "store") if tool == "tidemill" else f"sqlite:///{folder}/mlflow.db"
    return {
        "PATH": os.path.dirname(python) + os.pathsep + os.environ["PATH"],
        "MLFLOW_TRACKING_URI": store,
        "TIDEMILL_CACHE": str(folder / "cache"),
        "MLFLOW_ENV_ROOT": str(folder / "environments"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }


def command(tool: str, python: str, folder: Path, way: str) -> list[str]:
    """The command line that runs the project."""
    module = "tidemill.cli.main" if tool == "tidemill" else "mlflow"
    return [python, "-m", module, "run", str(folder / "nothing"), "--env-manager", way]


def first_environment(folder: Path) -> None:
    """How long the first run with five packages takes; uv's own cache is warm from a run before."""
    project(folder / "five", FIVE)
    for attempt in ("packages fetched", "packages cached"):
        shutil.rmtree(folder / "fresh", ignore_errors=True)
        env = {"TIDEMILL_CACHE": str(folder / "fresh"), "TIDEMILL_URI": str(folder / "store")}
        start = time.perf_counter()
        run([sys.executable, "-m", "tidemill.cli.main", "run", str(folder / "five"), "--env", "uv"], folder, env)
        print(
            f"first environment of 5 packages, {attempt}: {time.perf_counter() - start:.1f} s (promised: at most 10 s cached)"
        )


def project(folder: Path, packages: list[str]) -> None:
    """A project that does nothing and needs these packages."""
    folder.mkdir()
    (folder / "MLproject").write_text(MLPROJECT)
    (folder / "nothing.py").write_text("")
    lines = "".join(f"  - {name}\n" for name in packages)
    version = ".".join(map(str, sys.version_info[:3]))
    (folder / "python_env.yaml").write_text(f'python: "{version}"\ndependencies:\n{lines}')


def measure(words: list[str], folder: Path, env: dict[str, str], repeat: int) -> float:
    """The median of the seconds that a command takes."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run(words, folder, env)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def run(words: list[str], folder: Path, env: dict[str, str]) -> None:
    """Run a command; what it says is shown where it fails."""
    done = subprocess.run(words, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")


def installed_mlflow() -> str:
    """The Python of an environment with MLflow, made where it is missing."""
    python = CACHE / "mlflow" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(CACHE / "mlflow")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "mlflow", "virtualenv"], check=True)
    return str(python)


if __name__ == "__main__":
    main()
