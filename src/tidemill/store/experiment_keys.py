"""What the runs of experiments have: keys, and the values of one of them."""

from tidemill.errors import InvalidParameter
from tidemill.store.filters import PREFIX, experiment_numbers
from tidemill.store.run_columns import read_column
from tidemill.store.transaction import Tx, marks
from tidemill.types import experiments as t

_MOST_VALUES = 1_000


def keys(tx: Tx, arg: t.ListKeys) -> t.ExperimentKeys:
    """See the operation `experiments.keys`."""
    experiments = experiment_numbers(arg.experiment_ids)
    return t.ExperimentKeys(
        metrics=_keys(tx, "metric_latest", experiments),
        params=_keys(tx, "params", experiments),
        tags=_keys(tx, "tags", experiments),
    )


def _keys(tx: Tx, table: str, experiments: list[int]) -> list[t.KeyCount]:
    if not experiments:
        return []
    rows = tx.rows(
        f"SELECT name_id, count(*) FROM {table} WHERE experiment_id IN ({marks(len(experiments))}) GROUP BY name_id",
        experiments,
    )
    texts = tx.names.texts(tx, {row[0] for row in rows})
    return sorted((t.KeyCount(texts[name], count) for name, count in rows), key=lambda one: one.key)


def values(tx: Tx, arg: t.ListValues) -> t.ColumnValues:
    """See the operation `experiments.values`."""
    column = read_column(arg.column, "column")
    if column.is_metric:
        raise InvalidParameter(
            "Invalid value for parameter 'column' supplied. Name a param or a tag, such as params.lr."
        )
    if not 1 <= arg.max_results <= _MOST_VALUES:
        raise InvalidParameter(
            f"Invalid value {arg.max_results} for parameter 'max_results' supplied. It must be 1 to {_MOST_VALUES}."
        )
    experiments = experiment_numbers(arg.experiment_ids)
    if not experiments:
        return t.ColumnValues([])
    rows = tx.rows(
        f"SELECT substr(value, 1, {PREFIX}), count(*) FROM {column.table} "
        f"WHERE experiment_id IN ({marks(len(experiments))}) AND name_id = ? GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?",
        [*experiments, tx.names.find(tx, column.key), arg.max_results],
    )
    return t.ColumnValues([t.ValueCount(value, count) for value, count in rows])
