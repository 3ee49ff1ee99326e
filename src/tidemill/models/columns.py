"""The conversion of a frame's columns to the types of a signature. Nothing that would change a value is done."""

from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.models.schema import ColSpec, DataType
from tidemill.models.values import check_of

_TARGETS = {
    DataType.boolean: "bool", DataType.integer: "int32", DataType.long: "int64", DataType.float: "float32",
    DataType.double: "float64", DataType.datetime: "datetime64[ns]",
}  # fmt: skip
_EXACT = {DataType.float: 2**24, DataType.double: 2**53}
"""Up to which whole numbers a float holds each one exactly."""
_last: dict[Any, Any] = {}
"""For each type the dtype that fitted last: NumPy has one object for each of its common dtypes."""
_TEXTS = ("object", "str", "string", "category")


def is_fit(dtype: Any, spec: ColSpec) -> bool:
    """Whether a column of this dtype can be given to the model as it is."""
    wanted = spec.type
    if dtype is _last.get(wanted):
        return True
    fit = _fits(dtype, wanted)
    if fit:
        _last[wanted] = dtype
    return fit


def _fits(dtype: Any, wanted: Any) -> bool:
    if not isinstance(wanted, DataType):
        return False
    name = dtype.name
    if wanted is DataType.string:
        return name in _TEXTS or name.startswith("string")
    if wanted is DataType.binary:
        return name in _TEXTS or dtype.kind == "S"
    return bool(name == _TARGETS[wanted])


def convert(frame: Any, dtypes: list[Any], specs: list[ColSpec]) -> Any:
    """`frame` with each column converted to its type. Raises InvalidParameter, which names the column."""
    groups: dict[str, list[int]] = {}
    exact: dict[DataType, list[int]] = {}
    alone: dict[int, Any] = {}
    verdicts: dict[tuple[Any, Any], str] = {}
    for at, (dtype, spec) in enumerate(zip(dtypes, specs, strict=True)):
        key = dtype, spec.type
        verdict = verdicts.get(key) or verdicts.setdefault(key, _verdict(dtype, spec))
        if verdict == "cast":
            groups.setdefault(_TARGETS[spec.type], []).append(at)  # type: ignore[index]
        elif verdict == "exact":
            exact.setdefault(spec.type, []).append(at)  # type: ignore[arg-type]
        elif verdict == "look":
            alone[at] = _converted(frame.iloc[:, at], spec)
    for wanted, members in exact.items():
        _check_exact(frame.iloc[:, members], wanted)
        groups.setdefault(_TARGETS[wanted], []).extend(members)
    if not alone and len({spec.type for spec in specs}) == 1:
        return frame.astype(next(iter(groups)))
    return _put_together(frame, groups, alone)


def _put_together(frame: Any, groups: dict[str, list[int]], alone: dict[int, Any]) -> Any:
    """The columns that stay, those cast (at once for each target), and those converted alone, in the frame's order."""
    import pandas

    moved = {at for members in groups.values() for at in members} | alone.keys()
    kept = [at for at in range(len(frame.columns)) if at not in moved]
    parts, order = [frame.iloc[:, kept]], list(kept)
    for target, members in groups.items():
        parts.append(frame.iloc[:, members].astype(target))
        order += members
    for at, column in alone.items():
        parts.append(column.to_frame())
        order.append(at)
    together = pandas.concat(parts, axis=1)
    place = {at: where for where, at in enumerate(order)}
    together = together.iloc[:, [place[at] for at in range(len(order))]]
    together.columns = frame.columns
    return together


def _check_exact(numbers: Any, wanted: DataType) -> None:
    values = numbers.to_numpy()
    limit = _EXACT[wanted]
    if values.size and not bool((values.max() <= limit) & (values.min() >= -limit)):
        at = int(((values > limit) | (values < -limit)).any(axis=0).argmax())
        raise _refusal(numbers.iloc[:, at], wanted)


