"""Which values to try next: every combination, by chance, or what Optuna proposes."""

import itertools
import random
from collections.abc import Sequence
from typing import Any, Protocol

from tidemill.errors import InvalidParameter, MissingDependency
from tidemill.projects.sweep.space import Axis

KINDS = ("grid", "random", "optuna")
Values = dict[str, str]


class Search(Protocol):
    """Proposes trials by number, from 0. Used by one thread at a time."""

    def ask(self, number: int) -> Values | None:
        """The values of trial `number`; None: there are no more."""
        ...

    def tell(self, number: int, values: Values, score: float | None, pruned: bool) -> None:
        """How a trial came out; also called, in any order, for the trials of an earlier process. None: it failed."""
        ...


def search(kind: str, axes: Sequence[Axis], seed: int, goal: str) -> Search:
    """The search called `kind`. Raises InvalidParameter, and MissingDependency without Optuna."""
    if not axes:
        raise InvalidParameter("A sweep needs a space: give -S NAME=VALUES.")
    if kind == "grid":
        return Grid(axes)
    if kind == "random":
        return Chance(axes, seed)
    if kind == "optuna":
        return Optuna(axes, seed, goal)
    raise InvalidParameter(f"There is no search '{kind}'; choose one of {', '.join(KINDS)}.")


class Grid:
    """Every combination, the last axis changing fastest."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        self._axes = axes
        self._columns = [one.values() for one in axes]

    def __len__(self) -> int:
        count = 1
        for column in self._columns:
            count *= len(column)
        return count

    def ask(self, number: int) -> Values | None:
        """The combination of this number."""
        if number >= len(self):
            return None
        found = next(itertools.islice(itertools.product(*self._columns), number, None))
        return {axis.name: value for axis, value in zip(self._axes, found, strict=True)}

    def tell(self, number: int, values: Values, score: float | None, pruned: bool) -> None:
        """Nothing is learnt."""


class Chance:
    """Values by chance, the same for the same seed and number."""

    def __init__(self, axes: Sequence[Axis], seed: int) -> None:
        self._axes = axes
        self._seed = seed

    def ask(self, number: int) -> Values | None:
        """The values of this number."""
        chance = random.Random(f"{self._seed}/{number}")  # noqa: S311 - a search, not a secret
        return {axis.name: axis.draw(chance) for axis in self._axes}

    def tell(self, number: int, values: Values, score: float | None, pruned: bool) -> None:
        """Nothing is learnt."""


class Optuna:
    """What Optuna's sampler (TPE) proposes after what it was told."""

    def __init__(self, axes: Sequence[Axis], seed: int, goal: str) -> None:
        try:
            import optuna
        except ImportError:
            raise MissingDependency("optuna", "projects", "A sweep with --search optuna") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._axes = {axis.name: axis for axis in axes}
        self._space = {axis.name: self._distribution(axis) for axis in axes}
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        self._study = optuna.create_study(sampler=sampler, direction="maximize" if goal == "maximize" else "minimize")
        self._asked: dict[int, Any] = {}

    def ask(self, number: int) -> Values | None:
        """What to try next."""
        trial = self._asked[number] = self._study.ask(self._space)
        return {name: self._text(name, value) for name, value in trial.params.items()}

    def tell(self, number: int, values: Values, score: float | None, pruned: bool) -> None:
        """Let the sampler learn."""
        states = self._optuna.trial.TrialState
        state = states.PRUNED if pruned else states.FAIL if score is None else states.COMPLETE
        trial = self._asked.pop(number, None)
        if trial is not None:
            self._study.tell(trial, score if state == states.COMPLETE else None, state=state)
            return
        if state != states.COMPLETE:
            return
        params = {name: self._value(name, values[name]) for name in self._space if name in values}
        if len(params) == len(self._space):
            self._study.add_trial(
                self._optuna.trial.create_trial(params=params, distributions=self._space, value=score, state=state)
            )

    def _distribution(self, axis: Axis) -> Any:
        kinds = self._optuna.distributions
        if axis.choices:
            return kinds.CategoricalDistribution(axis.choices)
        if axis.whole:
            return kinds.IntDistribution(int(axis.low), int(axis.high), log=axis.log, step=int(axis.step) or 1)
        return kinds.FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step or None)

    def _text(self, name: str, value: Any) -> str:
        return value if isinstance(value, str) else self._axes[name].text(value)

    def _value(self, name: str, text: str) -> Any:
        axis = self._axes[name]
        if axis.choices:
            return text
        return int(text) if axis.whole else min(max(float(text), axis.low), axis.high)
