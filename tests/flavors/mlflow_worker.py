"""Runs in the Python that has MLflow: code comes in by lines of JSON, and what it leaves in `result` goes back."""

import json
import os
import sys
import traceback
import warnings


def unpacked(value):
    if isinstance(value, dict) and "array" in value:
        import numpy

        return numpy.array(value["array"], dtype=value["dtype"])
    if isinstance(value, dict) and "rows" in value:
        import pandas

        return pandas.DataFrame(value["rows"], columns=value["columns"]).astype(value["dtypes"])
    return value


def packed(value):
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return [packed(row) for row in value.to_numpy(dtype=object).tolist()]
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if hasattr(value, "tolist"):
        return packed(value.tolist())
    if isinstance(value, dict):
        return {name: packed(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [packed(one) for one in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def answer(line):
    asked = json.loads(line)
    names = {name: unpacked(value) for name, value in asked["values"].items()}
    try:
        exec(asked["code"], names)
        return {"result": packed(names.get("result"))}
    except ModuleNotFoundError as error:
        return {"missing": error.name}
    except BaseException:
        return {"error": traceback.format_exc()}


def main():
    warnings.simplefilter("ignore")
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the frameworks print goes to the log
    for line in sys.stdin:
        replies.write(json.dumps(answer(line)) + "\n")
        replies.flush()


main()
