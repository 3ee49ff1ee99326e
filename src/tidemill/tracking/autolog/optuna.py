"""Autologging for Optuna: `Study.optimize`."""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tidemill.tracking.autolog import core
from tidemill.tracking.autolog.core import Call, Framework, Options
from tidemill.tracking.autolog.session import Session


def autolog(
    *,
    log_params: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, Any] | None = None,
) -> None:
    """Log each trial of a study as a child run, and the best so far in the parent; what an objective trains is logged there.

    The options as in `tidemill.sklearn.autolog`.
    """
    if disable:
        framework.turn_off()
        return
    framework.turn_on(
        Options(
            log_params=log_params,
            exclusive=exclusive,
            silent=silent,
            extra_tags=dict(extra_tags or {}),
        )
    )


def _install(framework: Framework) -> None:
    from optuna.study.study import Study

    optimize = framework.watch("optimize", _on_optimize, trains=True, wants=_has_no_callback)
    framework.watch_function(Study, "optimize", optimize)


framework = Framework("optuna", "optuna.study.study", _install)


def _given(call: Call) -> list[Any]:
    return list(call.argument("callbacks", 6) or ())


def _has_no_callback(call: Call) -> bool:
    given = call.argument("callbacks", 6)
    # An iterator can be gone through once, by the study.
    return not isinstance(given, Iterator) and not any(type(one).__name__ == "TidemillCallback" for one in given or ())


def _on_optimize(session: Session, call: Call) -> Iterator[None]:
    from tidemill.tracking.loggers.optuna import TidemillCallback

    callback = TidemillCallback(run_id=session.run_id)
    objective = call.argument("func", 1)
    call.put("func", 1, callback.in_child_run(_watched_inside(objective)))
    call.put("callbacks", 6, [*_given(call), callback])
    yield


def _watched_inside(objective: Callable[..., Any]) -> Callable[..., Any]:
    """The objective, with its own trainings logged in the trial's run: unlike other calls it is not one training."""

    @functools.wraps(objective, updated=())
    def inside(trial: Any) -> Any:
        token = core._outer.set(None)
        try:
            return objective(trial)
        finally:
            core._outer.reset(token)

    return inside
