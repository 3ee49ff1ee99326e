"""Search spaces: which values a parameter may take.

As text `0.1,0.2,0.3` (these values), `uniform(0, 1)`, `loguniform(1e-4, 1)`, `int(1, 10)`, `logint(1, 1000)`, the last two and
`uniform` with a step as third number. In a file the same as a list, or as a table with `low`, `high`, `step`, `log` and `type`.
"""

import math
import random
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tidemill.errors import InvalidParameter

_CALL = re.compile(r"\s*(uniform|loguniform|int|logint|choice)\s*\((.*)\)\s*", re.DOTALL)
_MOST_STEPS = 100_000


class Axis(msgspec.Struct, frozen=True):
    """The values of one parameter: `choices`, or numbers from `low` to `high`, both of them included."""

    name: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    log: bool = False
    whole: bool = False

    def values(self) -> list[str]:
        """Every value, for a grid. Raises InvalidParameter for a range without a step."""
        if self.choices:
            return list(self.choices)
        step = self.step or (1.0 if self.whole and not self.log else 0.0)
        if not step:
            raise InvalidParameter(f"A grid needs the values of '{self.name}', or a range with a step.")
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        if count > _MOST_STEPS:
            raise InvalidParameter(f"'{self.name}' has more than {_MOST_STEPS} values.")
        return [self.text(self.low + place * step) for place in range(count)]

    def draw(self, chance: random.Random) -> str:
        """One value by chance."""
        if self.choices:
            return chance.choice(self.choices)
        if self.step:
            return chance.choice(self.values())
        if self.log:
            return self.text(
                min(max(math.exp(chance.uniform(math.log(self.low), math.log(self.high))), self.low), self.high)
            )
        return self.text(
            chance.randint(int(self.low), int(self.high)) if self.whole else chance.uniform(self.low, self.high)
        )

    def text(self, value: float) -> str:
        """A number as the parameter's value."""
        return str(round(value)) if self.whole else repr(float(f"{value:.12g}"))


def axis(name: str, given: Any) -> Axis:
    """The axis that a text, a list or a table stands for. Raises InvalidParameter."""
    if isinstance(given, list):
        return _choices(name, [_plain(one) for one in given])
    if isinstance(given, Mapping):
        return _range(name, given)
    text = str(given)
    call = _CALL.fullmatch(text)
    if call is None:
        return _choices(name, [one.strip() for one in text.split(",")])
    kind, inner = call[1], [one.strip() for one in call[2].split(",")]
    if kind == "choice":
        return _choices(name, inner)
    try:
        numbers = [float(one) for one in inner]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 3):
        raise InvalidParameter(f"'{name}={text}' needs two numbers, and perhaps a step: {kind}(low, high).")
    table: dict[str, Any] = {"low": numbers[0], "high": numbers[1], "log": kind.startswith("log")}
    table |= {"type": "int"} if kind.endswith("int") else {}
    return _range(name, table | ({"step": numbers[2]} if len(numbers) == 3 else {}))


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choices(name: str, values: list[str]) -> Axis:
    if not values or len(set(values)) != len(values):
        raise InvalidParameter(f"'{name}' needs one or more different values.")
    return Axis(name, tuple(values))


def _range(name: str, table: Mapping[str, Any]) -> Axis:
    unknown = set(table) - {"low", "high", "step", "log", "type"}
    if unknown or "low" not in table or "high" not in table:
        raise InvalidParameter(f"The range of '{name}' is a table with low and high, and perhaps step, log and type.")
    try:
        low, high, step = float(table["low"]), float(table["high"]), float(table.get("step", 0))
    except (TypeError, ValueError):
        raise InvalidParameter(f"The range of '{name}' must be of numbers.") from None
    log, whole = bool(table.get("log", False)), table.get("type", "float") == "int"
    if not (math.isfinite(low) and math.isfinite(high)) or low > high or step < 0 or (log and (low <= 0 or step)):
        raise InvalidParameter(
            f"The range of '{name}' must go from a lower to a higher number; logarithmic ones start above 0 and have no step."
        )
    return Axis(name, low=low, high=high, step=step, log=log, whole=whole)
