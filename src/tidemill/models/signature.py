"""The signature of a model: what it takes, what it gives, and its params."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.models.infer import params_of, schema_of
from tidemill.models.schema import ParamSchema, Schema


@dataclass(frozen=True, slots=True)
class Signature:
    """Schemas of a model's input, output and params; None where nothing is known.

    `from_type_hint`: it was read off the types that `predict` declares. `from_example`: those declared that an example
    decides.
    """

    inputs: Schema | None = None
    outputs: Schema | None = None
    params: ParamSchema | None = None
    from_type_hint: bool = False
    from_example: bool = False

    def __post_init__(self) -> None:
        if self.inputs is None and self.outputs is None and self.params is None:
            raise InvalidParameter("A signature needs at least one of inputs, outputs and params.")

    def to_dict(self) -> dict[str, Any]:
        """As in MLmodel: a JSON text for each part."""
        return {
            "inputs": None if self.inputs is None else self.inputs.to_json(),
            "outputs": None if self.outputs is None else self.outputs.to_json(),
            "params": None if self.params is None else self.params.to_json(),
        }

    @classmethod
    def from_dict(
        cls, fields: Mapping[str, Any], from_type_hint: bool = False, from_example: bool = False
    ) -> "Signature":
        """Read what `to_dict` or MLflow wrote. Raises InvalidParameter."""
        inputs, outputs, params = (fields.get(part) for part in ("inputs", "outputs", "params"))
        if not all(part is None or isinstance(part, str) for part in (inputs, outputs, params)):
            raise InvalidParameter("MLmodel is damaged: each part of 'signature' must be a JSON text.")
        return cls(
            Schema.from_json(inputs) if inputs else None,
            Schema.from_json(outputs) if outputs else None,
            ParamSchema.from_json(params) if params else None,
            from_type_hint,
            from_example,
        )


ModelSignature = Signature
"""MLflow's name for it."""


def infer_signature(
    model_input: Any = None, model_output: Any = None, params: Mapping[str, Any] | None = None
) -> Signature:
    """The signature of a model that takes data like `model_input`, gives data like `model_output`, and has these params.

    Data: pandas or polars frames and series, NumPy arrays, dicts of arrays, SciPy sparse matrices, lists, dicts and
    single values. A column with a missing value is optional. `params` gives each param with its default value.
    Raises InvalidParameter for data that no schema describes, or where nothing at all was given.
    """
    return Signature(
        None if model_input is None else schema_of(model_input),
        None if model_output is None else schema_of(model_output),
        params_of(params) if params else None,
    )
