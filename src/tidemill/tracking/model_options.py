"""The options that saving and logging a model have in common, whatever its framework: types for `**more`."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

from tidemill.models.signature import Signature

Requirements: TypeAlias = "str | os.PathLike[str] | Sequence[str] | None"
"""Lines of a requirements file, or the path of one."""


class SaveOptions(TypedDict, total=False):
    """`signature`: None infers it, False writes none. The rest as in `tidemill.models.save.save_model`."""

    signature: Signature | Literal[False] | None
    input_example: Any
    pip_requirements: Requirements
    extra_pip_requirements: Requirements
    conda_env: dict[str, Any] | str | os.PathLike[str] | None
    code_paths: Sequence[str | os.PathLike[str]] | None
    metadata: Mapping[str, Any] | None
    infer_requirements: bool


class LogOptions(SaveOptions, total=False):
    """What logging adds, as in `tidemill.tracking.models.log_model`."""

    registered_model_name: str | None
    params: Mapping[str, Any] | None
    tags: Mapping[str, Any] | None
    model_type: str | None
    step: int
    run_id: str | None
