"""Watching other packages' functions: reversible, once a call however deeply it nests, and never in the way.

A framework says which functions to watch and gives each a **handler**: a generator that runs until its `yield` before
the call and goes on after it, when `call.result` is there. Whatever goes wrong in a handler is reported once and the
call goes on with its own arguments and its own result.

Calls inside a watched call are not watched: a pipeline's steps, a search's candidates, a forest's trees. This holds for
the workers of scikit-learn's parallel loops too, in whatever thread or process they run. The exception are functions
that say so (`nests`): inside a training of their own framework they add to what it logs.
"""

import functools
import logging
import sys
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from tidemill.tracking.autolog.call import Call as Call
from tidemill.tracking.autolog.call import Options as Options
from tidemill.tracking.autolog.imports import when_imported
from tidemill.tracking.autolog.session import Session

logger = logging.getLogger("tidemill.autolog")
"""Where failures of autologging are reported: logging, unlike warnings, never turns into an error."""

_PARALLEL = "sklearn.utils.parallel"
_outer: ContextVar["Call | None"] = ContextVar("tidemill_autolog_call", default=None)
"""The watched call that is under way in this thread or task."""
_hooks: dict[str, "Hook"] = {}
_lock = threading.RLock()


Handler = Callable[[Any, Call], Iterator[None]]
"""Called with the session (of a training) or the framework (of anything else), and the call."""


@dataclass(frozen=True, slots=True)
class Hook:
    """What happens at calls of some functions. `wants` says, fast, whether a call is of interest at all."""

    framework: "Framework"
    handler: Handler
    trains: bool
    wants: Callable[[Call], bool] | None = None
    nests: bool = False


class Framework:
    """One framework's autologging: its switch, its options and the functions it watches.

    `install` is called once `module` is imported and says what to watch, with `watch`, `watch_function` and
    `watch_classes`.
    """

    def __init__(self, name: str, module: str, install: Callable[["Framework"], None]) -> None:
        self.name = name
        self.module = module
        self.options: Options | None = None
        self._install = install
        self._watched: list[tuple[Any, str, _Form, str]] = []
        self._classes: list[tuple[type, Any, Any]] = []
        self._is_installed = False
        self._reported: set[str] = set()

    def turn_on(self, options: Options) -> None:
        """Log from now on; again: with other options."""
        with _lock:
            self.options = options
            self._reported.clear()
        when_imported(self.module, self._installed)

    def turn_off(self) -> None:
        """Put everything back as it was."""
        with _lock:
            self.options = None
            for key in [key for key, hook in _hooks.items() if hook.framework is self]:
                del _hooks[key]
            for owner, name, form, key in reversed(self._watched):
                _unwatch(owner, name, form, key)
            for root, before, ours in self._classes:
                if vars(root).get("__init_subclass__") is ours:
                    _put_back(root, "__init_subclass__", before)
            self._watched.clear()
            self._classes.clear()
            self._is_installed = False

    def _installed(self) -> None:
        with _lock:
            if self.options is None or self._is_installed:
                return
            self._is_installed = True
            try:
                self._install(self)
            except Exception as error:
                self.report("switching it on", error)

    def watch(
        self,
        role: str,
        handler: Handler,
        trains: bool = False,
        wants: Callable[[Call], bool] | None = None,
        nests: bool = False,
    ) -> str:
        """Name what happens at calls of some functions; answers the key that the other methods take.

        `trains`: the handler gets a session. `nests`: also inside a training of this framework, whose session it gets.
        """
        key = f"{self.name}.{role}"
        _hooks[key] = Hook(self, handler, trains, wants, nests)
        return key

    def watch_function(self, owner: Any, name: str, key: str) -> None:
        """Watch a function of a module or a method that a class defines itself. Nothing happens where it has none."""
        with _lock:
            before = vars(owner).get(name)
            form = _forms.get(id(before))
            if form is None:
                form = _form_of(before)
                if form is None:
                    return
                _forms[id(form.ours)] = form
                setattr(owner, name, form.ours)
            if key not in form.keys:
                form.keys.append(key)
                self._watched.append((owner, name, form, key))

    def watch_classes(self, root: type, keys: Mapping[str, str], skip: Callable[[type], bool]) -> None:
        """Watch the methods `keys` (name to key) of a class and all its subclasses, those still to come included.

        Methods that they have from other classes are watched there. What `skip` is true of is left alone.
        """

        def watch_class(cls: type) -> None:
            for home in cls.__mro__[:-1]:
                if not skip(home):
                    for name, key in keys.items():
                        self.watch_function(home, name, key)

        for cls in _tree(root):
            watch_class(cls)
        before = vars(root).get("__init_subclass__")

        def __init_subclass__(cls: Any, /, **kwargs: Any) -> None:  # noqa: N807
            if before is not None:
                before.__func__(cls, **kwargs)
            else:
                super(root, cls).__init_subclass__(**kwargs)  # type: ignore[arg-type]
            try:
                if self.options is not None:
                    watch_class(cls)
            except Exception as error:
                self.report("a new class", error)

        ours: Any = classmethod(__init_subclass__)
        setattr(root, "__init_subclass__", ours)  # noqa: B010 (an assignment is what type checkers refuse)
        self._classes.append((root, before, ours))

    def report(self, what: str, error: BaseException) -> None:
        """Say once that something could not be logged. Never raises."""
        if self.options is None or what in self._reported:
            return
        self._reported.add(what)
        if not self.options.silent:
            logger.warning(
                "Autologging of %s: %s failed and is left out (%s: %s). The training itself is not affected.",
                self.name,
                what,
                type(error).__name__,
                error,
            )


