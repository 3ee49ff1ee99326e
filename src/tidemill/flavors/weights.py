"""The weights inside of an archive of `torch.export.save`, read as data: nothing of it is run, unpickled or evaluated.

The archive is a zip file: `<name>/data/weights/*_weights_config.json` says of each weight its type, sizes and strides, and
the numbers lie beside it, raw. (torch 2.13, torch/export/pt2_archive/constants.py.)
"""

import io
import json
import math
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from tidemill.errors import InvalidParameter

# torch/_export/serde/schema.py, ScalarType
_TYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64",
    12: "bool", 13: "bfloat16",
}  # fmt: skip


def exported_weights(path: Path) -> dict[str, Any]:
    """The state dict of the archive at `path`, parameters and buffers, on the CPU.

    Raises InvalidParameter if the archive does not say what is needed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            [described] = [name for name in archive.namelist() if name.endswith("_weights_config.json")]
            around = PurePosixPath(described).parent
            config = json.loads(archive.read(described))["config"]
            return {name: _tensor(one, archive.read(f"{around}/{one['path_name']}")) for name, one in config.items()}
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise InvalidParameter(f"The weights cannot be read from the exported graph {path.name}: {error}.") from error


def _tensor(about: dict[str, Any], raw: bytes) -> Any:
    import torch

    if about["use_pickle"]:
        return torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    meta = about["tensor_meta"]
    sizes = [int(one["as_int"]) for one in meta["sizes"]]
    strides = [int(one["as_int"]) for one in meta["strides"]]
    offset = int(meta["storage_offset"]["as_int"])
    kind = getattr(torch, _TYPES[meta["dtype"]])
    if math.prod(sizes) == 0:
        return torch.empty(sizes, dtype=kind)
    flat = torch.frombuffer(bytearray(raw), dtype=kind)
    return torch.as_strided(flat, sizes, strides, offset).clone()  # checks that all of it lies inside of the bytes
