"""The Open Inference Protocol, version 2, over HTTP, with the binary tensor extension (KServe, Triton).

Inputs of a model with columns are one tensor a column, by name, or one matrix whose second axis is the columns.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from tidemill import __version__
from tidemill.errors import BadRequest, EndpointNotFound, InvalidParameter, MethodNotAllowed, NotFound, TidemillError
from tidemill.http.answers import SECURITY, Header, send_bytes
from tidemill.serving.arrays import check_tensor, lengths
from tidemill.serving.asked import Asked, id_header
from tidemill.serving.forms import Payload
from tidemill.serving.invocations import Invocations
from tidemill.serving.loaded import Loaded
from tidemill.serving.results import Result
from tidemill.serving.schema import NUMPY, Schema
from tidemill.serving.tables import columns_payload

if TYPE_CHECKING:
    from tidemill.serving.app import App

DTYPES = {
    "BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64", "INT8": "int8",
    "INT16": "int16", "INT32": "int32", "INT64": "int64", "FP16": "float16", "FP32": "float32", "FP64": "float64",
}  # fmt: skip
"""The protocol's types by numpy's names; BYTES besides: texts."""
_NAMES = {numpy: wire for wire, numpy in DTYPES.items()}
_JSON: Header = (b"content-type", b"application/json")
_BINARY: Header = (b"content-type", b"application/octet-stream")
_EXTENSIONS = ["binary_tensor_data"]


class Tensor(msgspec.Struct):
    """One tensor of a request. `data` is flat or nested; None where it comes as bytes behind the JSON."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] = {}
    data: list[Any] | None = None


class _Wanted(msgspec.Struct):
    name: str
    parameters: dict[str, Any] = {}


class _Request(msgspec.Struct):
    inputs: list[Tensor]
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[_Wanted] = []


_decoder = msgspec.json.Decoder(_Request)


async def route(app: "App", asked: Asked, name: str, rest: str) -> None:
    """Carry out whatever of `/v2…` was asked. Errors are `{"error": …}`, as the protocol wants."""
    try:
        await _route(app, asked, name, rest)
    except TidemillError as error:
        from tidemill.serving.limits import RETRY

        more = RETRY if error.status in (429, 503) else ()
        body = msgspec.json.encode({"error": error.message})
        await send_bytes(asked.send, error.status, (_JSON, *SECURITY, id_header(asked), *more), body)


async def _route(app: "App", asked: Asked, name: str, rest: str) -> None:
    if not name:
        about = {"name": "tidemill", "version": __version__, "extensions": _EXTENSIONS}
        await _answer(asked, about)
        return
    endpoint = app.fleet.find(name)
    parts = rest.split("/") if rest else []
    loaded = endpoint.pick(asked.key)
    if parts[:1] == ["versions"] and len(parts) > 1:
        loaded = next((one for one in endpoint.loaded() if one.version == parts[1]), None)  # type: ignore[assignment]
        if loaded is None:
            raise NotFound(f"Version {parts[1][:100]} of '{name}' is not loaded here.")
        parts = parts[2:]
    verb = asked.scope["method"]
    if parts == ["infer"]:
        if verb != "POST":
            raise MethodNotAllowed("Inference is asked by POST.")
        await _infer(app, asked, loaded)
    elif verb == "POST" or parts not in ([], ["ready"]):
        raise EndpointNotFound(f"There is nothing at {verb} {asked.scope['path'][:200]}.")
    elif parts:
        await send_bytes(asked.send, 200 if endpoint.healthy else 503, (_JSON, *SECURITY), b"{}")
    else:
        await _answer(asked, metadata(loaded, [one.version for one in endpoint.loaded()]))


