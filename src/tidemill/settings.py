"""Settings from the environment: each is one function here, read when asked for, and documented in docs/settings.md."""

import os
from collections.abc import Mapping


def tracking_uri(env: Mapping[str, str] = os.environ) -> str | None:
    """Where to log: `TIDEMILL_URI`, else `MLFLOW_TRACKING_URI`, else None (the folder `./.tidemill`)."""
    return env.get("TIDEMILL_URI") or env.get("MLFLOW_TRACKING_URI") or None


def flag(name: str, default: bool, env: Mapping[str, str] = os.environ) -> bool:
    """A yes/no variable: `1 true yes on` and `0 false no off` in any case; anything else is the default."""
    text = env.get(name, "").strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    return default


def truncate_long_values(env: Mapping[str, str] = os.environ) -> bool:
    """`MLFLOW_TRUNCATE_LONG_VALUES` (default true): cut too long param and tag values instead of refusing them."""
    return flag("MLFLOW_TRUNCATE_LONG_VALUES", True, env)


def number(name: str, default: float, env: Mapping[str, str] = os.environ) -> float:
    """A numeric variable, or the default where it is unset or not a number."""
    try:
        return float(env[name])
    except (KeyError, ValueError):
        return default
