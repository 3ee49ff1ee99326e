"""What goes between a serving process and a model in a process of its own: MessagePack, arrays as their bytes.

Data only: nothing that arrives is ever executed. One message is its length (8 bytes, little-endian) and its bytes.
"""

from typing import IO, Any

import msgspec

_encoder = msgspec.msgpack.Encoder(enc_hook=lambda value: _hook(value))


class Closed(Exception):
    """The other side is gone."""


def send(stream: IO[bytes], value: Any) -> None:
    """Write one message."""
    body = _encoder.encode(pack(value))
    stream.write(len(body).to_bytes(8, "little"))
    stream.write(body)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one message. Raises Closed."""
    head = stream.read(8)
    if len(head) < 8:
        raise Closed
    size = int.from_bytes(head, "little")
    body = stream.read(size)
    if len(body) < size:
        raise Closed
    return unpack(msgspec.msgpack.decode(body))


def pack(value: Any) -> Any:
    """`value` with arrays and frames as marked dicts."""
    family = type(value).__module__.partition(".")[0]
    if family == "pandas" and hasattr(value, "columns"):
        return {"~frame": [pack(value[name].to_numpy()) for name in value.columns], "names": list(value.columns)}
    if family == "pandas" and hasattr(value, "to_numpy"):
        return pack(value.to_numpy())
    if family == "numpy" and hasattr(value, "dtype"):
        if value.dtype.kind == "O":
            return {"~list": [pack(one) for one in value.ravel().tolist()], "shape": list(value.shape)}
        import numpy as np

        flat = np.ascontiguousarray(value)
        return {"~array": flat.view("u1").tobytes() if flat.ndim else flat.tobytes(), "dtype": flat.dtype.str,
                "shape": list(value.shape)}  # fmt: skip
    if isinstance(value, dict):
        return {str(key): pack(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [pack(one) for one in value]
    return value


def unpack(value: Any) -> Any:
    """What `pack` made, as it was."""
    if isinstance(value, list):
        return [unpack(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "~array" in value:
        import numpy as np

        return np.frombuffer(value["~array"], dtype=value["dtype"]).reshape(value["shape"])
    if "~list" in value:
        import numpy as np

        array = np.empty(len(value["~list"]), dtype=object)
        array[:] = [unpack(one) for one in value["~list"]]
        return array.reshape(value["shape"])
    if "~frame" in value:
        return _frame([unpack(one) for one in value["~frame"]], value["names"])
    return {key: unpack(one) for key, one in value.items()}


def _frame(columns: list[Any], names: list[Any]) -> Any:
    import pandas as pd

    frame = pd.DataFrame(dict(enumerate(columns)))
    frame.columns = pd.Index(names)
    return frame


def _hook(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)