def _verdict(dtype: Any, spec: ColSpec) -> str:
    """`keep`, `cast` (always safe), `exact` (safe for whole numbers that are not too large), or `look` (at the values)."""
    if is_fit(dtype, spec):
        return "keep"
    wanted = spec.type
    if not isinstance(wanted, DataType) or wanted not in _TARGETS or dtype.kind == "O":
        return "look"
    kind, size = dtype.kind, dtype.itemsize
    extension = not hasattr(dtype, "byteorder")  # pandas' nullable types may hold missing values
    if extension:
        return "look"
    if wanted is DataType.datetime:
        return "cast" if kind == "M" else "look"
    target_kind, bits = _kind_of(wanted)
    if kind == target_kind and size * 8 <= bits:
        return "cast"
    if kind == "u" and target_kind == "i" and size * 8 < bits:
        return "cast"
    if kind in "iu" and wanted in _EXACT:
        return "cast" if wanted is DataType.double and size <= 4 else "exact"
    return "look"


def _kind_of(wanted: DataType) -> tuple[str, int]:
    return {
        DataType.boolean: ("b", 8), DataType.integer: ("i", 32), DataType.long: ("i", 64),
        DataType.float: ("f", 32), DataType.double: ("f", 64),
    }[wanted]  # fmt: skip


def _converted(column: Any, spec: ColSpec) -> Any:
    """One column, by its values."""
    import pandas

    wanted = spec.type
    if not isinstance(wanted, DataType):
        check, where = check_of(wanted, spec.required), f"Column '{column.name}'"
        return pandas.Series([check(one, where) for one in column], index=column.index, name=column.name, dtype=object)
    if column.dtype.kind == "O" and wanted in _TARGETS:
        column = column.infer_objects()
        if column.dtype.kind != "O":
            return column if is_fit(column.dtype, spec) else _recast(column, spec)
        return _of_objects(column, wanted)
    return _recast(column, spec)


def _recast(column: Any, spec: ColSpec) -> Any:
    wanted = spec.type
    assert isinstance(wanted, DataType)
    if _verdict(column.dtype, spec) == "cast":
        return column.astype(_TARGETS[wanted])
    if wanted is DataType.datetime:
        raise _refusal(column, wanted, _zone_hint(column))
    kind = column.dtype.kind
    if _verdict(column.dtype, spec) == "exact":
        _check_exact(column.to_frame(), wanted)
        return column.astype(_TARGETS[wanted])
    if not hasattr(column.dtype, "byteorder") and wanted in _TARGETS and not column.isna().any():
        plain = column.astype(column.dtype.numpy_dtype) if hasattr(column.dtype, "numpy_dtype") else column
        if plain.dtype != column.dtype:
            return plain if is_fit(plain.dtype, spec) else _recast(plain, spec)
    if kind == "f" and wanted in (DataType.float, DataType.double) and not hasattr(column.dtype, "byteorder"):
        return column.astype(_TARGETS[wanted])
    raise _refusal(column, wanted, _whole_hint(column, wanted))


def _of_objects(column: Any, wanted: DataType) -> Any:
    """Mixed Python objects: None among booleans, texts of dates, Decimals."""
    import pandas

    if wanted is DataType.boolean and all(one is None or isinstance(one, bool) for one in column):
        return column
    try:
        if wanted is DataType.datetime:
            return pandas.to_datetime(column).astype("datetime64[ns]")
        if wanted is DataType.double and all(type(one).__name__ == "Decimal" for one in column):
            return pandas.to_numeric(column)
    except (ValueError, TypeError):
        pass
    raise _refusal(column, wanted)


def _refusal(column: Any, wanted: DataType, hint: str = "") -> InvalidParameter:
    return InvalidParameter(
        f"Incompatible input types for column {column.name}. Can not safely convert {column.dtype} to "
        f"{_TARGETS.get(wanted, wanted.value)}.{hint}"
    )


def _zone_hint(column: Any) -> str:
    return " Times must have no time zone." if column.dtype.kind == "M" else ""


def _whole_hint(column: Any, wanted: DataType) -> str:
    if wanted not in (DataType.integer, DataType.long) or column.dtype.kind != "f" or not column.isna().any():
        return ""
    known = column.dropna()
    if not bool((known == known.round()).all()):
        return ""
    return " Missing values made whole numbers into floats: declare the column as double, or fill them."
