"""What a model wants to be asked with: the input part of a signature, as the decoders need it.

The format is MLflow's: a list of columns `{"type": "double", "name": "x", "required": true}` or of tensors
`{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 4]}}`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NUMPY = {"boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64"}
"""The array types of column types that lie in arrays; columns of other types are arrays of objects."""


@dataclass(frozen=True, slots=True)
class Column:
    """One named column. `kind` is a type of MLflow's (`double`, `string`, …); anything nested is `any`."""

    name: str
    kind: str
    required: bool = True

    @property
    def dtype(self) -> str:
        """The numpy type its values have in an array."""
        if self.kind == "datetime":
            return "datetime64[ns]"
        if not self.required and self.kind in ("boolean", "integer", "long"):
            return "object"  # may hold gaps
        return NUMPY.get(self.kind, "object")


@dataclass(frozen=True, slots=True)
class Tensor:
    """One array; `shape` with -1 where any length is fine. `name` is empty where there is only one."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """Either columns or tensors."""

    columns: tuple[Column, ...] = ()
    tensors: tuple[Tensor, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in the model's order."""
        return tuple(one.name for one in self.columns)

    @property
    def uniform(self) -> str:
        """The numpy type that all columns share, so that they can be one matrix; empty where they cannot."""
        kinds = {one.dtype for one in self.columns}
        if len(kinds) != 1 or kinds & {"object", "datetime64[ns]"}:
            return ""
        return next(iter(kinds))


def read_schema(inputs: Sequence[Mapping[str, Any]] | None) -> Schema | None:
    """The schema written in a signature; None where there is none that says anything."""
    if not inputs:
        return None
    if inputs[0].get("type") == "tensor":
        return Schema(tensors=tuple(_tensor(one) for one in inputs))
    columns = []
    for number, one in enumerate(inputs):
        kind = str(one.get("type", "any"))
        simple = kind in NUMPY or kind in ("string", "binary", "datetime")
        required = bool(one.get("required", not one.get("optional", False)))
        columns.append(Column(str(one.get("name", number)), kind if simple else "any", required))
    if len(inputs) == 1 and "name" not in inputs[0]:
        return None if columns[0].kind == "any" else Schema(columns=(Column("0", columns[0].kind),))
    return Schema(columns=tuple(columns))


def _tensor(one: Mapping[str, Any]) -> Tensor:
    spec = one.get("tensor-spec", {})
    return Tensor(str(one.get("name", "")), str(spec.get("dtype", "object")), tuple(spec.get("shape", (-1,))))
