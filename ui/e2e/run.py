"""The journeys in a real browser: serves a store with data of its own and runs Playwright's tests against it.

    python ui/e2e/run.py [arguments for Playwright]

With Tidemill installed, Chromium on the machine (Debian: apt-get install chromium) and a way to the npm registry. Where
there is no Chromium it says so and does nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

UI = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(UI), str(UI / "e2e")]

import build  # noqa: E402
import seed  # noqa: E402

from tidemill.testing.server import server_process  # noqa: E402


def chromium() -> str | None:
    """The browser."""
    named = os.environ.get("TIDEMILL_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def main() -> int:
    """Run everything; answers the exit status."""
    browser = chromium()
    if browser is None:
        print("no Chromium on this machine: the browser tests are skipped")
        return 0
    build.build()
    build.install(development=True)
    node = build.node_folder() / ("node.exe" if os.name == "nt" else "node")
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "tidemill.db"
        seed.fill(store, Path(folder) / "artifacts")
        with server_process(store, Path(folder) / "artifacts") as server:
            known = {
                "TIDEMILL_E2E_URL": server.address,
                "TIDEMILL_CHROMIUM": browser,
                "TIDEMILL_E2E_PYTHON": sys.executable,
            }
            command = [str(node), "node_modules/@playwright/test/cli.js", "test", *sys.argv[1:]]
            return subprocess.run(command, cwd=UI, env={**os.environ, **known}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
