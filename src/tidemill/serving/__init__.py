"""Models behind HTTP: from an address to a fast, observed endpoint. `read_log` reads what one saw."""

import os
from typing import Any


def read_log(folder: "str | os.PathLike[str]", model: str | None = None, *, expand: bool = True) -> Any:
    """The request log in `folder` as a pandas data frame, oldest first, with the feedback of each request.

    One line a request: request_id, time, model, version, status, latency_ms, rows, inputs, outputs, cut, answer and
    comment (the latest feedback; missing where there is none). `model`: only this one's. `expand`: JSON texts become
    Python values. Raises NotFound where the folder holds no log, MissingDependency without pandas and pyarrow.
    """
    from tidemill.serving.log import read

    return read(folder, model, expand=expand)
