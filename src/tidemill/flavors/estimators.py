"""How estimators in scikit-learn's style are written and read: by skops, or by cloudpickle where that was asked for.

Written by skops (https://skops.readthedocs.io/en/stable/persistence.html), a file holds data and names of types; a type
is constructed only if it is trusted. Whom to trust says the caller, or this code, never the folder.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tidemill import settings
from tidemill.errors import InvalidParameter, Untrusted
from tidemill.flavors.framework import framework
from tidemill.flavors.trees import TREE_TYPES, check_trees
from tidemill.models.trust import unpickle

_FILES = {"skops": "model.skops", "cloudpickle": "model.pkl"}
_SPLITS = ("KFold", "StratifiedKFold", "GroupKFold", "ShuffleSplit", "StratifiedShuffleSplit", "TimeSeriesSplit")
_HARMLESS = frozenset(
    {
        "sklearn.utils._bunch.Bunch",  # a dict whose keys are attributes too
        "sklearn.metrics._scorer._PassthroughScorer",  # calls its estimator's `score`; in every search
        *(f"sklearn.model_selection._split.{name}" for name in _SPLITS),
    }
)


def write_estimator(model: Any, folder: Path, serialization_format: str) -> tuple[str, list[str]]:
    """Write `model` into `folder`; returns the file's name and the types that a reader must trust.

    Raises InvalidParameter for a format that is not `skops` or `cloudpickle`, and for a model that skops can't write.
    """
    if serialization_format not in _FILES:
        raise InvalidParameter(
            f"serialization_format is '{serialization_format}'; it must be 'skops' or 'cloudpickle'."
        )
    path = folder / _FILES[serialization_format]
    if serialization_format == "cloudpickle":
        write_pickle(model, path)
        return path.name, []
    io = framework("skops.io", "sklearn")
    try:
        io.dump(model, path)
        return path.name, list(io.get_untrusted_types(file=path))
    except Exception as error:
        path.unlink(missing_ok=True)
        raise InvalidParameter(
            f"skops cannot write this {type(model).__name__} ({error}). "
            "Save it with serialization_format='cloudpickle'; loading it will then need allow_pickle=True."
        ) from error


def read_estimator(
    path: Path,
    serialization_format: str,
    *,
    allow_pickle: bool,
    trusted: Iterable[str] = (),
    vouched: frozenset[str] = frozenset(),
) -> Any:
    """Read what `write_estimator`, or MLflow, wrote.

    `trusted`: types that the caller trusts; `vouched`: types that the flavor does; `allow_pickle` trusts all of them.
    Raises Untrusted where the file holds other types, or is a pickle and `allow_pickle` is false.
    """
    if serialization_format != "skops":
        return unpickle(path, allow_pickle)
    io = framework("skops.io", "sklearn")
    allowed = allow_pickle or settings.allow_pickle()
    found, named = set(io.get_untrusted_types(file=path)), set(trusted)
    unknown = sorted(found - named - vouched - _HARMLESS - TREE_TYPES)
    if unknown and not allowed:
        raise Untrusted(
            f"The model's file holds types that are not known to be harmless: {', '.join(unknown)}. "
            f"If you trust them, load it with trusted={unknown!r}."
        )
    model = io.load(path, trusted=sorted(found))
    if found & TREE_TYPES - named and not allowed:
        check_trees(model)
    return model


def write_pickle(model: Any, path: Path) -> None:
    """Write a pickle that brings along what is defined in a notebook or script. Raises MissingDependency."""
    writer = framework("cloudpickle", "models")
    with path.open("wb") as file:
        writer.dump(model, file, protocol=5)
