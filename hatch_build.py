"""The build hook: puts the web interface into the package, wherever that can be done."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class UiHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds ui/ before wheels, editable installs and source distributions are made.

    `TIDEMILL_NO_UI=1` leaves it out. Where it cannot be built the package is made without it: the server then shows a
    page that says how to build it.
    """

    def dependencies(self) -> list[str]:
        """Node from PyPI, where something is to be built and the PATH has none."""
        build = self._build()
        if build is None or build.is_current() or build.node_on_path():
            return []
        return [build.NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build."""
        build = self._build()
        if build is None:
            return
        try:
            build.build()
        except (build.BuildFailed, OSError) as error:
            self.app.display_warning(
                f"Tidemill is installed without its web interface: {error}. Everything else works; "
                "the server's first page says how to build it later."
            )

    def _build(self) -> ModuleType | None:
        place = Path(self.root) / "ui" / "build.py"
        if os.environ.get("TIDEMILL_NO_UI", "") not in ("", "0") or not place.is_file():
            return None
        spec = importlib.util.spec_from_file_location("tidemill_ui_build", place)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
