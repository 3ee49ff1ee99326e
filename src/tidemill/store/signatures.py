"""Whether one model can take the place of another: it must accept what that accepted and answer what that answered."""

import json
from typing import Any

from tidemill.store.model_files import ModelFiles, Signature

_WIDER = {
    "boolean": ("boolean",),
    "integer": ("integer", "long", "double"),
    "long": ("long",),
    "float": ("float", "double"),
}
"""The types that take every value of a type without loss."""


def breaks(old: Signature, new: Signature) -> list[str]:
    """What callers of the model with the signature `old` would trip over with `new`; empty: nothing."""
    found = []
    before, after = _named(old.inputs), _named(new.inputs)
    for name, spec in after.items():
        if name not in before:
            if old.inputs and spec.get("required", True):
                found.append(f"the input {name} is new and required")
        elif spec.get("required", True) and not before[name].get("required", True):
            found.append(f"the input {name} was optional and is required")
        elif not _takes(spec, before[name]):
            found.append(f"the input {name} was {_kind(before[name])} and is {_kind(spec)}")
    before, after = _named(old.outputs), _named(new.outputs)
    for name, spec in before.items() if after else ():
        if name not in after:
            found.append(f"the output {name} is gone")
        elif _kind(spec) != _kind(after[name]):
            found.append(f"the output {name} was {_kind(spec)} and is {_kind(after[name])}")
    if before and not after:
        found.append("the outputs are not described any more")
    return found


def cannot_replace(old: ModelFiles, new: ModelFiles) -> list[str]:
    """Why a model cannot take the place of another, as sentences without a full stop; empty: it can."""
    if old.signature is None:
        return []  # nothing was promised
    if new.signature is None:
        return [f"the model has no signature{': ' + new.why_not if new.why_not else ''}"]
    return breaks(old.signature, new.signature)


def describe(signature: Signature | None) -> dict[str, str]:
    """Each input and output by its name, as a short text."""
    if signature is None:
        return {}
    shown = {}
    for side, specs in (("input", signature.inputs), ("output", signature.outputs)):
        for name, spec in _named(specs).items():
            optional = "" if spec.get("required", True) else ", optional"
            shown[f"{side} {name}"] = _kind(spec) + optional
    return shown


def _named(specs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str(spec.get("name", f"#{place}")): spec for place, spec in enumerate(specs)}


def _kind(spec: dict[str, Any]) -> str:
    tensor = spec.get("tensor-spec")
    if isinstance(tensor, dict):
        return f"tensor {tensor.get('dtype')} {tensor.get('shape')}"
    rest = {key: value for key, value in spec.items() if key not in ("name", "required", "type")}
    return str(spec.get("type")) + (f" {json.dumps(rest, sort_keys=True)}" if rest else "")


def _takes(new: dict[str, Any], old: dict[str, Any]) -> bool:
    if isinstance(new.get("tensor-spec"), dict) and isinstance(old.get("tensor-spec"), dict):
        return _takes_tensor(new["tensor-spec"], old["tensor-spec"])
    return _kind(new) == _kind(old) or new.get("type") in _WIDER.get(str(old.get("type")), ())


def _takes_tensor(new: dict[str, Any], old: dict[str, Any]) -> bool:
    shape, before = new.get("shape"), old.get("shape")
    if new.get("dtype") != old.get("dtype") or not isinstance(shape, list) or not isinstance(before, list):
        return False
    return len(shape) == len(before) and all(one in (-1, other) for one, other in zip(shape, before, strict=True))
