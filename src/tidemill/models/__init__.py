"""`tidemill.models`: models as folders on disk, in MLflow's open format; written, checked and loaded without any server."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from tidemill.models.schema import AnyType as AnyType
    from tidemill.models.schema import Array as Array
    from tidemill.models.schema import ColSpec as ColSpec
    from tidemill.models.schema import DataType as DataType
    from tidemill.models.schema import Map as Map
    from tidemill.models.schema import Object as Object
    from tidemill.models.schema import ParamSchema as ParamSchema
    from tidemill.models.schema import ParamSpec as ParamSpec
    from tidemill.models.schema import Property as Property
    from tidemill.models.schema import Schema as Schema
    from tidemill.models.schema import TensorSpec as TensorSpec
    from tidemill.models.script import set_model as set_model
    from tidemill.models.signature import ModelSignature as ModelSignature
    from tidemill.models.signature import infer_signature as infer_signature

_HOME = {
    "schema": "AnyType Array ColSpec DataType Map Object ParamSchema ParamSpec Property Schema TensorSpec",
    "script": "set_model",
    "signature": "ModelSignature infer_signature",
}
_HOME_OF = {name: home for home, names in _HOME.items() for name in names.split()}


def __getattr__(name: str) -> "Any":
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME_OF])
