"""The Open Inference Protocol: by hand, and with Triton's own client where it is installed."""

import numpy as np
import pytest

from tidemill.serving.servable import Servable

MATRIX = [{"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3, 4]}]


def infer(served, inputs, name="sums", **more):
    return served.ask("POST", f"/v2/models/{name}/infer", {"inputs": inputs, **more})


def test_about(serve, sums):
    served = serve(sums)
    assert served.ask("GET", "/v2").json["name"] == "tidemill"
    assert served.ask("GET", "/v2").json["extensions"] == ["binary_tensor_data"]
    assert served.ask("GET", "/v2/health/live").json == {"live": True}
    assert served.ask("GET", "/v2/health/ready").json == {"ready": True}
    assert served.ask("GET", "/v2/models/sums/ready").status == 200
    assert served.ask("GET", "/v2/models/sums/versions/1/ready").status == 200
    about = served.ask("GET", "/v2/models/sums").json
    assert (about["name"], about["versions"], about["platform"]) == ("sums", ["1"], "tidemill")
    assert about["inputs"] == [{"name": name, "datatype": "FP64", "shape": [-1]} for name in "ab"]


@pytest.mark.parametrize(
    "inputs",
    [
        MATRIX,
        [{"name": "x", "shape": [2, 2], "datatype": "INT32", "data": [[1, 2], [3, 4]]}],
        [{"name": "b", "shape": [2], "datatype": "FP32", "data": [2, 4]},
         {"name": "a", "shape": [2, 1], "datatype": "INT64", "data": [1, 3]}],
    ],
)  # fmt: skip
def test_columns(serve, sums, inputs):
    answer = infer(serve(sums), inputs, id="7").json
    (output,) = answer.pop("outputs")
    assert answer == {"model_name": "sums", "model_version": "1", "id": "7"}
    assert output == {"name": "predictions", "shape": [2], "datatype": "FP64", "data": [3.0, 7.0]}


def test_named_outputs(serve, sums):
    served = serve(sums)
    (output,) = infer(served, MATRIX, outputs=[{"name": "score"}]).json["outputs"]
    assert output["name"] == "score"


def test_binary_both_ways(serve, sums):
    import json

    served = serve(sums)
    tensor = {"name": "x", "shape": [2, 2], "datatype": "FP64", "parameters": {"binary_data_size": 32}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    data = np.array([[1, 2], [3, 4]], "<f8").tobytes()
    length = {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"}
    answer = served.ask("POST", "/v2/models/sums/infer", head + data, length)
    size = int(answer.headers["inference-header-content-length"])
    (output,) = json.loads(answer.body[:size])["outputs"]
    assert output["parameters"] == {"binary_data_size": 16}
    assert np.frombuffer(answer.body[size:], "<f8").tolist() == [3.0, 7.0]
    for wrong in (data[:-1], data + b"x", b""):
        assert served.ask("POST", "/v2/models/sums/infer", head + wrong, length).status == 400
    assert served.ask("POST", "/v2/models/sums/infer", head, {"Inference-Header-Content-Length": "99999"}).status == 400


def test_tensors(serve):
    inputs = [{"type": "tensor", "name": n, "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}} for n in ("x", "y")]
    both = Servable("both", "1", lambda data, params: {"p": data["x"] + data["y"], "q": data["x"][:, 0]}, inputs=inputs)
    served = serve(both)
    tensors = [{"name": n, "shape": [1, 2], "datatype": "FP32", "data": [1, 2]} for n in ("x", "y")]
    outputs = infer(served, tensors, "both").json["outputs"]
    assert [(one["name"], one["data"], one["datatype"]) for one in outputs] == [
        ("p", [2, 4], "FP32"),
        ("q", [1], "FP32"),
    ]
    assert infer(served, tensors[:1], "both").status == 400


def test_texts(serve, tools):
    upper = Servable(
        "up", "1", lambda data, params: data["s"].str.upper().to_numpy(), inputs=tools.columns(("s", "string"))
    )
    (output,) = infer(serve(upper), [{"name": "s", "shape": [2], "datatype": "BYTES", "data": ["a", "é"]}], "up").json[
        "outputs"
    ]
    assert (output["datatype"], output["data"]) == ("BYTES", ["A", "É"])


@pytest.mark.parametrize(
    "inputs",
    [
        [], [{"name": "x"}], [{"name": "x", "shape": [1], "datatype": "FP64"}],
        [{"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3]}],
        [{"name": "x", "shape": [-1], "datatype": "FP64", "data": [1]}],
        [{"name": "x", "shape": [1, 2], "datatype": "COMPLEX", "data": [1, 2]}],
        [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": ["a", "b"]}],
        [{"name": "x", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}],
        [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}],
        [*MATRIX, *MATRIX],
        [{"name": "x", "shape": [2147483647, 2147483647], "datatype": "FP64", "data": [1]}],
    ],
)  # fmt: skip
def test_refusals(serve, sums, inputs):
    answer = infer(serve(sums), inputs)
    assert answer.status == 400
    assert list(answer.json) == ["error"]


def test_what_is_not_there(serve, sums):
    served = serve(sums)
    assert infer(served, MATRIX, "nope").status == 404
    assert served.ask("GET", "/v2/models/sums/versions/9").status == 404
    assert served.ask("GET", "/v2/models/sums/stats").status == 404
    assert served.ask("POST", "/v2/models/sums/infer", b"{").status == 400
    assert served.ask("GET", "/v2/models/sums/infer").status == 405


def test_tritons_client(serve, sums):
    http = pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")
    served = serve(sums)
    client = http.InferenceServerClient(f"127.0.0.1:{served.port}")
    try:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("sums")
        assert client.get_model_metadata("sums")["inputs"][0]["name"] == "a"
        for binary in (True, False):
            tensor = http.InferInput("x", [2, 2], "FP64")
            tensor.set_data_from_numpy(np.array([[1.0, 2], [3, 4]]), binary_data=binary)
            wanted = [http.InferRequestedOutput("predictions", binary_data=binary)]
            found = client.infer("sums", [tensor], outputs=wanted)
            assert found.as_numpy("predictions").tolist() == [3.0, 7.0]
    finally:
        client.close()
