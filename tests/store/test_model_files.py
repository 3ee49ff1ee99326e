"""Signatures, requirements and sizes read from real model folders, and what they decide."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tidemill.api import approvals, model_records
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter
from tidemill.store.model_files import Signature
from tidemill.store.signatures import breaks
from tidemill.testing.factories import get_run, new_experiment, new_registered_model, new_run, new_version, unique
from tidemill.types import approvals as a
from tidemill.types import model_records as t

A: dict[str, Any] = {"type": "double", "name": "a", "required": True}
B: dict[str, Any] = {"type": "long", "name": "b", "required": True}
OUT: dict[str, Any] = {"type": "long", "name": "y"}


def model(folder: Path, inputs: list[Any], outputs: list[Any] | None = None, requirements: str = "") -> None:
    """Write a model's folder."""
    folder.mkdir(parents=True)
    signature = {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs or [OUT])}
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": {}, "signature": signature}))
    (folder / "requirements.txt").write_text(requirements)
    (folder / "model.bin").write_bytes(b"x" * 1000)


def tensor(dtype: str, *shape: int) -> list[dict[str, Any]]:
    """The inputs of a model that takes one tensor."""
    return [{"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}}]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ([A, B], [A, B], []),
        ([A, B], [B, A], []),
        ([A, B], [A], []),  # what is sent beyond is left out
        ([A], [A, {**B, "required": False}], []),
        ([A], [A, B], ["the input b is new and required"]),
        ([{**A, "required": False}], [A], ["the input a was optional and is required"]),
        ([{**A, "type": "integer"}], [{**A, "type": "long"}], []),
        ([{**A, "type": "integer"}], [A], []),
        ([{**A, "type": "float"}], [A], []),
        ([A], [{**A, "type": "float"}], ["the input a was double and is float"]),
        ([{**A, "type": "long"}], [A], ["the input a was long and is double"]),
        (tensor("float32", -1, 3), tensor("float32", -1, 3), []),
        (tensor("float32", 1, 3), tensor("float32", -1, 3), []),
        (
            tensor("float32", -1, 3),
            tensor("float32", -1, 4),
            ["the input #0 was tensor float32 [-1, 3] and is tensor float32 [-1, 4]"],
        ),
        (
            tensor("float32", -1, 3),
            tensor("float64", -1, 3),
            ["the input #0 was tensor float32 [-1, 3] and is tensor float64 [-1, 3]"],
        ),
    ],
)
def test_inputs(old: list[Any], new: list[Any], found: list[str]) -> None:
    assert breaks(Signature(old, [OUT]), Signature(new, [OUT])) == found


@pytest.mark.parametrize(
    ("new", "found"),
    [
        ([OUT], []),
        ([OUT, {"type": "double", "name": "p"}], []),
        ([{**OUT, "type": "double"}], ["the output y was long and is double"]),
        ([{"type": "long", "name": "z"}], ["the output y is gone"]),
        ([], ["the outputs are not described any more"]),
    ],
)
def test_outputs(new: list[Any], found: list[str]) -> None:
    assert breaks(Signature([A], [OUT]), Signature([A], new)) == found


