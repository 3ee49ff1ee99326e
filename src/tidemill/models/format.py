"""The file `MLmodel` of a model folder: MLflow's open format (3.17), read and written.

YAML with these keys: `flavors` (name → dict; `python_function` says how anything can call the model), `signature`,
`saved_input_example_info`, `metadata`, `model_uuid`, `model_id`, `run_id`, `artifact_path`, `mlflow_version`,
`utc_time_created`, `model_size_bytes`, and whatever later versions add, which is kept.
"""

import datetime
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter, NotFound
from tidemill.models.signature import Signature

FILE = "MLmodel"
"""The name of the file."""

MLFLOW_VERSION = "3.17.2"
"""The version of MLflow whose format is written."""

PYFUNC = "python_function"
"""The flavor by which any tool can call the model."""

_LIMIT = 64 << 20  # bytes; a signature of 100,000 columns has about 10 MB
_OWN = (
    "flavors", "signature", "metadata", "saved_input_example_info", "model_uuid", "model_id", "run_id",
    "artifact_path", "mlflow_version", "utc_time_created", "model_size_bytes", "is_signature_from_type_hint",
    "type_hint_from_example",
)  # fmt: skip


_KINDS: dict[str, type] = {
    "signature": dict, "metadata": dict, "saved_input_example_info": dict, "model_uuid": str, "model_id": str,
    "run_id": str, "artifact_path": str, "model_size_bytes": int,
}  # fmt: skip


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None).isoformat(" ")


@dataclass
class ModelFile:
    """What MLmodel says. `extra` holds keys that only other writers know; they are written back as they were."""

    flavors: dict[str, dict[str, Any]] = field(default_factory=dict)
    signature: Signature | None = None
    metadata: dict[str, Any] | None = None
    saved_input_example_info: dict[str, Any] | None = None
    model_uuid: str = field(default_factory=lambda: uuid.uuid4().hex)
    model_id: str | None = None
    run_id: str | None = None
    artifact_path: str | None = None
    mlflow_version: str | None = MLFLOW_VERSION
    utc_time_created: str = field(default_factory=_now)
    model_size_bytes: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The content of the file."""
        optional = {
            "metadata": self.metadata,
            "saved_input_example_info": self.saved_input_example_info,
            "run_id": self.run_id,
            "artifact_path": self.artifact_path,
            "mlflow_version": self.mlflow_version,
        }
        fields: dict[str, Any] = {
            "prompts": None,
            **self.extra,
            "flavors": self.flavors,
            "model_id": self.model_id,
            "model_uuid": self.model_uuid,
            "model_size_bytes": self.model_size_bytes,
            "utc_time_created": self.utc_time_created,
            **{key: value for key, value in optional.items() if value is not None},
        }
        if self.signature is not None:
            fields["signature"] = self.signature.to_dict()
            fields["is_signature_from_type_hint"] = self.signature.from_type_hint
            fields["type_hint_from_example"] = self.signature.from_example
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "ModelFile":
        """From the content of the file. Raises InvalidParameter."""
        flavors = fields.get("flavors") or {}
        if not isinstance(flavors, dict) or not all(isinstance(one, dict) for one in flavors.values()):
            raise InvalidParameter("MLmodel is damaged: 'flavors' must be a map of maps.")
        for key, kind in _KINDS.items():
            if fields.get(key) is not None and not isinstance(fields[key], kind):
                raise InvalidParameter(f"MLmodel is damaged: '{key}' must be a {kind.__name__}.")
        said = fields.get("signature")
        hinted = bool(fields.get("is_signature_from_type_hint")), bool(fields.get("type_hint_from_example"))
        signature = Signature.from_dict(said, *hinted) if isinstance(said, dict) and any(said.values()) else None
        plain = {key: fields[key] for key in _OWN[2:-2] if fields.get(key) is not None}
        plain["utc_time_created"] = str(fields.get("utc_time_created") or "")
        plain.setdefault("model_uuid", "")
        plain.setdefault("mlflow_version", None)
        extra = {key: value for key, value in fields.items() if key not in _OWN and value is not None}
        return cls(flavors=dict(flavors), signature=signature, extra=extra, **plain)

    def write(self, folder: "str | os.PathLike[str]") -> None:
        """Write `MLmodel` into a model folder. What was there is replaced as a whole."""
        path = Path(folder) / FILE
        fresh = path.with_name(".MLmodel.part")
        fresh.write_text(to_yaml(self.to_dict()), encoding="utf-8")
        fresh.replace(path)

    @classmethod
    def read(cls, folder: "str | os.PathLike[str]") -> "ModelFile":
        """Read the `MLmodel` of a model folder. Raises NotFound where there is none, InvalidParameter for a damaged one."""
        path = Path(folder) / FILE
        if not path.is_file():
            raise NotFound(f"There is no model in '{folder}': it has no file {FILE}.")
        if path.stat().st_size > _LIMIT:
            raise InvalidParameter(f"'{path}' is larger than {_LIMIT >> 20} MiB; this is no model.")
        fields = from_yaml(path.read_text(encoding="utf-8"), str(path))
        if not isinstance(fields, dict):
            raise InvalidParameter(f"'{path}' is damaged: it must hold a map.")
        return cls.from_dict(fields)

    def pyfunc(self) -> dict[str, Any]:
        """The section `python_function`. Raises InvalidParameter for a model that has none."""
        if PYFUNC not in self.flavors:
            known = ", ".join(self.flavors) or "none"
            raise InvalidParameter(f"This model cannot be called as a function; its flavors are: {known}.")
        return self.flavors[PYFUNC]


def to_yaml(content: Any) -> str:
    """YAML with sorted keys, of plain data only."""
    import yaml

    return str(yaml.safe_dump(content, sort_keys=True, allow_unicode=True, default_flow_style=False))


def from_yaml(text: str, where: str) -> Any:
    """Read YAML; it can make plain data only. Raises InvalidParameter."""
    import yaml

    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506  (built on the safe loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidParameter(f"'{where}' is not YAML: {' '.join(str(error).split())}.") from None


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def inside(folder: "str | os.PathLike[str]", path: str, what: str) -> Path:
    """The file or folder that a model folder's MLmodel names, proven to lie in that folder, links followed.

    Raises InvalidParameter for a path that leads out, NotFound where nothing is. `what` names it in errors.
    """
    root = os.path.realpath(folder)
    if not isinstance(path, str) or "\0" in path:
        raise InvalidParameter(f"MLmodel is damaged: '{what}' must be a path.")
    found = os.path.realpath(os.path.join(root, path.replace("\\", "/")))
    if found != root and not found.startswith(root + os.sep):
        raise InvalidParameter(
            f"MLmodel names '{path}' as {what}, which lies outside the model's folder; it is not opened."
        )
    if not os.path.exists(found):
        raise NotFound(f"The model's {what} '{path}' is missing in its folder.")
    return Path(found)
