"""Whatever can be served: a name, a version, what it takes, and a function. The seam for models and for services."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidemill.serving.schema import Schema, read_schema


def _nothing() -> None:
    return None


@dataclass(slots=True)
class Servable:
    """One version of something to serve.

    `predict(data, params)` gets what its schema says: a data frame for columns, an array or a dict of arrays for
    tensors, an object for neither; it is called in a thread, never twice at once unless `lanes` > 1. `inputs`, `outputs`
    and `params` are the lists of an MLflow signature, None where it has none. `example` is the body of an `/invocations`
    request. `batches` says whether rows are independent, so that requests may share a call; None: find out.
    `objects`: `inputs` of a request go to `predict` as the JSON values they are. `abort` is called when a call took too
    long, `close` when nobody will call any more. `source` is for people: where it was loaded from.
    """

    name: str
    version: str
    predict: Callable[[Any, dict[str, Any] | None], Any]
    inputs: list[Mapping[str, Any]] | None = None
    outputs: list[Mapping[str, Any]] | None = None
    params: list[Mapping[str, Any]] | None = None
    example: bytes | None = None
    batches: bool | None = None
    objects: bool = False
    lanes: int = 1
    source: str = ""
    arrays: bool = False
    abort: Callable[[], None] = _nothing
    close: Callable[[], None] = _nothing
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def schema(self) -> Schema | None:
        """What `inputs` say."""
        return read_schema(self.inputs)
