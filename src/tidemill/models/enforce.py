"""Data and params made to fit a model's signature, or refused: MLflow's rules, without its cost for each column.

A frame whose columns and dtypes are those that were accepted before is let through as it is: one comparison of two
lists, not a look at each column through pandas. Others are converted group by group, one `astype` for each target type.
Beyond MLflow's conversions whole numbers become floats wherever not a single value changes.
"""

from collections.abc import Mapping
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.models import tensors
from tidemill.models.columns import convert, is_fit
from tidemill.models.infer import is_array, is_sparse
from tidemill.models.schema import Array, ColSpec, Object, Schema
from tidemill.models.signature import Signature
from tidemill.models.values import check_of, param_check


class Enforcer:
    """Checks what a model is called with. Made once for a loaded model, so that a call need not look at the schema again."""

    def __init__(self, signature: Signature | None) -> None:
        params = signature.params if signature is not None else None
        self._checks = None if params is None else {spec.name: (param_check(spec), spec.default) for spec in params}
        self._inputs = None if signature is None or signature.inputs is None else _Inputs(signature.inputs)
        self._hinted = signature is not None and signature.from_type_hint

    def data(self, data: Any) -> Any:
        """`data` as the model wants it. Raises InvalidParameter."""
        if self._inputs is None:
            return data
        return self._inputs.hinted(data) if self._hinted else self._inputs.fitted(data)

    def params(self, params: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """The params as the model wants them: known ones, with defaults for the others; None for a model without any."""
        if self._checks is None:
            return dict(params) if params else None
        given = params or {}
        return {
            name: check(given[name]) if name in given else default for name, (check, default) in self._checks.items()
        }


class _Inputs:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.columns = [spec for spec in schema if isinstance(spec, ColSpec)]
        self.nested = any(isinstance(spec.type, (Array, Object)) for spec in self.columns)
        self.required = [spec.name for spec in self.columns if spec.required]
        self.accepted: tuple[Any, list[Any]] | None = None
        """Columns and dtypes of a frame that needed no change."""
        self.names: Any = None
        """The columns of a frame that had all of them, in order."""

    def hinted(self, data: Any) -> Any:
        """For a model whose types are declared: a list stays a list, each item checked."""
        if type(data).__name__ in ("DataFrame", "Series") or is_array(data):
            return data  # the flavor turns frames into what is declared
        if not isinstance(data, list):
            raise InvalidParameter(f"This model takes a list, as it declares; not a {type(data).__name__}.")
        if isinstance(self.columns[0].type, Object):
            return data  # pydantic's own check, with defaults and conversions, follows
        check = check_of(self.columns[0].type)
        return [check(one, f"Item {at} of the input") for at, one in enumerate(data)]

    def fitted(self, data: Any) -> Any:
        if (
            type(data).__name__ == "DataFrame"
            and self.accepted is not None
            and type(data).__module__.startswith("pandas")
        ):
            names, dtypes = self.accepted
            if data.dtypes.tolist() == dtypes and data.columns.equals(names):
                return data
        if _is_spark(data):
            return data  # Spark has its own types; spark_udf checks each batch
        if type(data).__module__.startswith("polars"):
            data = data.to_frame().to_pandas() if type(data).__name__ == "Series" else data.to_pandas()
        if self.schema.is_tensor_spec():
            return tensors.fitted(data, self.schema)
        return self._frame(self._as_frame(data))

    def _as_frame(self, data: Any) -> Any:
        import pandas

        if isinstance(data, pandas.DataFrame):
            return data
        if isinstance(data, pandas.Series):
            return data.to_frame()
        if is_array(data) and len(self.required) == 1 and self.required[0] is not None:
            return pandas.DataFrame({self.required[0]: list(data) if data.ndim > 1 else data})
        if is_sparse(data):
            raise InvalidParameter("This model takes columns, as its signature says; a sparse matrix has none.")
        try:
            if isinstance(data, Mapping):
                one_row = self.nested or all(_is_single(value) for value in data.values())
                return pandas.DataFrame([data] if one_row else {name: _listed(one) for name, one in data.items()})
            return pandas.DataFrame(data if isinstance(data, (list, tuple)) or is_array(data) else [data])
        except (ValueError, TypeError) as error:
            raise InvalidParameter(
                f"This model takes a data frame; the input cannot be made into one: {error}."
            ) from None

    def _frame(self, frame: Any) -> Any:
        if self.names is not None and frame.columns.equals(self.names):
            return self._typed(frame, self.columns)
        found = self._named(frame) if self.schema.has_input_names() else self._by_position(frame)
        specs = [spec for spec, name in found]
        chosen = [name for spec, name in found]
        if len(frame.columns) != len(chosen) or frame.columns.tolist() != chosen:
            frame = frame.iloc[:, frame.columns.get_indexer(chosen)] if frame.columns.is_unique else frame[chosen]
        elif len(chosen) == len(self.columns):
            self.names = frame.columns
        return self._typed(frame, specs)

    def _typed(self, frame: Any, specs: list[ColSpec]) -> Any:
        dtypes = frame.dtypes.tolist()
        if all(is_fit(dtype, spec) for dtype, spec in zip(dtypes, specs, strict=True)):
            if not any(dtype.kind == "O" for dtype in dtypes):
                self.accepted = frame.columns, dtypes
            return frame
        return convert(frame, dtypes, specs)

    def _named(self, frame: Any) -> list[tuple[ColSpec, Any]]:
        there = set(frame.columns)
        if missing := [name for name in self.required if name not in there]:
            shown = f"{missing[:20]}" + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
            extra = [name for name in frame.columns if name not in self.schema.names][:20]
            note = f" Note that there were extra inputs: {extra}." if extra else ""
            raise InvalidParameter(f"Model is missing inputs {shown}.{note}")
        return [(spec, spec.name) for spec in self.columns if spec.name in there]

    def _by_position(self, frame: Any) -> list[tuple[ColSpec, Any]]:
        if len(frame.columns) < len(self.columns):
            raise InvalidParameter(f"The model takes {len(self.columns)} columns; the input has {len(frame.columns)}.")
        return list(zip(self.columns, frame.columns[: len(self.columns)], strict=True))


def _is_single(value: Any) -> bool:
    if value is None or isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
        return True
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _listed(value: Any) -> Any:
    return value.tolist() if is_array(value) and value.ndim > 1 else value


def _is_spark(data: Any) -> bool:
    return type(data).__name__ == "DataFrame" and type(data).__module__.startswith("pyspark")
