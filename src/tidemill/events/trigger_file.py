"""The file of triggers: TOML, written by whoever runs the server. Commands come from nowhere else.

[[trigger]]
name = "deploy"
kinds = ["model_version_alias.moved"]
subject = "registered_model/fraud"
where = { alias = "champion" }
command = ["/opt/deploy.sh", "fraud"]
"""

import os
import re
import stat
import tomllib
from typing import Any

import msgspec

from tidemill.errors import InvalidParameter
from tidemill.types.triggers import Trigger

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Project(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A project to run. In the values of `params`, `{data.name}`, `{kind}`, `{subject}` and `{id}` stand for the event's."""

    uri: str
    entry_point: str = ""
    params: dict[str, str] = {}
    options: list[str] = []


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An HTTP call, by the rules for webhooks. `secret_env` names the environment variable that holds the secret."""

    url: str
    headers: dict[str, str] = {}
    secret_env: str = ""


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[trigger]]`. See docs/reference/triggers.md."""

    name: str
    kinds: list[str]
    subject: str = ""
    where: dict[str, str | int | float | bool] = {}
    command: list[str] = []
    project: Project | None = None
    http: Call | None = None
    env: dict[str, str] = {}
    pass_env: list[str] = []
    folder: str = ""
    time_limit: float = 600.0
    retries: int = 3
    concurrency: int = 1

    def shown(self) -> Trigger:
        """As operations answer it."""
        does, target = "command", " ".join(self.command)
        if self.project is not None:
            does, target = "project", self.project.uri
        elif self.http is not None:
            does, target = "http", self.http.url
        return Trigger(
            name=self.name,
            kinds=self.kinds,
            subject=self.subject,
            where=dict(self.where),
            does=does,
            target=target,
            time_limit=self.time_limit,
            retries=self.retries,
            concurrency=self.concurrency,
        )


class _File(msgspec.Struct, forbid_unknown_fields=True):
    trigger: list[Action] = []


def load(path: str) -> list[Action]:
    """The triggers of a file. Raises InvalidParameter where it cannot be read, or others may write to it."""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw: dict[str, Any] = tomllib.load(file)
    except OSError as error:
        raise InvalidParameter(f"The file of triggers '{path}' cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"The file of triggers '{path}' is not TOML: {error}.") from None
    if mode & stat.S_IWOTH:
        raise InvalidParameter(f"Everybody may write to '{path}', which holds commands. Run: chmod o-w '{path}'")
    try:
        found = msgspec.convert(raw, _File).trigger
    except msgspec.ValidationError as error:
        raise InvalidParameter(f"The file of triggers '{path}' is wrong: {error}.") from None
    names = set()
    for action in found:
        _check(action, path)
        if action.name in names:
            raise InvalidParameter(f"Two triggers in '{path}' have the name '{action.name}'.")
        names.add(action.name)
    return found


def _check(action: Action, path: str) -> None:
    def wrong(text: str) -> InvalidParameter:
        return InvalidParameter(f"The trigger '{action.name}' in '{path}' {text}.")

    if not _NAME.fullmatch(action.name):
        raise wrong("needs a name of letters, digits, dots, dashes and underscores, at most 63")
    if not action.kinds:
        raise wrong("names no kinds of events")
    if sum((bool(action.command), action.project is not None, action.http is not None)) != 1:
        raise wrong("needs exactly one of command, project and http")
    if action.time_limit <= 0 or action.retries < 0 or not 1 <= action.concurrency <= 100:
        raise wrong("needs a positive time_limit, retries of 0 or more and a concurrency of 1 to 100")
