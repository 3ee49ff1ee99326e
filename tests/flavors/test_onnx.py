from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

import tidemill
from tidemill.errors import InvalidParameter

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def _graph(
    nodes: list[Any], inputs: list[tuple[str, int]], outputs: list[tuple[str, int]], weights: dict[str, Any]
) -> Any:
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "regression",
        [tensor(name, onnx.TensorProto.FLOAT, [None, width]) for name, width in inputs],
        [tensor(name, onnx.TensorProto.FLOAT, [None, width]) for name, width in outputs],
        [onnx.numpy_helper.from_array(np.asarray(one, dtype=np.float32), name) for name, one in weights.items()],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture(scope="module")
def data() -> Any:
    return load_diabetes(as_frame=True).data.astype("float32")


@pytest.fixture(scope="module")
def regression(data: Any) -> Any:
    """A linear regression fitted by scikit-learn, as an ONNX graph."""
    fitted = LinearRegression().fit(data, load_diabetes().target)
    nodes = [
        onnx.helper.make_node("MatMul", ["rows", "weights"], ["product"]),
        onnx.helper.make_node("Add", ["product", "bias"], ["progression"]),
    ]
    weights = {"weights": fitted.coef_[:, None], "bias": [fitted.intercept_]}
    return _graph(nodes, [("rows", 10)], [("progression", 1)], weights)


@pytest.fixture(scope="module")
def sum_of_two() -> Any:
    return _graph([onnx.helper.make_node("Add", ["a", "b"], ["sum"])], [("a", 1), ("b", 1)], [("sum", 1)], {})


def test_mlflow_loads_what_tidemill_saves(regression: Any, data: Any, peer: Any, tmp_path: Path) -> None:
    tidemill.onnx.save_model(regression, tmp_path / "m", input_example=data.to_numpy()[:2])
    native, pyfunc = peer.loads("onnx", tmp_path / "m", data.to_numpy(), "model.graph.name")
    ours = tidemill.pyfunc.load_model(tmp_path / "m").predict(data.to_numpy())
    assert native == tidemill.onnx.load_model(tmp_path / "m").graph.name == "regression"
    assert pyfunc == {"progression": ours["progression"].tolist()}
    fitted = LinearRegression().fit(data, load_diabetes().target)
    np.testing.assert_allclose(ours["progression"][:, 0], fitted.predict(data), rtol=1e-4)


SAVE = """
import mlflow.onnx, onnx

mlflow.onnx.save_model(onnx.load(graph), folder, pip_requirements=["onnx"])
result = mlflow.pyfunc.load_model(folder).predict(given)
"""


def test_tidemill_loads_what_mlflow_saves(regression: Any, data: Any, peer: Any, tmp_path: Path) -> None:
    onnx.save_model(regression, str(tmp_path / "graph.onnx"))
    said = peer.run(SAVE, folder=tmp_path / "m", graph=tmp_path / "graph.onnx", given=data)
    assert tidemill.onnx.load_model(tmp_path / "m").graph.name == "regression"
    predicted = tidemill.pyfunc.load_model(tmp_path / "m").predict(data)
    assert list(predicted.columns) == ["progression"]
    assert predicted.to_numpy().tolist() == said


def test_inputs_by_name_and_numbers_in_double_precision(sum_of_two: Any, tmp_path: Path) -> None:
    tidemill.onnx.save_model(sum_of_two, tmp_path / "m")
    model = tidemill.pyfunc.load_model(tmp_path / "m")
    one, two = np.array([[1.0], [2.0]]), np.array([[3.0], [4.5]])
    assert model.predict({"a": one, "b": two})["sum"].tolist() == [[4.0], [6.5]]
    with pytest.raises(InvalidParameter, match="the inputs a, b"):
        model.predict(one)


def test_two_columns_feed_two_inputs(tmp_path: Path) -> None:
    node = onnx.helper.make_node("Add", ["a", "b"], ["sum"])
    tensor = onnx.helper.make_tensor_value_info
    inputs = [tensor(name, onnx.TensorProto.FLOAT, [None]) for name in "ab"]
    graph = onnx.helper.make_graph([node], "sum", inputs, [tensor("sum", onnx.TensorProto.FLOAT, [None])])
    flat = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    tidemill.onnx.save_model(flat, tmp_path / "m")
    frame = pd.DataFrame({"b": [3.0, 4.5], "a": [1.0, 2.0]})
    assert tidemill.pyfunc.load_model(tmp_path / "m").predict(frame)["sum"].tolist() == [4.0, 6.5]


def test_options_of_a_provider_are_not_taken_from_the_folder(regression: Any, data: Any, tmp_path: Path) -> None:
    tidemill.onnx.save_model(
        regression,
        tmp_path / "m",
        onnx_session_options={"intra_op_num_threads": 1, "execution_mode": "parallel", "graph_optimization_level": 99},
    )
    file = tmp_path / "m" / "MLmodel"
    said = yaml.safe_load(file.read_text())
    for section in said["flavors"].values():
        section["providers"] = [["CPUExecutionProvider", {"use_arena": "a/library.so"}]]
    file.write_text(yaml.safe_dump(said))
    assert len(tidemill.pyfunc.load_model(tmp_path / "m").predict(data)) == len(data)


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="no ONNX graph"):
        tidemill.onnx.save_model(b"graph", tmp_path / "m")
