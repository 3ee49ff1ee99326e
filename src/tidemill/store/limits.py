"""What names and values may look like: MLflow's limits, in MLflow's words."""

import json
import posixpath
import re
from collections.abc import Collection

from tidemill import settings
from tidemill.errors import InvalidParameter

MAX_KEY = 250
MAX_PARAM_VALUE = 6000
MAX_TAG_VALUE = 8000
MAX_EXPERIMENT_NAME = 500
MAX_EXPERIMENT_TAG_VALUE = 20_000
MAX_DOUBLE = 1.7976931348623157e308

_NAME = re.compile(r"[/\w.\- :]*")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_good_names: set[str] = set()


def too_long(what: str, most: int) -> InvalidParameter:
    """The error for a text over its limit."""
    return InvalidParameter(f"'{what}' exceeds the maximum length of {most} characters")


def check_length(what: str, text: str | None, most: int) -> None:
    """Refuse `text` where it is longer than `most` characters."""
    if text is not None and len(text) > most:
        raise too_long(what, most)


def check_name(name: str, path: str, what: str) -> None:
    """Refuse a name of a metric, param or tag that MLflow would refuse. `what` names its kind for the length error."""
    if name in _good_names:
        return
    if not _NAME.fullmatch(name):
        raise InvalidParameter(
            f"Invalid value {json.dumps(name, ensure_ascii=False)} for parameter '{path}' supplied: Names may only contain "
            "alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
        )
    normal = posixpath.normpath(name)
    if normal != name or name == "." or name.startswith(("..", "/")):
        raise InvalidParameter(
            f"Invalid value {json.dumps(name, ensure_ascii=False)} for parameter '{path}' supplied: Names may be treated as "
            "files in certain cases, and must not resolve to other names when treated as such. This name would "
            f"resolve to '{normal}'"
        )
    check_length(what, name, MAX_KEY)
    if len(_good_names) > 100_000:
        _good_names.clear()
    _good_names.add(name)


def known_names() -> Collection[str]:
    """Names that were checked before and are good: a look in here is cheaper than a call."""
    return _good_names


def fit_value(value: str, what: str, most: int) -> str:
    """`value`, cut to `most` characters, or refused where `MLFLOW_TRUNCATE_LONG_VALUES` is false."""
    if len(value) <= most:
        return value
    if settings.truncate_long_values():
        return value[:most]
    raise too_long(what, most)


def metric_value(value: float) -> float:
    """A metric value as stored: infinities become the largest doubles, as in MLflow."""
    if value > MAX_DOUBLE:
        return MAX_DOUBLE
    if value < -MAX_DOUBLE:
        return -MAX_DOUBLE
    return value


def check_timestamp(key: str, value: float, timestamp: int, path: str = "timestamp") -> None:
    """Refuse a time before 1970."""
    if timestamp < 0:
        raise InvalidParameter(
            f"Invalid value {timestamp} for parameter '{path}' supplied: metric '{key}' (value={value}). "
            "Timestamp must be a nonnegative long (64-bit integer) "
        )


def number_of(text: str) -> float | None:
    """The number that a param's text is, or None: so that `params.lr < 0.1` can be asked."""
    if not text or text[0] not in "+-.0123456789" or not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if abs(number) <= MAX_DOUBLE else None
