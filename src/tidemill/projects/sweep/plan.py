"""What a sweep is: a project, a space, how to search it, and how many trials; kept with the sweep's run as one file."""

import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

from tidemill.errors import InvalidParameter, NotFound
from tidemill.projects.job import Resources
from tidemill.projects.launch import Request
from tidemill.projects.sweep.search import KINDS
from tidemill.projects.sweep.space import Axis, axis
from tidemill.tracking.files import Files

FILE = "sweep/sweep.json"
GOALS = ("minimize", "maximize")
PRUNERS = ("none", "median")
_SETTINGS = ("metric", "goal", "search", "trials", "parallel", "seed", "prune")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep. Law of the format: as that of `project.json`.

    `trials` 0: all of a grid. `parallel` is how many trials run at a time. `metric` is what is compared, "" for nothing.
    """

    version: int = 1
    address: str
    project_version: str | None = None
    entry_point: str = "main"
    values: dict[str, str] = {}
    space: tuple[Axis, ...] = ()
    search: str = "random"
    trials: int = 0
    parallel: int = 1
    metric: str = ""
    goal: str = "minimize"
    seed: int = 0
    prune: str = "none"
    way: str = "auto"
    offline: bool = False
    executor: str = "local"
    settings: dict[str, Any] = {}
    resources: Resources = Resources()
    secrets: tuple[str, ...] = ()

    def checked(self) -> "Plan":
        """Itself. Raises InvalidParameter where it makes no sense."""
        for value, allowed, what in (
            (self.search, KINDS, "search"), (self.goal, GOALS, "goal"), (self.prune, PRUNERS, "prune"),
        ):  # fmt: skip
            if value not in allowed:
                raise InvalidParameter(f"There is no {what} '{value}'; choose one of {', '.join(allowed)}.")
        if self.parallel < 1 or self.trials < 0:
            raise InvalidParameter("A sweep needs one trial at a time or more, and no negative number of trials.")
        if self.search != "grid" and not self.trials:
            raise InvalidParameter(f"A {self.search} search never ends by itself: give --trials.")
        if not self.metric and (self.search == "optuna" or self.prune != "none"):
            raise InvalidParameter("Give the --metric to compare trials by.")
        names = [one.name for one in self.space]
        if len(set(names)) != len(names) or set(names) & set(self.values):
            raise InvalidParameter("Each parameter has either one value (-P) or one space (-S).")
        return self

    def request(self) -> Request:
        """What every trial runs."""
        return Request(
            address=self.address,
            version=self.project_version,
            entry_point=self.entry_point,
            values=self.values,
            way=self.way,
            offline=self.offline,
            executor=self.executor,
            settings=self.settings,
            resources=self.resources,
            secrets=self.secrets,
        )


def read_toml(path: str) -> tuple[dict[str, Any], list[Axis]]:
    """The settings of the table `[sweep]` in a file, and the axes of `[sweep.space]`. Raises InvalidParameter, NotFound."""
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file).get("sweep")
    except FileNotFoundError:
        raise NotFound(f"There is no file '{path}'.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"The file '{path}' is not readable TOML: {error}.") from None
    if not isinstance(table, Mapping):
        raise InvalidParameter(f"The file '{path}' has no table [sweep].")
    space = table.get("space", {})
    unknown = set(table) - {*_SETTINGS, "space"}
    if unknown or not isinstance(space, Mapping):
        raise InvalidParameter(
            f"The table [sweep] knows {', '.join(_SETTINGS)} and [sweep.space], not {sorted(unknown)}."
        )
    return {key: value for key, value in table.items() if key != "space"}, [
        axis(name, one) for name, one in space.items()
    ]


def write(plan: Plan, files: Files) -> None:
    """Keep the plan with the sweep's run."""
    files.write(FILE, msgspec.json.format(msgspec.json.encode(plan), indent=1))


def read(files: Files, run_id: str) -> Plan:
    """The plan of a sweep's run. Raises NotFound, InvalidParameter."""
    try:
        data = files.read(FILE)
    except NotFound:
        raise NotFound(f"The run {run_id} is not that of a sweep: it has no file {FILE}.") from None
    try:
        return msgspec.json.decode(data, type=Plan)
    except msgspec.MsgspecError as error:
        raise InvalidParameter(f"The plan {FILE} of the run {run_id} cannot be read: {error}.") from None
