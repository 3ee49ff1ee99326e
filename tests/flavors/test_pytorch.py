from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

import tidemill
from tidemill.errors import InvalidParameter, Untrusted

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")


@pytest.fixture(scope="module")
def rows() -> Any:
    return load_iris().data.astype("float32")


def fresh() -> Any:
    layers = [torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Linear(8, 3)]
    return torch.nn.Sequential(*layers)


@pytest.fixture(scope="module")
def net(rows: Any) -> Any:
    """A small classifier of irises, a few steps into its training."""
    torch.manual_seed(0)
    model, labels = fresh(), torch.from_numpy(load_iris().target)
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(20):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(torch.from_numpy(rows)), labels).backward()
        optimizer.step()
    return model.eval()


def answers(model: Any, rows: Any) -> Any:
    with torch.no_grad():
        return model(torch.from_numpy(rows)).numpy()


CALL = "__import__('torch').no_grad()(model)(__import__('torch').from_numpy(given))"


@pytest.mark.parametrize("written", ["pt2", "pickle"])
def test_mlflow_loads_what_tidemill_saves(written: str, net: Any, rows: Any, peer: Any, tmp_path: Path) -> None:
    tidemill.pytorch.save_model(net, tmp_path / "m", serialization_format=written, input_example=rows[:3])
    native, pyfunc = peer.loads("pytorch", tmp_path / "m", rows, CALL)
    assert native == pyfunc
    np.testing.assert_allclose(pyfunc, answers(net, rows), rtol=1e-5, atol=1e-6)


SAVE = """
import mlflow.pytorch, torch
from sklearn.datasets import load_iris

rows = load_iris().data.astype("float32")
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Linear(8, 3)).eval()
mlflow.pytorch.save_model(
    model, folder, serialization_format=written, input_example=rows[:3], pip_requirements=["torch"]
)
result = model(torch.from_numpy(rows))
"""


@pytest.mark.parametrize("written", ["pt2", "pickle"])
def test_tidemill_loads_what_mlflow_saves(written: str, rows: Any, peer: Any, tmp_path: Path) -> None:
    said = peer.run(SAVE, folder=tmp_path / "m", written=written)
    for load in (tidemill.pytorch.load_model, tidemill.pyfunc.load_model):
        with pytest.raises(Untrusted, match="allow_pickle=True"):
            load(tmp_path / "m")
    native = tidemill.pytorch.load_model(tmp_path / "m", allow_pickle=True)
    np.testing.assert_allclose(answers(native, rows), said, rtol=1e-5, atol=1e-6)
    model = tidemill.pyfunc.load_model(tmp_path / "m", allow_pickle=True)
    np.testing.assert_allclose(model.predict(rows), said, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("written", ["pt2", "safetensors"])
def test_weights_come_into_a_module_without_trust(written: str, net: Any, rows: Any, tmp_path: Path) -> None:
    tidemill.pytorch.save_model(net, tmp_path / "m", serialization_format=written, input_example=rows[:3])
    again = tidemill.pytorch.load_model(tmp_path / "m", module=fresh())
    assert not again.training
    np.testing.assert_array_equal(answers(again, rows), answers(net, rows))


def test_weights_of_an_archive_of_mlflows_too(rows: Any, peer: Any, tmp_path: Path) -> None:
    said = peer.run(SAVE, folder=tmp_path / "m", written="pt2")
    again = tidemill.pytorch.load_model(tmp_path / "m", module=fresh())
    np.testing.assert_allclose(answers(again, rows), said, rtol=1e-5, atol=1e-6)


def test_every_kind_of_weight_comes_back(tmp_path: Path) -> None:
    class Kinds(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            numbers = torch.arange(12, dtype=torch.float32).reshape(3, 4)
            self.turned = torch.nn.Parameter(numbers.T)
            self.register_buffer("halves", numbers.half())
            self.register_buffer("brains", numbers.bfloat16())
            self.register_buffer("count", torch.tensor(7))
            self.register_buffer("flags", torch.tensor([True, False]))
            self.register_buffer("nothing", torch.empty(0, 3))

        def forward(self, x: Any) -> Any:
            return x @ self.turned + self.halves[:, 0].float()

    model, example = Kinds(), np.ones((2, 4), dtype="float32")
    tidemill.pytorch.save_model(model, tmp_path / "m", input_example=example)
    blank = Kinds()
    for one in blank.state_dict().values():
        one.zero_()
    again = tidemill.pytorch.load_model(tmp_path / "m", module=blank)
    for name, one in model.state_dict().items():
        assert torch.equal(one, again.state_dict()[name]), name


def test_frames_and_params(net: Any, rows: Any, tmp_path: Path) -> None:
    class Scaled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Any, factor: float = 1.0) -> Any:
            return self.net(x) * factor

    tidemill.pytorch.save_model(Scaled(), tmp_path / "m", serialization_format="pickle")
    model = tidemill.pyfunc.load_model(tmp_path / "m", allow_pickle=True)
    frame = pd.DataFrame(rows, index=range(100, 250))
    said = model.predict(frame)
    assert list(said.index) == list(range(100, 250))
    np.testing.assert_allclose(said.to_numpy(), answers(net, rows), rtol=1e-4, atol=1e-5)


def test_several_inputs_and_tensors_as_examples(tmp_path: Path) -> None:
    class Sum(torch.nn.Module):
        def forward(self, a: Any, b: Any) -> Any:
            return a + b

    one = torch.ones(2, 3)
    tidemill.pytorch.save_model(Sum(), tmp_path / "m", input_example=(one, one))
    again = tidemill.pytorch.load_model(tmp_path / "m", allow_pickle=True)
    assert again(torch.ones(5, 3), torch.ones(5, 3)).sum() == 30


def test_what_is_missing_is_said(net: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="give input_example"):
        tidemill.pytorch.save_model(net, tmp_path / "m")
    with pytest.raises(InvalidParameter, match=r"no torch\.nn\.Module"):
        tidemill.pytorch.save_model(1, tmp_path / "m")
    with pytest.raises(InvalidParameter, match="must be one of"):
        tidemill.pytorch.save_model(net, tmp_path / "m", serialization_format="onnx")
    tidemill.pytorch.save_model(net, tmp_path / "m", serialization_format="safetensors")
    with pytest.raises(InvalidParameter, match=r"module=YourClass\(\)"):
        tidemill.pytorch.load_model(tmp_path / "m")
    with pytest.raises(InvalidParameter, match="cannot be called"):
        tidemill.pyfunc.load_model(tmp_path / "m")
    (tmp_path / "m" / "data" / "model.safetensors").unlink()
    (tmp_path / "m" / "data" / "model.pt2").write_bytes(b"no archive")
    with pytest.raises(InvalidParameter, match="cannot be read"):
        tidemill.pytorch.load_model(tmp_path / "m", module=fresh())
