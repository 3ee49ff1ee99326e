"""`tidemill demo` for one data set, from the command to predictions computed from the model's file alone."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")

import numpy as np

from tidemill.cli import demo_files, demo_training


def predict(model: dict[str, Any], rows: Any) -> Any:
    """What docs/reference/cli.md says about model.json, as a program."""
    x = (rows - np.array(model["scaler"]["mean"])) / np.array(model["scaler"]["scale"])
    if "layers" in model:
        for place, layer in enumerate(model["layers"]):
            x = x @ np.array(layer["weights"]) + np.array(layer["biases"])
            x = np.maximum(x, 0) if place < len(model["layers"]) - 1 else x
        return x.argmax(axis=1)
    if "trees" in model:
        answers = np.array([[leaf(tree, row) for row in x] for tree in model["trees"]])
        if model["combine"] == "mean":
            mean = answers.mean(axis=0)
            return mean.argmax(axis=1) if model["classes"] else mean
        total = model["start"] + model["rate"] * answers.sum(axis=0)
        return (total > 0).astype(int) if model["classes"] else total
    scores = x @ np.array(model["coefficients"]).T + np.array(model["intercepts"])
    if not model["classes"]:
        return scores[:, 0]
    return scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(int)


def leaf(tree: dict[str, Any], row: Any) -> Any:
    node = 0
    row = row.astype(np.float32)  # trees compare single precision
    while tree["feature"][node] >= 0:
        side = "left" if row[tree["feature"][node]] <= tree["threshold"][node] else "right"
        node = tree[side][node]
    return tree["value"][node]


@pytest.mark.parametrize("name", ["diabetes", "breast_cancer"])
def test_one_data_set(new_process: Any, cli: Any, tmp_path: Path, name: str) -> None:
    result = new_process("demo", "--only", name, COLUMNS="80").works()
    assert result.err == ""
    recipes = demo_training.RECIPES[name]
    assert all(recipe.name in result.out for recipe in recipes)
    assert "★" in result.out
    assert "▁" in result.out
    assert "tidemill server" in result.out
    assert max(map(len, result.lines)) <= 80

    runs = cli("runs", "list", "-e", f"demo-{name}", "--json").works().json
    assert {run["run_name"] for run in runs} == {recipe.name for recipe in recipes}
    assert {run["status"] for run in runs} == {"FINISHED"}
    _, raw, targets = held_out(name)
    for run in runs:
        check_run(cli, tmp_path, name, run, raw, targets)
    boosted = next(run for run in runs if run["run_name"].startswith("boosting"))
    text = cli("runs", "show", boosted["run_id"]).works().out
    assert "learning_curves.png" in text
    assert f"{name}-training" in text
    check_next_steps(cli, tmp_path, result.lines)


def held_out(name: str) -> tuple[Any, Any, Any]:
    found = demo_training.split(name)
    return found, found.scaler.inverse_transform(found.test[0]), found.test[1]


def check_run(cli: Any, tmp_path: Path, name: str, run: dict[str, Any], raw: Any, targets: Any) -> None:
    folder = tmp_path / "files" / run["run_id"]
    cli("artifacts", "download", run["run_id"], "-o", str(folder)).works()
    assert not list(folder.rglob("*.pkl"))
    model = json.loads((folder / "model" / "model.json").read_text())
    answer = predict(model, raw)
    if model["classes"]:
        assert abs((answer == targets).mean() - run["metrics"]["test_accuracy"]) < 0.01
    else:
        assert abs(np.sqrt(((answer - targets) ** 2).mean()) - run["metrics"]["test_rmse"]) < 0.1
    pictures = {path.name for path in folder.glob("*.png")}
    expected = {"test_confusion_matrix.png", "test_roc_curve.png"} if model["classes"] else {"test_residuals.png"}
    assert pictures >= expected
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in pictures)
    assert (folder / "test_per_class.json").exists() == bool(model["classes"])
    score = run["metrics"]["test_accuracy" if model["classes"] else "test_r2"]
    assert abs(run["metrics"]["test_score"] - score) < 1e-9  # autologging and the demonstration agree
    assert name in (folder / "report.md").read_text()
    assert json.loads((folder / "predictions.json").read_text())["columns"][:2] == ["true", "predicted"]


def check_next_steps(cli: Any, tmp_path: Path, lines: list[str]) -> None:
    """The commands and the program that are printed at the end work."""
    commands = [line.split("#")[0].split() for line in lines if line.startswith("  tidemill ")]
    for command in commands[:-1]:
        cli(*command[1:]).works()
    assert commands[-1] == ["tidemill", "server"]
    program = "\n".join(line[2:] for line in lines[lines.index("From Python:") + 1 :])
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TIDEMILL_"))}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert "'val_loss'" in done.stdout


def test_logged_to_a_server_and_as_json(cli: Any, new_process: Any, served: str) -> None:
    found = new_process("demo", "--uri", served, "--only", "wine", "--json").works().json
    assert [run["run_name"] for run in found["wine"]] == [recipe.name for recipe in demo_training.RECIPES["wine"]]
    run = found["wine"][-1]
    shown = cli("--uri", served, "runs", "show", run["run_id"], "--json").works().json
    assert shown["metrics"]["val_loss"] == run["metrics"]["val_loss"]
    assert "model/model.json" in [one["path"] for one in shown["files"]]


def test_a_network_and_a_forest_of_many_classes_as_plain_data() -> None:
    found = demo_training.split("digits")
    raw = found.scaler.inverse_transform(found.test[0])
    for recipe in (demo_training.Recipe("mlp", {"hidden": 16}, 3), demo_training.Recipe("forest", {"max_depth": 4}, 1)):
        model = list(demo_training._steps(found, recipe))[-1][0]
        document = json.loads(json.dumps(demo_files.model_document(found, recipe.kind, model)))
        assert (predict(document, raw) == model.predict(found.test[0])).mean() > 0.99


def test_without_scikit_learn_the_extra_is_named(new_process: Any, tmp_path: Path) -> None:
    # A finder that knows no scikit-learn, in the way of the one that does.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'sklearn' else found(name, package)\n"
    )
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    new_process("demo", PYTHONPATH=path).fails(1, "scikit-learn", "pip install 'tidemill[demo]'")
    assert not (tmp_path / ".tidemill").exists()


def test_a_deleted_experiment_is_said(cli: Any, new_process: Any) -> None:
    cli("experiments", "create", "demo-wine").works()
    cli("experiments", "delete", "demo-wine").works()
    new_process("demo", "--only", "wine").fails(1, "demo-wine", "restore")


def test_progress_at_a_terminal(at_terminal: Any) -> None:
    seen = at_terminal("demo", "--only", "wine", columns=90)
    assert "Training" in seen
    assert "logistic C=0.1" in seen


def test_the_page_is_served_and_opened(tmp_path: Path) -> None:
    """The address that the browser is given answers, until Ctrl-C."""
    import re
    import signal
    import urllib.request

    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    start = "import sys; from tidemill.cli.main import main; sys.exit(main())"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TIDEMILL_"))}
    with subprocess.Popen(
        [sys.executable, "-c", start, "demo", "--only", "diabetes", "--open"],
        cwd=tmp_path,
        env={**env, "BROWSER": str(browser)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("Look: "))
        page = re.search(r"http://\S+", line)
        assert page is not None
        with urllib.request.urlopen(page[0]) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130)
    assert opened.read_text().strip() == page[0]


def test_a_release(new_process: Any, cli: Any) -> None:
    """Of the two versions the better one holds the alias, and what happened is told in order."""
    told = [line.strip(" ·") for line in new_process("demo", "--only", "wine").works().lines if "·" in line]
    assert told[:5] == [
        "version 1 registered",
        "approval asked: @champion to version 1",
        "approval refused: @champion to version 1",
        "version 2 registered",
        "approval asked: @champion to version 2",
    ]
    assert sorted(told[5:]) == ["@champion is version 2", "approval granted: @champion to version 2"]
    shown = cli("registry", "show", "demo-wine", "--json").works().json
    assert {alias["alias"]: alias["version"] for alias in shown["aliases"]} == {"champion": "2"}
