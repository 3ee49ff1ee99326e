"""A process that holds one model; see `isolated.py`. Run as `python -m tidemill.serving.child`."""

import signal
import sys
from pathlib import Path

from tidemill.serving import wire
from tidemill.serving.isolated import own_streams
from tidemill.serving.opening import load_function


def main() -> int:
    """Load the model that the first message names, then answer until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    reader, writer = own_streams()
    job = wire.receive(reader)
    try:
        predict = load_function(Path(job["folder"]), job["allow_pickle"])
    except Exception as error:
        wire.send(writer, {"error": f"{type(error).__name__}: {error}"})
        return 1
    wire.send(writer, {})
    while True:
        try:
            asked = wire.receive(reader)
        except wire.Closed:
            return 0
        try:
            answer = {"result": predict(asked["data"], asked["params"])}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        try:
            wire.send(writer, answer)
        except BrokenPipeError:
            return 0


if __name__ == "__main__":
    sys.exit(main())