def _tree(root: type) -> list[type]:
    found: list[type] = [root]
    for cls in found:
        children: list[type] = type.__subclasses__(cls)
        found += [child for child in children if child not in found]
    return found


def _put_back(owner: Any, name: str, before: Any) -> None:
    if before is None:
        delattr(owner, name)
    else:
        setattr(owner, name, before)


@dataclass(frozen=True, slots=True)
class _Form:
    """What stands in the place of a watched function; `keys` are those of all frameworks that watch it."""

    ours: Any
    before: Any
    keys: list[str]


_forms: dict[int, _Form] = {}
"""All forms in place, by the identity of `ours`."""


def _form_of(before: Any) -> _Form | None:
    """A form for a function or method; None where that is nothing to watch."""
    keys: list[str] = []
    if before is None or getattr(before, "__isabstractmethod__", False):
        return None
    if isinstance(before, type | staticmethod | classmethod | property):
        return None
    if hasattr(before, "__get__") and not isinstance(before, types.FunctionType):
        # A method that is there only sometimes, such as scikit-learn's available_if.
        return _Form(_Conditional(before, keys), before, keys)
    return _Form(_watched(before, keys), before, keys) if callable(before) else None


def _unwatch(owner: Any, name: str, form: _Form, key: str) -> None:
    form.keys.remove(key)
    if not form.keys:
        _forms.pop(id(form.ours), None)
        if vars(owner).get(name) is form.ours:  # else somebody wrapped it again; inside, ours now only passes on
            _put_back(owner, name, form.before)


def _watched(original: Callable[..., Any], keys: list[str]) -> Callable[..., Any]:
    # The closure holds the function and texts: a class that is pickled by value takes nothing else along.
    @functools.wraps(original)
    def watched(*args: Any, **kwargs: Any) -> Any:
        return watch_call(keys, original, args, kwargs)

    return watched


class _Conditional:
    """A descriptor that watches what another descriptor answers."""

    def __init__(self, before: Any, keys: list[str]) -> None:
        self.before = before
        self.keys = keys
        self.__doc__ = getattr(before, "__doc__", None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "before":
            raise AttributeError(name)
        return getattr(self.before, name)

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        found = self.before.__get__(owner, kind)
        if owner is None:
            return _watched(found, self.keys)

        @functools.wraps(found)
        def unbound(_: Any, *args: Any, **kwargs: Any) -> Any:
            return found(*args, **kwargs)

        del vars(unbound)["__wrapped__"]  # its signature has no self, ours has
        watched = _watched(unbound, self.keys)
        method = types.MethodType(watched, owner)
        vars(watched)["__signature__"] = _with_self(found)
        return method


def _with_self(method: Callable[..., Any]) -> Any:
    import inspect

    known = inspect.signature(method)
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    rest = [one.replace(kind=one.kind) for one in known.parameters.values()]
    return known.replace(parameters=[first, *rest])


def watch_call(keys: list[str], original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call `original`, with the first handler around it that wants the call, unless it is part of a watched one."""
    outer = _outer.get()
    for key in keys:
        hook = _hooks.get(key)
        if hook is not None and (outer is None or _joins(hook, outer)):
            call = Call(original, args, kwargs)
            if _is_wanted(hook, call, outer):
                break
    else:
        return original(*args, **kwargs)
    if outer is not None:
        call.session, call.is_joined = outer.session, True
    token = _outer.set(call)
    try:
        return _around(hook, call)
    finally:
        _outer.reset(token)


def _is_wanted(hook: Hook, call: Call, outer: Call | None) -> bool:
    try:
        return (hook.wants is None or hook.wants(call)) and (outer is not None or not _is_worker())
    except Exception as error:
        hook.framework.report("looking at a call", error)
        return False


def _joins(hook: Hook, outer: Call) -> bool:
    return (
        hook.nests and not outer.is_joined and outer.session is not None and outer.session.framework is hook.framework
    )


def _is_worker() -> bool:
    """Whether this is a part of a parallel loop of scikit-learn, and so of something larger."""
    if _PARALLEL not in sys.modules:
        return False
    frame: types.FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name == "__call__" and frame.f_globals.get("__name__") == _PARALLEL:
            return True
        frame = frame.f_back
    return False


def _around(hook: Hook, call: Call) -> Any:
    given = call.args, call.kwargs
    steps = None
    status = "FINISHED"
    try:
        try:
            steps = _before(hook, call)
        except Exception as error:
            hook.framework.report("what comes before a call", error)
            call.args, call.kwargs = given
        began = perf_counter()
        try:
            result = call.original(*call.args, **call.kwargs)
        except BaseException as error:
            status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
            raise
        call.seconds = perf_counter() - began
        call.result = result
        if steps is not None:
            try:
                next(steps, None)
            except Exception as error:
                hook.framework.report("what comes after a call", error)
        return result
    finally:
        if call.session is not None and not call.is_joined:
            try:
                call.session.close(status)
            except Exception as error:
                hook.framework.report("ending a run", error)


def _before(hook: Hook, call: Call) -> Iterator[None] | None:
    if hook.trains and not call.is_joined:
        call.session = Session.open(hook.framework)
        if call.session is None:
            return None
    steps = hook.handler(call.session or hook.framework, call)
    next(steps, None)
    return steps
