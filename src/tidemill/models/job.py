"""One batch job in a process of its own, in whatever environment it was started: `python -m tidemill.models.job`.

Reads one JSON object from its input: `folder`, `source`, `target`, `params`, `rows`, `with_input`, `allow_pickle`. Prints
`rows N` for each batch, then `done N`, or `error …`.
"""

import json
import sys

from tidemill.models.batch import score_file
from tidemill.models.load import load_pyfunc


def main() -> int:
    """Do what is asked; 0, or 1 where it failed."""
    asked = json.load(sys.stdin)
    try:
        model = load_pyfunc(asked["folder"], allow_pickle=asked["allow_pickle"])
        done = score_file(
            model,
            asked["source"],
            asked["target"],
            params=asked["params"],
            rows=asked["rows"],
            with_input=asked["with_input"],
            advance=lambda count: print(f"rows {count}", flush=True),
        )
    except Exception as error:
        print(f"error {type(error).__name__}: {' '.join(str(error).split())}", flush=True)
        return 1
    print(f"done {done}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
