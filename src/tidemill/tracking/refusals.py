"""What every store refuses, refused before it is written to a journal: a mistake should show where it is made."""

from typing import Any

from tidemill.api import codec, logged_models, runs
from tidemill.api.operation import AnyOperation
from tidemill.store.limits import check_name
from tidemill.store.logged_models import check_name as check_model_name


def check(op: AnyOperation, arg: Any) -> None:
    """Raises InvalidParameter, in the wire's words, where a name in `arg` cannot be taken."""
    if op is runs.log_param:
        check_name(arg.key, "key", "Param key")
    elif op is runs.set_tag:
        check_name(arg.key, "key", "key")
    elif op is runs.log_batch:
        _check_all(arg.metrics, "metrics[{}].name", "Metric name")
        _check_all(arg.params, "params[{}].key", "Param key")
        _check_all(arg.tags, "tags[{}].key", "key")
    elif op is logged_models.create:
        check_model_name(arg.name)
    elif op is runs.create:
        _check_all(arg.tags, "tags[{}].key", "key")


def _check_all(found: Any, path: str, what: str) -> None:
    for number, one in enumerate(found):
        if not one.key:
            raise codec.missing(path.format(number).replace(".name", ".key"))
        check_name(one.key, path.format(number), what)
