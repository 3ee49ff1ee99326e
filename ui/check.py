"""Types and logic of the web interface, where there is a way to the npm registry: `python ui/check.py`."""

import subprocess
import sys

import build


def main() -> int:
    """Run the compiler's check and Vitest; answers the exit status."""
    build.install(development=True)
    node = build.node_folder() / "node"
    for tool in (["node_modules/typescript/bin/tsc", "--noEmit"], ["node_modules/vitest/vitest.mjs", "run"]):
        status = subprocess.run([str(node), *tool], cwd=build.UI, check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
