"""Data and params made to fit a model's signature, or refused."""

from collections.abc import Mapping
from typing import Any

from tidemill.models.schema import ParamSchema
from tidemill.models.signature import Signature


class Enforcer:
    """Checks what a model is called with. Made once for a loaded model, so that a call need not look at the schema again."""

    def __init__(self, signature: Signature | None) -> None:
        self._inputs = signature.inputs if signature is not None else None
        self._params: ParamSchema | None = signature.params if signature is not None else None

    def data(self, data: Any) -> Any:
        """`data` as the model wants it."""
        return data

    def params(self, params: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """The params as the model wants them: known ones, with defaults for the others; None for a model without any."""
        if self._params is None:
            return dict(params) if params else None
        return {spec.name: spec.default for spec in self._params} | dict(params or {})