@pytest.fixture
def folder(backend: Backend, tmp_path: Path) -> tuple[str, Path]:
    """A run, and the folder of its artifacts."""
    experiment = new_experiment(backend, artifact_location=str(tmp_path / unique()))
    run = new_run(backend, experiment)
    return run, Path(get_run(backend, run).info.artifact_uri)


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store in this process, which may open the places that the tests name."""
    from tidemill.testing.databases import embedded

    place = tmp_path_factory.mktemp("store")
    address = request.getfixturevalue("postgres_address") if request.param == "postgresql" else str(place / "t.db")
    with embedded(address, place / "artifacts") as found:
        yield found


def test_comparison(backend: Backend, folder: tuple[str, Path]) -> None:
    run, root = folder
    name = new_registered_model(backend)
    model(root / "one", [A], requirements="scikit-learn==1.5.0\nnumpy==2.0\n")
    model(root / "two", [A, B], requirements="scikit-learn==1.6.0\nnumpy==2.0\n# no\nxgboost[a]>=2\n")
    for which in ("one", "two"):
        new_version(backend, name, str(root / which), run_id=run)
    found = backend.call(model_records.compare, t.CompareVersions(name, "1", other_version="2"))
    assert found.schema == [t.Difference("input b", None, "long")]
    assert found.environment == [
        t.Difference("scikit-learn", "scikit-learn==1.5.0", "scikit-learn==1.6.0"),
        t.Difference("xgboost", None, "xgboost[a]>=2"),
    ]
    assert found.size.left is not None
    assert found.size.right is not None
    assert 1000 < found.size.left < found.size.right < 3000
    assert (found.compatible, found.breaks, found.notes) == (False, ["the input b is new and required"], [])
    back = backend.call(model_records.compare, t.CompareVersions(name, "2", other_version="1"))
    assert (back.compatible, back.breaks) == (True, [])
    lineage = backend.call(model_records.lineage, t.GetLineage(name, "1"))
    assert lineage.environment == t.Environment(requirements=["scikit-learn==1.5.0", "numpy==2.0"])
    new_version(backend, name, f"runs:/{run}/two", run_id=run)
    same = backend.call(model_records.compare, t.CompareVersions(name, "2", other_version="3"))
    assert (same.schema, same.size.left, same.compatible) == ([], same.size.right, True)


def test_a_grant_asks_for_the_signature(backend: Backend, folder: tuple[str, Path]) -> None:
    run, root = folder
    name = new_registered_model(backend)
    model(root / "one", [A])
    model(root / "two", [A, B])
    for which in ("one", "two", "none"):
        new_version(backend, name, str(root / which), run_id=run)
    backend.call(approvals.set_policy, a.SetPolicy(name, "champion", signature=True))

    def request(version: str) -> a.Approval:
        return backend.call(approvals.ask, a.AskApproval(name, version, "champion", user="anna")).approval

    first = request("1")
    assert first.checks == [a.CheckResult("signature fits", True, "no other version holds the place")]
    backend.call(approvals.grant, a.DecideApproval(first.id, "bob"))
    assert request("2").checks[0].found == "the input b is new and required"
    assert request("3").checks[0].found == "the model has no signature: there is no file MLmodel"
    with pytest.raises(InvalidParameter, match=r"checks are red: signature fits .the input b is new and required"):
        backend.call(approvals.grant, a.DecideApproval(request("2").id, "bob"))


@pytest.mark.parametrize(
    "text",
    [
        "signature: [",
        "!!python/object/apply:os.system ['touch /tmp/tidemill-was-here']",
        "signature: {inputs: '[[[', outputs: '[]'}",
        "signature: {inputs: '" + "[" * 100_000 + "'}",
        "[" * 5000,
        "\x00",
        "a: &a [x]\nb: [*a, *a]\n",
        "- 1",
        "signature: {inputs: 5}",
        "signature: {inputs: '{\"a\": 1}'}",
    ],
)
def test_odd_files_are_no_signatures(backend: Backend, folder: tuple[str, Path], text: str) -> None:
    run, root = folder
    name = new_registered_model(backend)
    (root / "odd").mkdir(parents=True)
    (root / "odd" / "MLmodel").write_text(text)
    new_version(backend, name, str(root / "odd"), run_id=run)
    found = backend.call(model_records.compare, t.CompareVersions(name, "1", other_version="1"))
    assert (found.compatible in (None, True), found.schema) == (True, [])
    assert not Path("/tmp/tidemill-was-here").exists()


def test_big_files_are_not_read(backend: Backend, folder: tuple[str, Path]) -> None:
    run, root = folder
    name = new_registered_model(backend)
    (root / "big").mkdir(parents=True)
    with (root / "big" / "MLmodel").open("wb") as file:
        file.truncate(5 << 20)
    new_version(backend, name, str(root / "big"), run_id=run)
    found = backend.call(model_records.compare, t.CompareVersions(name, "1", other_version="1"))
    assert "at most" in found.notes[0]
