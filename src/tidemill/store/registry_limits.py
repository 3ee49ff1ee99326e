"""What registered models, versions, aliases, stages and their tags may be called: MLflow's rules, in MLflow's words."""

import re
from urllib.parse import unquote

from tidemill.errors import InvalidParameter
from tidemill.store import limits
from tidemill.types.model_versions import Stage
from tidemill.types.page import Tag

MAX_NAME = 1000
MAX_TAG_VALUE = 100_000
MAX_ALIAS = 255
MAX_DESCRIPTION = 100_000
MAX_SOURCE = 4096
MAX_USER = 256
MAX_REASON = 10_000
PROMPT_TAG = "mlflow.prompt.is_prompt"
"""The tag that makes a registered model, or a version, a prompt."""

STAGES = [stage.value for stage in Stage]
_BY_WORD = {stage.lower(): number for number, stage in enumerate(STAGES)}
_ALIAS = re.compile(r"[\w-]*")
_VERSION_ALIAS = re.compile(r"v\d+", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,18}")


def check_model_name(name: str) -> None:
    """Refuse a registered model's name that MLflow would refuse."""
    if not name:
        raise InvalidParameter("Missing value for required parameter 'name'.")
    if "/" in name or ":" in name:
        raise InvalidParameter(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")
    if name in (".", "..") or unquote(name) != name or not name.isprintable():
        # A name that decodes to another would be that other one to some reader of addresses.
        raise InvalidParameter(
            f"Invalid model name {name!r}. Names hold printable characters, are not '.' or '..' and have no percent-encoding."
        )
    limits.check_length("name", name, MAX_NAME)


def version_number(text: str) -> int:
    """The number that a version's text is."""
    if not _NUMBER.fullmatch(text):
        raise InvalidParameter(f"Parameter 'version' must be an integer, got '{text}'.")
    return int(text)


def check_alias(alias: str) -> None:
    """Refuse what can be no alias."""
    if not alias:
        raise InvalidParameter("Registered model alias name cannot be empty.")
    if not _ALIAS.fullmatch(alias):
        raise InvalidParameter(
            f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )
    limits.check_length("Registered model alias name", alias, MAX_ALIAS)


def check_new_alias(alias: str) -> None:
    """Refuse what cannot be set as an alias: also names that mean something else."""
    check_alias(alias)
    if alias.lower() == "latest":
        raise InvalidParameter("'latest' alias name (case insensitive) is reserved.")
    if _VERSION_ALIAS.fullmatch(alias):
        raise InvalidParameter(f"Version alias name '{alias}' is reserved.")


def stage_number(text: str) -> int:
    """The place in `STAGES` of a stage named in any case."""
    found = _BY_WORD.get(text.lower())
    if found is None:
        raise InvalidParameter(f"Invalid Model Version stage: {text}. Value must be one of {', '.join(STAGES)}.")
    return found


def check_tag(key: str, value: str) -> None:
    """Refuse a tag of a registered model or version that MLflow would refuse."""
    limits.check_name(key, "key", "key")
    limits.check_length("value", value, MAX_TAG_VALUE)


def checked_tags(tags: list[Tag]) -> dict[str, str]:
    """Tags by key; of one given twice the last counts."""
    for tag in tags:
        check_tag(tag.key, tag.value)
    return {tag.key: tag.value for tag in tags}


def is_prompt(tags: dict[str, str]) -> int:
    """1 where the tags make their owner a prompt, else 0."""
    return int(tags.get(PROMPT_TAG, "").lower() == "true")
