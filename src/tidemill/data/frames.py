"""Data sets made from data frames and arrays that are in memory."""

import os
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from tidemill.data.dataset import Dataset, check_digest, source_of
from tidemill.errors import InvalidParameter, MissingDependency

_NAME = "dataset"
_CHUNK_ROWS = 100_000


def from_pandas(
    df: Any,
    source: "str | os.PathLike[str] | None" = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> Dataset:
    """Describe a pandas data frame. `targets` and `predictions` name columns; `source` is where the data came from."""
    _check_columns([str(column) for column in df.columns], targets, predictions)
    columns = [
        {"type": _kind(str(dtype)), "name": str(column), "required": not bool(df[column].isna().any())}
        for column, dtype in df.dtypes.items()
    ]
    profile = {"num_rows": len(df), "num_elements": int(df.size)}
    return _dataset(name, digest, source, columns, profile, _extras(targets, predictions), _pandas_bytes(df), df)


def from_polars(
    df: Any,
    source: "str | os.PathLike[str] | None" = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> Dataset:
    """Describe a polars data frame; see `from_pandas`."""
    _check_columns(df.columns, targets, predictions)
    columns = [
        {"type": _kind(str(dtype)), "name": column, "required": not df[column].null_count()}
        for column, dtype in df.schema.items()
    ]
    profile = {"num_rows": df.height, "num_elements": df.height * df.width}
    return _dataset(name, digest, source, columns, profile, _extras(targets, predictions), _polars_bytes(df), df)


def from_numpy(
    features: Any,
    source: "str | os.PathLike[str] | None" = None,
    targets: Any = None,
    name: str | None = None,
    digest: str | None = None,
) -> Dataset:
    """Describe NumPy arrays: `features` and, optionally, `targets`; each an array or a dict of arrays."""
    try:
        import numpy as np
    except ImportError:
        raise MissingDependency("numpy", "images", "Describing arrays") from None
    parts = {"features": _arrays(features, np)} | ({} if targets is None else {"targets": _arrays(targets, np)})
    schema = {
        "mlflow_tensorspec": {
            part: [
                {"type": "tensor", "name": key, "tensor-spec": {"dtype": str(one.dtype), "shape": [-1, *one.shape[1:]]}}
                for key, one in arrays.items()
            ]
            for part, arrays in parts.items()
        }
    }
    profile = {
        f"{part}_{what}": {key: getattr(one, what) for key, one in arrays.items()}
        for part, arrays in parts.items()
        for what in ("shape", "size", "nbytes")
    }
    chosen = check_digest(digest) if digest is not None else _digest(_array_bytes(parts))
    kind, place = source_of(source)
    return Dataset(name or _NAME, chosen, kind, place, schema, profile, features)


def _dataset(
    name: str | None,
    digest: str | None,
    source: Any,
    columns: list[dict[str, Any]],
    profile: dict[str, Any],
    extras: dict[str, str],
    chunks: Iterator[bytes],
    data: Any,
) -> Dataset:
    kind, place = source_of(source)
    chosen = check_digest(digest) if digest is not None else _digest(chunks)
    return Dataset(name or _NAME, chosen, kind, place, {"mlflow_colspec": columns, **extras}, profile, data)


def _extras(targets: str | None, predictions: str | None) -> dict[str, str]:
    return {key: value for key, value in (("targets", targets), ("predictions", predictions)) if value}


def _check_columns(columns: list[str], *named: str | None) -> None:
    for name in named:
        if name is not None and name not in columns:
            raise InvalidParameter(f"The data has no column '{name}'; it has {', '.join(columns)}.")


def _digest(chunks: Iterator[bytes]) -> str:
    """32 hex digits over the whole content."""
    found = blake2b(digest_size=16)
    for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()


def _pandas_bytes(df: Any) -> Iterator[bytes]:
    import pandas as pd

    yield repr([(str(column), str(dtype)) for column, dtype in df.dtypes.items()]).encode()
    for start in range(0, len(df), _CHUNK_ROWS):
        part = df.iloc[start : start + _CHUNK_ROWS]
        try:
            yield pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes()
        except TypeError:  # lists and other things without a hash
            yield pd.util.hash_pandas_object(part.astype(str), index=False).to_numpy().tobytes()


def _polars_bytes(df: Any) -> Iterator[bytes]:
    yield repr([(column, str(dtype)) for column, dtype in df.schema.items()]).encode()
    for part in df.iter_slices(_CHUNK_ROWS):
        yield part.write_ndjson().encode()


def _arrays(value: Any, np: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {str(key): np.asarray(one) for key, one in value.items()}
    return {"": np.asarray(value)}


def _array_bytes(parts: dict[str, dict[str, Any]]) -> Iterator[bytes]:
    for part, arrays in parts.items():
        for key, one in arrays.items():
            yield repr((part, key, str(one.dtype), one.shape)).encode()
            yield repr(one.tolist()).encode() if one.dtype.hasobject else one.tobytes()


_KINDS = {"bool": "boolean", "object": "string", "str": "string", "category": "string", "utf8": "string"}


def _kind(dtype: str) -> str:
    """MLflow's word for a column's type."""
    text = dtype.lower().partition("[")[0].partition("(")[0]
    if text in _KINDS:
        return _KINDS[text]
    if text.startswith(("int", "uint")):
        return "long" if text.endswith("64") else "integer"
    if text.startswith("float"):
        return "double" if text.endswith("64") else "float"
    if text.startswith(("date", "time")):
        return "datetime"
    return "string" if text.startswith("str") else text