async def live(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/v2/health/live`: this process answers."""
    await _answer(asked, {"live": True})


async def ready(app: "App", asked: Asked, name: str, rest: str) -> None:
    """`/v2/health/ready`: every model answers."""
    fine = all(one.healthy for one in app.fleet.endpoints.values()) and not app.stopping
    await send_bytes(asked.send, 200 if fine else 503, (_JSON, *SECURITY), msgspec.json.encode({"ready": fine}))


async def _answer(asked: Asked, value: Any) -> None:
    await send_bytes(asked.send, 200, (_JSON, *SECURITY, id_header(asked)), msgspec.json.encode(value))


def metadata(loaded: Loaded, versions: list[str]) -> dict[str, Any]:
    """What the protocol tells about a model."""
    from tidemill.serving.schema import read_schema

    return {
        "name": loaded.name,
        "versions": versions,
        "platform": "tidemill",
        "inputs": _tensors_of(loaded.reader.schema),
        "outputs": _tensors_of(read_schema(loaded.servable.outputs)) or [_unknown("predictions")],
    }


def _unknown(name: str) -> dict[str, Any]:
    return {"name": name, "datatype": "FP64", "shape": [-1]}


def _tensors_of(schema: Schema | None) -> list[dict[str, Any]]:
    if schema is None:
        return []
    if schema.tensors:
        names = [one.name or f"input-{place}" for place, one in enumerate(schema.tensors)]
        return [
            {"name": name, "datatype": _NAMES.get(one.dtype, "BYTES"), "shape": list(one.shape)}
            for name, one in zip(names, schema.tensors, strict=True)
        ]
    return [
        {"name": one.name, "datatype": _NAMES.get(NUMPY.get(one.kind, ""), "BYTES"), "shape": [-1]}
        for one in schema.columns
    ]


async def _infer(app: "App", asked: Asked, loaded: Loaded) -> None:
    status, payload, result = 500, None, None
    try:
        with app.places:
            body = await asked.body(app.config.body_limit, app.config.body_seconds)
            loaded.batcher.refuse_if_full()
            request, payload = _read(loaded.reader, body, asked.header_length)
            result = await app.ask(asked, loaded, payload)
        head, tail = encode(loaded, request, result)
        status = 200
        version = (b"x-model-version", loaded.version.encode("ascii", "replace"))
        headers: tuple[Header, ...] = (_BINARY if tail else _JSON, *SECURITY, id_header(asked), version)
        if tail:
            headers += ((b"inference-header-content-length", b"%d" % len(head)),)
        await send_bytes(asked.send, 200, headers, head + tail)
    except TidemillError as error:
        status = error.status
        raise
    finally:
        app.note(asked, loaded, status, payload, result)


def _read(reader: Invocations, body: bytes, header_length: bytes | None) -> tuple[_Request, Payload]:
    """The request and its payload. Raises BadRequest and InvalidParameter."""
    head, tail = body, memoryview(b"")
    if header_length is not None:
        if not header_length.isdigit() or int(header_length) > len(body):
            raise BadRequest("Inference-Header-Content-Length must be the length of the JSON in bytes.")
        head, tail = body[: int(header_length)], memoryview(body)[int(header_length) :]
    try:
        request = _decoder.decode(head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not an inference request: {error}.") from None
    arrays: dict[str, Any] = {}
    for one in request.inputs:
        if one.name in arrays:
            raise InvalidParameter(f"There are two tensors named '{one.name}'.")
        arrays[one.name], tail = _array(one, tail)
    if not arrays:
        raise InvalidParameter("An inference request needs at least one tensor in 'inputs'.")
    if len(tail):
        raise BadRequest("There are more bytes behind the JSON than the tensors say.")
    return request, _payload(reader, arrays)


def _array(tensor: Tensor, tail: memoryview) -> tuple[Any, memoryview]:
    """One tensor as an array, and the bytes that are left."""
    import numpy as np

    count = 1
    for size in tensor.shape:
        if not 0 <= size <= 2**31:
            raise InvalidParameter(f"Tensor '{tensor.name}' has no shape of whole numbers of 0 and more.")
        count *= size
    given = tensor.parameters.get("binary_data_size")
    if given is not None:
        if not isinstance(given, int) or not 0 <= given <= len(tail):
            raise BadRequest(f"binary_data_size of tensor '{tensor.name}' does not fit the body.")
        data, tail = tail[:given], tail[given:]
        array = _texts(tensor, data, count) if tensor.datatype == "BYTES" else _raw(tensor, data, count)
    elif tensor.data is None:
        raise InvalidParameter(f"Tensor '{tensor.name}' has neither data nor binary_data_size.")
    else:
        try:
            array = np.array(tensor.data, dtype=object if tensor.datatype == "BYTES" else _dtype(tensor))
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidParameter(f"The data of tensor '{tensor.name}' is not {tensor.datatype}: {error}.") from None
        if array.size != count:
            raise InvalidParameter(f"Tensor '{tensor.name}' has {array.size} values; its shape says {count}.")
    return array.reshape(tensor.shape), tail


def _dtype(tensor: Tensor) -> str:
    if tensor.datatype not in DTYPES:
        raise InvalidParameter(f"Tensor '{tensor.name}' has the unknown datatype '{tensor.datatype[:50]}'.")
    return DTYPES[tensor.datatype]


def _raw(tensor: Tensor, data: memoryview, count: int) -> Any:
    import numpy as np

    dtype = np.dtype(_dtype(tensor)).newbyteorder("<")
    if len(data) != count * dtype.itemsize:
        raise InvalidParameter(
            f"Tensor '{tensor.name}' has {len(data)} bytes; its shape says {count * dtype.itemsize}."
        )
    return np.frombuffer(data, dtype)


def _texts(tensor: Tensor, data: memoryview, count: int) -> Any:
    """Texts, each after its length (4 bytes, little-endian)."""
    import numpy as np

    found: list[str] = []
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        at += 4 + size
        if at > len(data):
            break
        found.append(bytes(data[at - size : at]).decode("utf-8", "replace"))
    if at != len(data) or len(found) != count:
        raise InvalidParameter(f"Tensor '{tensor.name}' does not hold the {count} texts that its shape says.")
    array = np.empty(count, dtype=object)
    array[:] = found
    return array


def _payload(reader: Invocations, arrays: dict[str, Any]) -> Payload:
    schema = reader.schema
    first = next(iter(arrays.values()))
    if schema is not None and schema.columns:
        if len(arrays) == 1 and first.ndim == 2 and not (set(arrays) & set(schema.names) and first.shape[1] == 1):
            if first.shape[1] != len(schema.columns):
                raise InvalidParameter(
                    f"The model takes {len(schema.columns)} columns; the tensor has {first.shape[1]}."
                )
            return columns_payload(reader, dict(zip(schema.names, first.T, strict=True)))
        return columns_payload(reader, {name: _column(name, one) for name, one in arrays.items()})
    if schema is not None and schema.tensors:
        return _checked(reader, schema, arrays)
    if len(arrays) == 1:
        return Payload(reader.arrays, len(first) if first.ndim else 1, first)
    return Payload(reader.named, lengths(arrays), arrays)


def _column(name: str, array: Any) -> Any:
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if array.ndim != 1:
        raise InvalidParameter(f"Tensor '{name}' is a column: its shape must be [rows] or [rows, 1].")
    return array


def _checked(reader: Invocations, schema: Schema, arrays: dict[str, Any]) -> Payload:
    if len(schema.tensors) == 1 and len(arrays) == 1:
        tensor, array = schema.tensors[0], next(iter(arrays.values()))
        array = check_tensor(tensor.name, array, tensor)
        if not tensor.name:
            return Payload(reader.arrays, len(array), array)
        return Payload(reader.named, len(array), {tensor.name: array})
    missing = [one.name for one in schema.tensors if one.name not in arrays]
    if missing:
        raise InvalidParameter(f"Model is missing inputs {missing}.")
    fitted = {one.name: check_tensor(one.name, arrays[one.name], one) for one in schema.tensors}
    return Payload(reader.named, lengths(fitted), fitted)


def encode(loaded: Loaded, request: _Request, result: Result) -> tuple[bytes, bytes]:
    """The answer's JSON, and the binary tensors that follow it."""
    import numpy as np

    value = result.value
    arrays = dict(value) if isinstance(value, dict) else {"predictions": value}
    wanted = {one.name: one.parameters for one in request.outputs}
    unknown = [name for name in wanted if name not in arrays]
    if unknown and not (len(wanted) == 1 and len(arrays) == 1):
        raise InvalidParameter(f"There are no outputs {unknown}; there are: {', '.join(arrays)}.")
    if unknown:
        arrays = {unknown[0]: next(iter(arrays.values()))}
    binary = bool(request.parameters.get("binary_data_output"))
    outputs, tail = [], []
    for name, given in arrays.items():
        if wanted and name not in wanted:
            continue
        array = np.asarray(given)
        output: dict[str, Any] = {
            "name": name,
            "shape": list(array.shape),
            "datatype": _NAMES.get(str(array.dtype), "BYTES"),
        }
        if wanted.get(name, {}).get("binary_data", binary):
            raw = _bytes_of(array, output["datatype"])
            output["parameters"] = {"binary_data_size": len(raw)}
            tail.append(raw)
        else:
            output["data"] = (
                [str(one) for one in array.ravel()] if output["datatype"] == "BYTES" else array.ravel().tolist()
            )
        outputs.append(output)
    answer: dict[str, Any] = {"model_name": loaded.name, "model_version": loaded.version, "outputs": outputs}
    if request.id:
        answer["id"] = request.id
    return msgspec.json.encode(answer), b"".join(tail)


def _bytes_of(array: Any, datatype: str) -> bytes:
    if datatype != "BYTES":
        raw: bytes = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        return raw
    texts = [one if isinstance(one, bytes) else str(one).encode() for one in array.ravel()]
    return b"".join(len(one).to_bytes(4, "little") + one for one in texts)
