"""What a command line asks to serve: `[name=]address`, and which version an address means.

models:/fraud@champion       the version that the alias points at, whichever that is now
models:/fraud/3              this version
models:/fraud/Production     the newest version in that stage; `latest`: the newest of all
models:/m-…, runs:/…, s3://… a logged model, files of a run, files anywhere
./folder                     a model folder
"""

import os
import re
from dataclasses import dataclass
from urllib.parse import unquote

from tidemill.errors import InvalidParameter

_NAMED = re.compile(r"([^=/:@]{1,200})=(.+)", re.DOTALL)
_NAME = re.compile(r"[^/\x00-\x1f]{1,200}")


@dataclass(frozen=True, slots=True)
class ModelAddress:
    """`text` is as given. `model` is the registered model's name, empty for files; `alias`, `version` or `stage` says
    which of its versions.
    """

    text: str
    model: str = ""
    alias: str = ""
    version: str = ""
    stage: str = ""

    @property
    def follows(self) -> bool:
        """Whether another version may be meant later."""
        return bool(self.alias or self.stage)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to serve as what: `role` is current, canary or shadow; `percent` of requests go to a canary."""

    name: str
    role: str
    address: ModelAddress
    percent: float = 0.0


def parse_address(text: str) -> ModelAddress:
    """Raises InvalidParameter."""
    if not text.startswith("models:"):
        if not text.strip():
            raise InvalidParameter("The address of a model is empty.")
        return ModelAddress(text)
    path = text.removeprefix("models:").lstrip("/")
    head, slash, rest = path.partition("/")
    if head.startswith("m-") and "@" not in head:
        return ModelAddress(text)
    name, at, alias = head.rpartition("@")
    if at and not slash and name and alias:
        return ModelAddress(text, unquote(name), alias=alias)
    if head and rest and "/" not in rest:
        version = rest if rest.isdigit() else ""
        return ModelAddress(text, unquote(head), version=version, stage="" if version else rest)
    raise InvalidParameter(f"'{text}' is no model address; write models:/<name>@<alias> or models:/<name>/<version>.")


def plans(models: tuple[str, ...], canaries: tuple[str, ...] = (), shadows: tuple[str, ...] = ()) -> list[Plan]:
    """All that is to be served. Raises InvalidParameter where a name is taken twice, or is unknown."""
    found = []
    names: set[str] = set()
    for text in models:
        name, address = _split(text)
        name = name or address.model or os.path.basename(address.text.rstrip("/")) or "model"
        if name in names:
            raise InvalidParameter(f"Two models are named '{name}'; name one as other={address.text}.")
        if not _NAME.fullmatch(name):
            raise InvalidParameter(f"'{name}' cannot be a model's name: it must not hold slashes.")
        names.add(name)
        found.append(Plan(name, "current", address))
    for text in canaries:
        body, _, share = text.rpartition(":")
        try:
            percent = float(share.rstrip("%"))
        except ValueError:
            raise InvalidParameter(f"A canary is <name>=<address>:<percent>, not '{text}'.") from None
        if not 0 <= percent <= 100:
            raise InvalidParameter(f"A canary's share lies between 0 and 100 percent, not {percent:g}.")
        found.append(_beside(body, "canary", names, percent))
    found += [_beside(text, "shadow", names, 0.0) for text in shadows]
    return found


def _beside(text: str, role: str, names: set[str], percent: float) -> Plan:
    name, address = _split(text)
    name = name or address.model
    if name not in names:
        raise InvalidParameter(f"The {role} '{text}' stands beside no model; served are: {', '.join(sorted(names))}.")
    return Plan(name, role, address, percent)


def _split(text: str) -> tuple[str, ModelAddress]:
    named = _NAMED.fullmatch(text)
    if named is not None:
        return named[1], parse_address(named[2])
    return "", parse_address(text)
