"""Doing something as soon as a module is imported, without importing it."""

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

Action = Callable[[], None]

_lock = threading.RLock()
_waiting: dict[str, list[Action]] = {}


def when_imported(module: str, action: Action) -> None:
    """Call `action` once `module` has been imported: now, where it has been already, else right after its import.

    An action must not raise. The same action is kept once, however often it is given.
    """
    with _lock:
        if not _is_ready(module):
            if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
                sys.meta_path.insert(0, _Finder())
            actions = _waiting.setdefault(module, [])
            if action not in actions:
                actions.append(action)
            return
    action()


def _is_ready(module: str) -> bool:
    found = sys.modules.get(module)
    return found is not None and not getattr(getattr(found, "__spec__", None), "_initializing", False)


class _Finder(MetaPathFinder):
    """Finds nothing itself: it lets the others find, and has the module's loader report when it is done."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _waiting:
            return None
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if isinstance(finder, _Finder) or find is None:
                continue
            spec: ModuleSpec | None = find(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Reporting(spec.loader)
                return spec
        return None


class _Reporting(Loader):
    """Another loader, which takes its own place back before it runs the module; then the actions follow."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        with _lock:
            actions = _waiting.pop(module.__name__, [])
        for action in actions:
            action()
