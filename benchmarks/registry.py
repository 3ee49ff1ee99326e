"""A registry of 10,000 models with 20 versions each, asked over HTTP; beside MLflow's server where one is named.

    python benchmarks/registry.py                                  # Tidemill alone, on SQLite
    python benchmarks/registry.py --postgres                       # and on PostgreSQL
    python benchmarks/registry.py --mlflow /path/of/a/python       # beside MLflow on SQLite, with ratios
    python benchmarks/registry.py --mlflow PYTHON --mlflow-models 1000   # MLflow with fewer models, where it takes too long

Both stores are filled by SQL, with the same rows; then each question is asked 20 times on one kept connection and the
median counts. Nothing here fails on a slow machine, but `--limit 20` fails where a page of Tidemill's takes longer than that
many milliseconds.
"""

import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tidemill.store.backend import SqlBackend
from tidemill.store.transaction import Tx
from tidemill.testing.databases import embedded, postgres
from tidemill.testing.server import server_process

API = "/api/2.0/mlflow/"
VERSIONS = 20
TIMES = 20
START = 1_700_000_000_000
Ask = tuple[str, str, str, object]


def model(number: int) -> str:
    """The name of one model."""
    return f"team-{number % 50:02}/model-{number:05}".replace("/", ".")


def questions(models: int) -> list[Ask]:
    """Name, verb, path and body of everything that is asked."""
    one = model(models // 2)

    def search(noun: str, condition: str = "", order: str = "", most: int = 100) -> str:
        return f"{noun}/search?filter={quote(condition)}&max_results={most}" + (
            f"&order_by={quote(order)}" if order else ""
        )

    return [
        ("page of 100 models", "GET", search("registered-models"), None),
        ("page of 100 models, last changed first", "GET", search("registered-models", order="timestamp DESC"), None),
        ("models whose name holds a word", "GET", search("registered-models", "name LIKE '%17.model%'"), None),
        ("models by name, none found", "GET", search("registered-models", "name ILIKE '%nobody%'"), None),
        ("models by a tag that 200 have", "GET", search("registered-models", "tags.team = '7'"), None),
        ("models by a tag that all have", "GET", search("registered-models", "tags.kind = 'tree'"), None),
        ("versions of one model", "GET", search("model-versions", f"name = '{one}'"), None),
        ("100 newest versions of all", "GET", search("model-versions"), None),
        ("newest versions of a team", "GET", search("model-versions", "name LIKE 'team-07%' AND version_number > 18"), None),
        ("versions of one run", "GET", search("model-versions", f"run_id = '{run_of(models // 2, 3)}'"), None),
        ("versions by a rare tag", "GET", search("model-versions", "tags.checked = '13'"), None),
        ("versions by name, none found", "GET", search("model-versions", "name LIKE '%nobody%'"), None),
        ("one model", "GET", f"registered-models/get?name={one}", None),
        ("latest versions of one model", "POST", "registered-models/get-latest-versions", {"name": one}),
        ("version by alias", "GET", f"registered-models/alias?name={one}&alias=champion", None),
        ("create a version", "POST", "model-versions/create", {"name": one, "source": "s3://bucket/model"}),
        ("move an alias", "POST", "registered-models/alias", {"name": one, "alias": "challenger", "version": "7"}),
    ]  # fmt: skip


def run_of(number: int, version: int) -> str:
    """The run that made a version."""
    return f"{number * 100 + version:032x}"


def stage(version: int) -> int:
    """The stage of a version: one in Production, one in Staging, older ones archived."""
    return 2 if version == 18 else 1 if version == 19 else 3 if version < 10 else 0


def fill(tx: Tx, models: int) -> None:
    """Put everything into a store of Tidemill's."""
    numbers = range(models)
    tx.many(
        "INSERT INTO registered_models (pk, name, created, updated, last_version, prompt) VALUES (?, ?, ?, ?, ?, 0)",
        ((1000 + n, model(n), START + n, START + n, VERSIONS) for n in numbers),
    )
    tx.many(
        "INSERT INTO registered_model_tags (model_pk, key, value) VALUES (?, ?, ?)",
        ((1000 + n, key, value) for n in numbers for key, value in (("team", str(n % 50)), ("kind", "tree"))),
    )
    tx.many(
        "INSERT INTO model_versions (pk, model_pk, version, name, stage, created, updated, source, location, run_id, run_link, "
        "model_id, prompt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 0)",
        (
            (1000 + n * 100 + v, 1000 + n, v, model(n), stage(v), START + v * models + n, START + v * models + n,
             f"s3://bucket/{n}/{v}", f"s3://bucket/{n}/{v}", run_of(n, v))
            for n in numbers for v in range(1, VERSIONS + 1)
        ),
    )  # fmt: skip
    tx.many(
        "INSERT INTO model_version_tags (version_pk, key, value) VALUES (?, ?, ?)",
        ((1000 + n * 100 + v, "checked", str(n)) for n in numbers for v in range(1, VERSIONS + 1)),
    )
    tx.many(
        "INSERT INTO model_aliases (model_pk, alias, version) VALUES (?, 'champion', ?)",
        ((1000 + n, 18) for n in numbers),
    )
    tx.run("ANALYZE")


def fill_mlflow(file: Path, models: int) -> None:
    """The same in a database of MLflow's."""
    stages = ("None", "Staging", "Production", "Archived")
    with contextlib.closing(sqlite3.connect(file)) as other:
        has_workspaces = any(row[1] == "workspace" for row in other.execute("PRAGMA table_info(registered_models)"))
        extra, value = ("workspace, ", "'default', ") if has_workspaces else ("", "")
        numbers = range(models)
        other.executemany(
            f"INSERT INTO registered_models ({extra}name, creation_time, last_updated_time) VALUES ({value}?, ?, ?)",
            ((model(n), START + n, START + n) for n in numbers),
        )
        other.executemany(
            f"INSERT INTO registered_model_tags ({extra}name, key, value) VALUES ({value}?, ?, ?)",
            ((model(n), key, text) for n in numbers for key, text in (("team", str(n % 50)), ("kind", "tree"))),
        )
        other.executemany(
            f"INSERT INTO model_versions ({extra}name, version, creation_time, last_updated_time, current_stage, source, "
            f"storage_location, run_id, status) VALUES ({value}?, ?, ?, ?, ?, ?, ?, ?, 'READY')",
            (
                (model(n), v, START + v * models + n, START + v * models + n, stages[stage(v)], f"s3://bucket/{n}/{v}",
                 f"s3://bucket/{n}/{v}", run_of(n, v))
                for n in numbers for v in range(1, VERSIONS + 1)
            ),
        )  # fmt: skip
        other.executemany(
            f"INSERT INTO model_version_tags ({extra}name, version, key, value) VALUES ({value}?, ?, 'checked', ?)",
            ((model(n), v, str(n)) for n in numbers for v in range(1, VERSIONS + 1)),
        )
        other.executemany(
            f"INSERT INTO registered_model_aliases ({extra}name, alias, version) VALUES ({value}?, 'champion', 18)",
            ((model(n),) for n in numbers),
        )
        other.execute("ANALYZE")
        other.commit()


def measure(address: str, models: int) -> dict[str, float]:
    """The median of each question, in ms."""
    host, _, port = address.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=600)
    found = {}
    for name, verb, path, body in questions(models):
        data = None if body is None else json.dumps(body)
        taken: list[float] = []
        # A question that takes seconds is asked three times only.
        while len(taken) < TIMES and (len(taken) < 3 or sum(taken) < 10_000):
            began = time.perf_counter()
            connection.request(verb, API + path, data, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            taken.append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                raise SystemExit(f"{name}: {answer.status} {content[:300]!r}")
        found[name] = statistics.median(taken)
    connection.close()
    return found


@contextlib.contextmanager
def mlflow_server(python: str, folder: Path, models: int) -> Iterator[str]:
    """MLflow's server on a filled SQLite database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store = folder / "mlflow.db"
    command = [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{store}"]
    with (folder / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(480):
            time.sleep(0.25)
            with contextlib.suppress(OSError), contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as one:
                one.request("GET", "/health")
                if one.getresponse().status == 200:
                    break
        else:
            raise SystemExit(f"MLflow's server did not start: {(folder / 'mlflow.log').read_text()[-2000:]}")
        fill_mlflow(store, models)
        yield f"http://127.0.0.1:{port}"
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)


def ours(store: str, folder: Path, models: int) -> dict[str, float]:
    """Fill a store of Tidemill's and ask a server on it."""
    with embedded(store, folder / "artifacts") as backend:
        assert isinstance(backend, SqlBackend)
        began = time.perf_counter()
        backend.database.write(backend.site, lambda tx: fill(tx, models))
        print(f"filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    with server_process(store, folder / "artifacts") as server:
        return measure(server.address, models)


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, too")
    parser.add_argument("--mlflow", help="a Python that has mlflow")
    parser.add_argument("--mlflow-models", type=int, help="fewer models for MLflow")
    parser.add_argument("--limit", type=float, help="fail where a page of Tidemill's takes longer, in ms")
    given = parser.parse_args()
    columns: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        columns["tidemill, SQLite"] = ours(str(folder / "tidemill.db"), folder, given.models)
        if given.postgres:
            server = postgres()
            with server.database() as address:
                columns["tidemill, PostgreSQL"] = ours(address, folder, given.models)
            server.stop()
        if given.mlflow:
            fewer = given.mlflow_models or given.models
            with mlflow_server(given.mlflow, folder, fewer) as address:
                columns[f"mlflow, SQLite ({fewer:,} models)"] = measure(address, fewer)
    print(f"{given.models:,} models with {VERSIONS} versions each; ms, median of {TIMES}\n")
    heads = ["", *columns, *(["ratio"] if given.mlflow else [])]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for question in next(iter(columns.values())):
        cells = [f"{column[question]:.1f}" for column in columns.values()]
        if given.mlflow:
            first, *_, last = columns.values()
            cells.append(f"{last[question] / first[question]:.1f}")
        print(f"| {question} | " + " | ".join(cells) + " |")
    own = [value for head, column in columns.items() if head.startswith("tidemill") for value in column.values()]
    if given.limit and max(own) > given.limit:
        raise SystemExit(f"the slowest took {max(own):.1f} ms; the limit is {given.limit:g} ms")


if __name__ == "__main__":
    main()
