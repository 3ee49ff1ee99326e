"""A call of a watched function, and the options that were given for its framework."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidemill.tracking.autolog.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a framework's `autolog` was called with; docs/reference/autolog.md describes each."""

    log_params: bool = True
    log_datasets: bool = True
    log_pictures: bool = True
    log_post_training_metrics: bool = True
    log_models: bool = True
    log_model_signatures: bool = True
    log_input_examples: bool = False
    registered_model_name: str | None = None
    max_tuning_runs: int | None = 5
    exclusive: bool = False
    silent: bool = False
    extra_tags: Mapping[str, Any] = field(default_factory=dict)


class Call:
    """One call of a watched function. A handler may put other `args` and `kwargs` in place before it yields."""

    __slots__ = ("args", "is_joined", "kwargs", "original", "result", "seconds", "session")

    def __init__(self, original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.original = original
        self.args = args
        self.kwargs = kwargs
        self.result: Any = None
        self.seconds = 0.0
        self.session: Session | None = None
        self.is_joined = False

    @property
    def owner(self) -> Any:
        """The object whose method this is."""
        return self.args[0]

    def argument(self, name: str, position: int, default: Any = None) -> Any:
        """The argument called `name`, which may have been given by position (0 is `self`, for methods)."""
        if name in self.kwargs:
            return self.kwargs[name]
        return self.args[position] if len(self.args) > position else default

    def put(self, name: str, position: int, value: Any) -> None:
        """Call with another value of an argument."""
        if len(self.args) > position:
            self.args = (*self.args[:position], value, *self.args[position + 1 :])
        else:
            self.kwargs = {**self.kwargs, name: value}
